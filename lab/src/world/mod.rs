//! The processes that are the lab: from the host inwards keeper, `enter`, init, manager; the last three again
//! for each node.
//!
//! ```text
//! host   keeper ── enter ─┐          waits, forwards kubectl, removes the cgroups at the end
//! lab                     init ── manager ── etcd, API server …, enter ─┐
//! node                                                                 init ── node ── containerd, kubelet …
//! ```
//! Each dies with its parent, so ending any of them ends everything below it.

pub(crate) mod control;
pub(crate) mod daemon;
pub(crate) mod enter;
pub(crate) mod forward;
pub(crate) mod init;
pub(crate) mod join;
pub(crate) mod keeper;
pub(crate) mod manager;
pub(crate) mod root;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

/// This program's own file inside the lab.
pub(crate) const PROGRAM: &str = "/lab/bin/ferrolb-lab";

/// Ties the calling process to its parent. `parent` is the parent's id as it was when we were started; inside
/// a new pid namespace that is 0.
pub(crate) fn die_with_parent(parent: Pid) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).context("cannot ask for a signal at the parent's death")?;
    ensure!(getppid() == parent, "the parent ended while this process started");
    Ok(())
}

/// Runs `work` on a thread of its own inside the network namespace at `netns`; children that it starts and
/// sysctls that it writes are that namespace's.
pub(crate) fn in_netns<T: Send>(netns: &Path, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let namespace =
        std::fs::File::open(netns).with_context(|| format!("no network namespace {}", netns.display()))?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET)
                .context("cannot enter the network namespace")?;
            work()
        });
        thread.join().map_err(|_| anyhow::anyhow!("the thread inside {} panicked", netns.display()))?
    })
}
