//! `init`: process 1 of the lab and of each node. Makes the root file system its own, starts one program,
//! reaps orphans, and ends at SIGTERM or when that program ends; the kernel then ends everything else.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Args;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, sethostname};

use super::{PROGRAM, die_with_parent, root};

#[derive(Debug, Clone, Args)]
pub(crate) struct Init {
    /// Host name.
    #[arg(long)]
    hostname: String,
    /// Root file system, kept as it is.
    #[arg(long)]
    rootfs: PathBuf,
    /// Kubernetes programs, kept as they are.
    #[arg(long)]
    kube: PathBuf,
    /// The lab's folder.
    #[arg(long)]
    lab: PathBuf,
    /// What to run: `manager`, or `node NAME`.
    #[arg(last = true, required = true)]
    program: Vec<String>,
}

impl Init {
    pub(crate) fn new(hostname: &str, sources: &root::Sources, program: &[&str]) -> Self {
        Self {
            hostname: hostname.into(),
            rootfs: sources.rootfs.clone(),
            kube: sources.kube.clone(),
            lab: sources.lab.clone(),
            program: program.iter().map(ToString::to_string).collect(),
        }
    }

    pub(crate) fn to_args(&self) -> Vec<std::ffi::OsString> {
        let mut args: Vec<std::ffi::OsString> = vec!["--hostname".into(), self.hostname.clone().into()];
        for (flag, path) in [("--rootfs", &self.rootfs), ("--kube", &self.kube), ("--lab", &self.lab)] {
            args.extend([flag.into(), path.clone().into()]);
        }
        args.push("--".into());
        args.extend(self.program.iter().map(Into::into));
        args
    }
}

pub(crate) fn run(args: &Init) -> Result<ExitCode> {
    // Seen from inside a new pid namespace the parent has no number.
    die_with_parent(Pid::from_raw(0))?;
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGCHLD] {
        signals.add(signal);
    }
    signals.thread_block()?;
    sethostname(&args.hostname)?;
    root::make(&root::Sources {
        rootfs: args.rootfs.clone(),
        kube: args.kube.clone(),
        lab: args.lab.clone(),
    })?;
    let program = Command::new(PROGRAM)
        .arg("internal")
        .args(&args.program)
        .env_clear()
        .envs(ENVIRONMENT)
        .spawn()
        .with_context(|| format!("cannot start {PROGRAM}"))?;
    let program = Pid::from_raw(i32::try_from(program.id()).expect("process ids fit in 31 bits"));
    loop {
        if signals.wait()? != Signal::SIGCHLD {
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(code) = reap(program) {
            return Ok(code);
        }
    }
}

/// The environment of everything inside.
pub(crate) const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/kube:/lab/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("TERM", "xterm"),
];

/// Collects every ended child; says how `program` ended once it has.
fn reap(program: Pid) -> Option<ExitCode> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => {
                return Some(ExitCode::from(u8::try_from(code).unwrap_or(1)));
            }
            Ok(WaitStatus::Signaled(pid, _, _)) if pid == program => return Some(ExitCode::FAILURE),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}
