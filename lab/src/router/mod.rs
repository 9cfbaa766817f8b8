//! A routing program on one of the lab's routers: started from a configuration given as text, asked through its own control
//! tool, reloaded, stopped, killed, frozen.

mod program;

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;

pub use program::RouterProgram;

use crate::faults::{kill_pid, stand_still};
use crate::lab::Lab;
use crate::process::{Process, Table};
use crate::space::{Running, Space};
use crate::wait::wait;
use program::{Recipe, Reload};

/// How long a program may take to answer its control tool, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A routing program with its host. It ends with this value.
#[derive(Debug)]
pub struct Router {
    space: Space,
    program: RouterProgram,
    recipe: Recipe,
    log: PathBuf,
    /// Its daemons, in the order in which they were started.
    running: Vec<Running>,
    /// Whether it ended in the middle of what it did.
    was_killed: bool,
}

impl Router {
    /// Starts `program` on `host` (`r1`, …, or a node); returns once it answers and has read `configuration`.
    ///
    /// # Errors
    /// When there is no such host, or the program does not start or refuses its configuration: its log is in the message.
    pub fn start(lab: &Lab, host: &str, program: RouterProgram, configuration: &str) -> Result<Self> {
        let log = lab.folder().join("log").join(format!("{host}-{}.log", program.name()));
        let (space, recipe) = (lab.space(host)?, program.recipe());
        let mut router = Self { space, program, recipe, log, running: Vec::new(), was_killed: false };
        router.write(configuration)?;
        router.start_again()?;
        Ok(router)
    }

    /// Which program it is.
    pub fn program(&self) -> RouterProgram {
        self.program
    }

    /// Its host.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// What its control tool (`birdc`, `vtysh`, `gobgp`, `bgpctl`, `exabgpcli`) prints.
    ///
    /// # Errors
    /// When the program does not run, or the tool fails.
    pub fn control(&self, arguments: &[&str]) -> Result<String> {
        ensure!(!self.running.is_empty(), "{} does not run", self.title());
        self.space.check(self.recipe.control.iter().chain(arguments))
    }

    /// Gives it another configuration while it runs. Sessions that it does not concern stay as they are, as far as the program
    /// can do that.
    ///
    /// # Errors
    /// When the program refuses it.
    pub fn reload(&self, configuration: &str) -> Result<()> {
        self.write(configuration)?;
        let told = match self.recipe.reload {
            Reload::Command(command) => self.space.check(command).map(drop),
            Reload::Signal(signal) => self.running.iter().try_for_each(|daemon| daemon.signal(signal)),
        };
        told.with_context(|| format!("{} refuses to reload:\n{}", self.title(), self.log()))
    }

    /// Starts it again with the configuration that it had, after [`Router::stop`] or [`Router::kill`].
    ///
    /// # Errors
    /// When it runs, or as [`Router::start`].
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.running.is_empty(), "{} runs already", self.title());
        self.space.check(["sh", "-ec", self.recipe.prepare])?;
        for (place, daemon) in self.recipe.daemons.iter().enumerate() {
            let recover = if place == 0 && self.was_killed { self.recipe.recover } else { &[] };
            let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
            let mut command = self.space.command(daemon.iter().chain(recover))?;
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            self.running.push(self.space.spawn(&mut command)?);
        }
        self.was_killed = false;
        self.answers()?;
        if let Some(load) = self.recipe.load {
            self.space.check(load).with_context(|| format!("{} refuses its configuration", self.title()))?;
        }
        Ok(())
    }

    /// Asks it to end, as its service would, and waits for that.
    ///
    /// # Errors
    /// When it has ended already or does not end.
    pub fn stop(&mut self) -> Result<()> {
        for mut daemon in self.running.drain(..).rev() {
            daemon.signal(Signal::SIGTERM)?;
            let ended = || daemon.child().try_wait().is_ok_and(|status| status.is_some());
            wait("a routing program ends", PATIENCE, ended)?;
        }
        Ok(())
    }

    /// Ends all its processes at once: it has no time to tell its peers. Returns when they are gone.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill(&mut self) -> Result<()> {
        let killed = self.signal_all(Signal::SIGKILL);
        self.running.clear();
        self.was_killed = true;
        let killed = killed?;
        let gone = |pid: &i32| Process::read(*pid).is_none_or(|process| process.state == 'Z');
        wait("a killed routing program is gone", PATIENCE, || killed.iter().all(gone)).map(drop)
    }

    /// Stops all its processes with SIGSTOP; returns once they stand still. Its connections stay, and nobody reads from them.
    ///
    /// # Errors
    /// When there is none.
    pub fn freeze(&self) -> Result<()> {
        stand_still(&self.signal_all(Signal::SIGSTOP)?)
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When there is none.
    pub fn thaw(&self) -> Result<()> {
        self.signal_all(Signal::SIGCONT).map(drop)
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn answers(&mut self) -> Result<()> {
        let mut ended = false;
        let (running, space, ready) = (&mut self.running, &self.space, self.recipe.ready);
        let answers = wait("it answers", PATIENCE, || {
            ended = running.iter_mut().any(|daemon| !matches!(daemon.child().try_wait(), Ok(None)));
            ended || space.run(["sh", "-ec", ready]).is_ok_and(|output| output.success)
        });
        if ended || answers.is_err() {
            let _ = self.kill();
            bail!("{} does not start; it says:\n{}", self.title(), self.log());
        }
        Ok(())
    }

    fn write(&self, configuration: &str) -> Result<()> {
        let root = Path::new("/proc").join(self.space.init()?.to_string()).join("root");
        let file = root.join(self.recipe.file.trim_start_matches('/'));
        let folder = file.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(&file, configuration).with_context(|| format!("cannot write {}", file.display()))?;
        // OpenBGPD refuses a file that others may read, since passwords are in it.
        fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        Ok(())
    }

    /// Every process of it: some work for one that only waits for them.
    fn signal_all(&self, signal: Signal) -> Result<Vec<i32>> {
        let table = Table::read();
        let first: Vec<i32> = self.running.iter().filter_map(Running::pid).collect();
        let below = first.iter().flat_map(|pid| table.below(*pid)).map(|process| process.pid);
        let pids: Vec<i32> = first.iter().copied().chain(below).collect();
        ensure!(!pids.is_empty(), "{} does not run", self.title());
        // One that ends because its parent did needs no signal.
        pids.iter().for_each(|pid| drop(kill_pid(*pid, signal)));
        Ok(pids)
    }

    fn title(&self) -> String {
        format!("{} on {}", self.program.name(), self.space.name())
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        if !self.running.is_empty() {
            let _ = self.kill();
        }
    }
}
