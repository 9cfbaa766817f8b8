//! Running programs inside a node, a client or the switch.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::process::Table;
use crate::world::init::ENVIRONMENT;

/// One namespace of a running lab.
#[derive(Debug, Clone)]
pub struct Space {
    name: String,
    /// The lab's copy of `ferrolb-lab`.
    program: PathBuf,
    supervisor: i32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only the network is its own.
    Network,
    /// Network, processes, files: everything.
    Node,
}

/// What a program left.
#[derive(Debug, Clone)]
pub struct Output {
    /// Whether it ended with code 0.
    pub success: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Space {
    pub(crate) fn network(name: &str, program: &Path, supervisor: i32) -> Self {
        Self { name: name.into(), program: program.into(), supervisor, kind: Kind::Network }
    }

    pub(crate) fn node(name: &str, program: &Path, supervisor: i32) -> Self {
        Self { name: name.into(), program: program.into(), supervisor, kind: Kind::Node }
    }

    /// Its name, which is also that of its switch port.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The command `arguments`, to be run inside when it is started. Its standard streams are the caller's.
    ///
    /// # Errors
    /// When the node is not running.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.args(["internal", "join"]);
        match self.kind {
            Kind::Node => command.arg(format!("--target={}", self.init()?)),
            Kind::Network => command
                .arg(format!("--target={}", self.supervisor))
                .arg(format!("--netns=/proc/{}/root/run/netns/{}", self.supervisor, self.name)),
        };
        command.arg("--").args(arguments).env_clear().envs(ENVIRONMENT);
        Ok(command)
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started. How it ended is in the [`Output`].
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
        let output =
            self.command(arguments)?.stdin(Stdio::null()).output().context("cannot start ferrolb-lab")?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs a command that must succeed; its standard output.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn check<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        let arguments: Vec<S> = arguments.into_iter().collect();
        let output = self.run(arguments.iter().map(AsRef::as_ref))?;
        let words: Vec<_> = arguments.iter().map(|word| word.as_ref().to_string_lossy()).collect();
        ensure!(
            output.success,
            "on {}, {:?} failed: {}{}",
            self.name,
            words.join(" "),
            output.stdout,
            output.stderr
        );
        Ok(output.stdout)
    }

    /// Starts a command and goes on; it ends when the value is dropped.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Result<Running> {
        Ok(Running {
            child: command.spawn().with_context(|| format!("cannot start a program on {}", self.name))?,
        })
    }

    /// Numbers, on the host, of the node's processes whose program is called `comm` (15 bytes at most).
    ///
    /// # Errors
    /// When the node is not running.
    pub fn pids_of(&self, comm: &str) -> Result<Vec<i32>> {
        Ok(Table::read().called(comm, self.init()?))
    }

    /// The node's process 1, by its number on the host.
    pub(crate) fn init(&self) -> Result<i32> {
        let table = Table::read();
        let ours = |arguments: &[String]| {
            arguments
                .get(1..5)
                .is_some_and(|words| words == ["internal", "init", "--hostname", self.name.as_str()])
        };
        let found = table.below(self.supervisor).into_iter().find(|process| ours(&process.arguments()));
        found.map(|process| process.pid).with_context(|| format!("the node {} is not running", self.name))
    }
}

/// A program that runs inside a [`Space`].
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// The program's first process, by its number on the host; `None` when it has ended.
    pub fn pid(&self) -> Option<i32> {
        // `join` waits outside for the one process that it started inside.
        let join = i32::try_from(self.child.id()).expect("process ids fit in 31 bits");
        let table = Table::read();
        let mut inside = table.below(join).into_iter().filter(|process| process.parent == join);
        inside.find(|process| process.state != 'Z').map(|process| process.pid)
    }

    /// The process outside that waits for it, for its standard streams.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends `signal` to the program.
    ///
    /// # Errors
    /// When it has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().context("the program has ended")?;
        Ok(kill(Pid::from_raw(pid), signal)?)
    }

    /// Waits for its end; whether it ended with code 0.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(&mut self) -> Result<bool> {
        Ok(self.child.wait()?.success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // `join` ends after the program inside, whose ports and files are free then. Without one, `join` itself has to go.
            if self.signal(Signal::SIGKILL).is_err() {
                let _ = self.child.kill();
            }
            let _ = self.child.wait();
        }
    }
}
