//! The keeper: the one process of a lab that runs on the host. Makes the cgroups, starts the lab, lets kubectl
//! in, and clears up when the lab has ended, however it ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getpid, setsid};

use super::init::Init;
use super::root::Sources;
use super::{forward, manager};
use crate::cgroup::{self, Hierarchies};
use crate::controlplane::kubeconfig;
use crate::plan::Options;
use crate::process;
use crate::state::State;

/// Starts the names of all labs' groups.
const CGROUP_PREFIX: &str = "ferrolb-lab-";

/// Starts the line in which `enter` names the process it started.
pub(crate) const INIT_PID: &str = "init ";

#[derive(Debug, Args)]
pub(crate) struct Keeper {
    /// The lab's folder, which holds `options.json`.
    #[arg(long)]
    lab: PathBuf,
    #[arg(long)]
    rootfs: PathBuf,
    #[arg(long)]
    kube: PathBuf,
}

pub(crate) fn run(args: &Keeper) -> Result<ExitCode> {
    setsid().context("cannot leave the caller's session")?;
    let options = manager::read_options(&args.lab)?;
    let cgroups = Hierarchies::detect()?;
    cgroups.sweep(is_of_ended_lab);
    let cgroup = cgroup_name(&options, getpid());
    let ended = cgroups.create(&cgroup).and_then(|()| keep(args, &options, &cgroup));
    clear(&args.lab, &cgroup)?;
    ended
}

pub(crate) fn cgroup_name(options: &Options, keeper: Pid) -> String {
    format!("{CGROUP_PREFIX}{}-{keeper}", options.name)
}

/// Whether the group `cgroup` has the name of a lab whose keeper no longer runs.
fn is_of_ended_lab(cgroup: &str) -> bool {
    let keeper = cgroup.strip_prefix(CGROUP_PREFIX).and_then(|rest| rest.rsplit_once('-')?.1.parse().ok());
    keeper.is_some_and(|keeper| !process::runs_lab(keeper))
}

/// Removes what outlives the lab's processes; its logs stay.
pub(crate) fn clear(lab: &Path, cgroup: &str) -> Result<()> {
    for root in Hierarchies::detect()?.roots() {
        cgroup::remove(&root.join(cgroup))?;
    }
    for folder in ["nodes", "etcd", "etcd-saved", "mnt", "bin"] {
        let folder = lab.join(folder);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    State::remove(lab)
}

fn keep(args: &Keeper, options: &Options, cgroup: &str) -> Result<ExitCode> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;

    let sources = Sources { rootfs: args.rootfs.clone(), kube: args.kube.clone(), lab: args.lab.clone() };
    let hostname = format!("ferrolb-lab-{}", options.name);
    let mut enter = Command::new(std::env::current_exe()?)
        .args(["internal", "enter", "--cgroup", cgroup, "--parent", &getpid().to_string()])
        .args(Init::new(&hostname, &sources, &["manager"]).to_args())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the lab's first process")?;
    let mut lines = BufReader::new(enter.stdout.take().expect("the output was asked for"));
    if let Some(supervisor) = supervisor_of(&mut lines)? {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on the loopback")?;
        let state = State {
            options: options.clone(),
            keeper: getpid().as_raw(),
            supervisor: supervisor.as_raw(),
            cgroup: cgroup.to_owned(),
            port: listener.local_addr()?.port(),
            kubeconfig: args.lab.join("kubeconfig"),
        };
        kubeconfig::write_for_host(&args.lab, state.port)?;
        state.write(&args.lab)?;
        forward::start(listener, format!("/proc/{supervisor}/root/run/netns/cp").into());
        end_on_signal(signals, supervisor);
        relay(lines);
    }
    let status = enter.wait()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads the first line; `None` when the lab ended before it had a process.
fn supervisor_of(lines: &mut impl BufRead) -> Result<Option<Pid>> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    let Some(number) = line.trim_end().strip_prefix(INIT_PID) else { return Ok(None) };
    Ok(Some(Pid::from_raw(number.parse().context("enter printed no process number")?)))
}

fn end_on_signal(signals: SigSet, supervisor: Pid) {
    thread::spawn(move || {
        if signals.wait().is_ok() {
            // Gone already is as good.
            let _ = kill(supervisor, Signal::SIGTERM);
        }
    });
}

/// Passes the lab's progress on to whoever started it, as long as that one listens.
fn relay(mut lines: impl Read + Send + 'static) {
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        let mut out = Some(std::io::stdout());
        while let Ok(count @ 1..) = lines.read(&mut buffer) {
            out = out.filter(|mut out| out.write_all(&buffer[..count]).is_ok() && out.flush().is_ok());
        }
    });
}
