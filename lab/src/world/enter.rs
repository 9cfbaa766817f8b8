//! `enter`: joins a cgroup, leaves every namespace of its parent and starts init in the new ones.
//!
//! It stays outside the new pid namespace (only its children are inside) and waits, so that its own parent sees
//! when that world has ended.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Pid;

use super::{die_with_parent, init};
use crate::cgroup::Hierarchies;

#[derive(Debug, Args)]
pub(crate) struct Enter {
    /// Process id of the caller.
    #[arg(long)]
    parent: i32,
    /// The group to join in every hierarchy that has it.
    #[arg(long)]
    cgroup: String,
    /// A network namespace to be in; without, a new one.
    #[arg(long)]
    netns: Option<PathBuf>,
    #[command(flatten)]
    init: init::Init,
}

pub(crate) fn run(args: &Enter) -> Result<ExitCode> {
    die_with_parent(Pid::from_raw(args.parent))?;
    Hierarchies::detect()?.enter(&args.cgroup)?;
    let mut flags = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    match &args.netns {
        Some(path) => {
            let namespace =
                File::open(path).with_context(|| format!("no network namespace {}", path.display()))?;
            setns(namespace, CloneFlags::CLONE_NEWNET)?;
        }
        None => flags |= CloneFlags::CLONE_NEWNET,
    }
    unshare(flags).context("cannot make new namespaces: this needs root and a kernel with all of them")?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(["internal", "init"])
        .args(args.init.to_args())
        .spawn()
        .context("cannot start init")?;
    println!("{}{}", super::keeper::INIT_PID, child.id());
    let status = child.wait()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
