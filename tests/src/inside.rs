//! Running code inside a network namespace of a lab.

use std::fs::File;
use std::thread;

use anyhow::{Context, Result};
use ferrolb_lab::Lab;
use nix::sched::{CloneFlags, setns};

/// Runs `work` on a thread of its own inside the network namespace called `name` (`client`, `n1`, …). Sockets made there
/// stay there, also when they are used elsewhere later.
///
/// # Errors
/// There is no such namespace, or `work` fails.
///
/// # Panics
/// `work` panics.
pub fn inside<T: Send>(lab: &Lab, name: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let path = format!("/proc/{}/root/run/netns/{name}", lab.state().supervisor);
    let namespace = File::open(&path).with_context(|| format!("the lab has no network {name}"))?;
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET)
                .with_context(|| format!("cannot enter the network of {name}: are you root?"))?;
            work()
        });
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
