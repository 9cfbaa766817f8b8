//! `join`: runs a program in a node or other place of a running lab, from the host.
//!
//! It stays outside, passes the program's end on, and takes the program with it when it is killed. (nsenter
//! would stop itself when its program is stopped, and a stopped parent keeps a whole pid namespace from ending.)

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use nix::sched::{CloneFlags, setns};
use nix::unistd::Pid;

use super::{PROGRAM, die_with_parent};

#[derive(Debug, Args)]
pub(crate) struct Join {
    /// The process whose namespaces to enter, by its number on the host.
    #[arg(long)]
    target: i32,
    /// Another network namespace than that process's.
    #[arg(long)]
    netns: Option<PathBuf>,
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub(crate) fn join(args: &Join) -> Result<ExitCode> {
    let of_target = Path::new("/proc").join(args.target.to_string()).join("ns");
    let net = args.netns.clone().unwrap_or_else(|| of_target.join("net"));
    let rest = ["uts", "ipc", "pid", "cgroup", "mnt"].map(|name| of_target.join(name));
    let mut namespaces = Vec::new();
    for path in std::iter::once(net).chain(rest) {
        let namespace =
            File::open(&path).with_context(|| format!("{} is gone: is the lab up?", path.display()))?;
        namespaces.push((path, namespace));
    }
    for (path, namespace) in namespaces {
        setns(namespace, CloneFlags::empty()).with_context(|| format!("cannot enter {}", path.display()))?;
    }
    let status = Command::new(PROGRAM)
        .args(["internal", "run", "--"])
        .args(&args.command)
        .status()
        .with_context(|| format!("cannot start {PROGRAM}"))?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// The inner half: becomes the program, tied to [`join`], which from inside its pid namespace has no number.
pub(crate) fn run(args: &Run) -> Result<ExitCode> {
    die_with_parent(Pid::from_raw(0))?;
    let (program, arguments) = args.command.split_first().expect("clap asks for one word at least");
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {program}"))
}
