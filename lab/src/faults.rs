//! What goes wrong on purpose: cables, silence, frozen and killed processes, a node without power.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::Lab;
use crate::process::Process;
use crate::space::Space;
use crate::wait::wait;
use crate::world::control::Order;

/// How long a killed node's processes may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

impl Lab {
    /// Pulls the cable of `name` (a node or client) out of the switch: it loses carrier.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn link_down(&self, name: &str) -> Result<()> {
        self.switch().check(["ip", "link", "set", name, "down"]).map(drop)
    }

    /// Puts the cable back.
    ///
    /// # Errors
    /// When there is no such port.
    pub fn link_up(&self, name: &str) -> Result<()> {
        self.switch().check(["ip", "link", "set", name, "up"]).map(drop)
    }

    /// Drops every frame from and to `name`, which keeps its carrier.
    ///
    /// # Errors
    /// When nft refuses.
    pub fn silence(&self, name: &str) -> Result<()> {
        self.switch()
            .check(["nft", "add", "element", "bridge", "lab", "silent", &format!("{{ {name} }}")])
            .map(drop)
    }

    /// Lets its frames pass again.
    ///
    /// # Errors
    /// When it was not silent.
    pub fn unsilence(&self, name: &str) -> Result<()> {
        self.switch()
            .check(["nft", "delete", "element", "bridge", "lab", "silent", &format!("{{ {name} }}")])
            .map(drop)
    }

    /// Cuts the power of a node: all its processes end at once; its disk stays, the kernel's part of it (link,
    /// addresses, rules) too, so cut its link first where that matters. Returns when they are gone.
    ///
    /// # Errors
    /// When there is no such node, or something of it does not end.
    pub fn kill_node(&self, name: &str) -> Result<()> {
        self.order(&Order::StopNode(name.into()))?;
        // The kernel ends the node's process 1, and with it all others, only after the one that started it.
        let node = self.node(name);
        wait("the node is gone", GONE_WITHIN, || node.init().is_err()).map(drop)
    }

    /// Starts a killed node again.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn start_node(&self, name: &str) -> Result<()> {
        self.order(&Order::StartNode(name.into()))
    }

    /// Kills the API server and keeps it down.
    ///
    /// # Errors
    /// When the lab has no cluster.
    pub fn stop_apiserver(&self) -> Result<()> {
        self.stop_control_plane("kube-apiserver")
    }

    /// Starts it again with what etcd holds; returns when it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_apiserver(&self) -> Result<()> {
        self.start_control_plane("kube-apiserver")
    }

    /// Puts a copy of all that etcd holds aside; the API server is away meanwhile.
    ///
    /// # Errors
    /// When the copy cannot be made, or the API server does not become ready again.
    pub fn save_store(&self) -> Result<()> {
        let [store, saved] = self.stores();
        self.without_store(|| copy(&store, &saved))
    }

    /// Gives etcd what [`Lab::save_store`] put aside, as an operator restores a backup: whatever was done since is
    /// forgotten, and revisions are counted from there again.
    ///
    /// # Errors
    /// When nothing was put aside, or the API server does not become ready again.
    pub fn restore_store(&self) -> Result<()> {
        let [store, saved] = self.stores();
        self.without_store(|| copy(&saved, &store))
    }

    fn stores(&self) -> [PathBuf; 2] {
        ["etcd", "etcd-saved"].map(|name| self.folder().join(name))
    }

    fn without_store(&self, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.stop_apiserver()?;
        self.stop_control_plane("etcd")?;
        let done = work();
        self.start_control_plane("etcd")?;
        self.start_apiserver()?;
        done
    }

    /// Kills a program of the control plane by name and keeps it down.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn stop_control_plane(&self, program: &str) -> Result<()> {
        self.order(&Order::Stop(program.into()))
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start_control_plane(&self, program: &str) -> Result<()> {
        self.order(&Order::Start(program.into()))
    }
}

/// Makes `to` what `from` is.
fn copy(from: &Path, to: &Path) -> Result<()> {
    ensure!(from.is_dir(), "{} does not exist", from.display());
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("cannot remove {}", to.display()))?;
    }
    let copied = Command::new("cp").arg("-a").args([from, to]).status().context("cannot start cp")?;
    ensure!(copied.success(), "cannot copy {} to {}", from.display(), to.display());
    Ok(())
}

impl Space {
    /// Stops every process called `comm` with SIGSTOP; returns their numbers once all stand still.
    ///
    /// # Errors
    /// When there is none.
    pub fn freeze(&self, comm: &str) -> Result<Vec<i32>> {
        let pids = self.signal_all(comm, Signal::SIGSTOP)?;
        stand_still(&pids)?;
        Ok(pids)
    }

    /// Lets them go on.
    ///
    /// # Errors
    /// When there is none.
    pub fn thaw(&self, comm: &str) -> Result<Vec<i32>> {
        self.signal_all(comm, Signal::SIGCONT)
    }

    /// Ends every process called `comm` with SIGKILL; returns their numbers.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill(&self, comm: &str) -> Result<Vec<i32>> {
        self.signal_all(comm, Signal::SIGKILL)
    }

    fn signal_all(&self, comm: &str, signal: Signal) -> Result<Vec<i32>> {
        let pids = self.pids_of(comm)?;
        ensure!(!pids.is_empty(), "no process on {} is called {comm}", self.name());
        pids.iter().try_for_each(|pid| kill_pid(*pid, signal))?;
        Ok(pids)
    }
}

/// Sends `signal` to the process with this number on the host.
///
/// # Errors
/// When there is none.
pub fn kill_pid(pid: i32, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(pid), signal)?)
}

/// Waits until processes that got SIGSTOP stand still.
pub(crate) fn stand_still(pids: &[i32]) -> Result<()> {
    wait("processes stand still", GONE_WITHIN, || pids.iter().all(|pid| stands_still(*pid))).map(drop)
}

fn stands_still(pid: i32) -> bool {
    Process::read(pid).is_none_or(|process| process.state == 'T')
}
