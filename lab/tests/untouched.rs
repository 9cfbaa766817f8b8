//! A lab leaves its host as it was: after `down`, after kill -9 in the middle of coming up and with pods running, after
//! kill -9 of the keeper.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::{Guard, program, succeed};
use ferrolb_lab::{Checkout, State, kill_pid, wait};
use nix::sys::signal::Signal;

/// The lab of this test.
const NAME: &str = "t-untouched";

/// Sysctls that change by themselves.
const RESTLESS: [&str; 12] = [
    "fs/aio-nr",
    "fs/dentry-state",
    "fs/file-nr",
    "fs/inode-nr",
    "fs/inode-state",
    "fs/quota",
    "kernel/ns_last_pid",
    "kernel/pty/nr",
    "kernel/random",
    "net/netfilter/nf_conntrack_count",
    "vm/stat_refresh",
    "kernel/sched_domain",
];

/// All of the host that a lab could leave traces in, as one line each.
#[derive(Debug, PartialEq, Eq)]
struct Host(BTreeSet<String>);

impl Host {
    fn look() -> Self {
        let mut lines = BTreeSet::new();
        sysctls(Path::new("/proc/sys"), &mut lines);
        for arguments in [
            &["ip", "-br", "link"][..],
            &["ip", "-br", "addr"],
            &["ip", "-o", "route", "show", "table", "all"],
            &["ip", "-6", "-o", "route", "show", "table", "all"],
            &["nft", "list", "ruleset"],
        ] {
            let text = debian(arguments);
            lines.extend(
                text.lines().map(|line| format!("{}: {}", arguments.join(" "), without_countdown(line))),
            );
        }
        // Named namespaces of others come and go; these would be ours.
        let named = |name: &&str| Path::new("/run/netns").join(name).exists();
        lines.extend(
            ["sw", "cp", "router", "client", "n1"]
                .iter()
                .filter(|name| named(name))
                .map(|name| format!("netns: {name}")),
        );
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        lines.extend(mounts.lines().map(|line| format!("mount: {line}")));
        lines.extend(cgroups().into_iter().map(|group| format!("cgroup: {}", group.display())));
        lines.extend(lab_processes().into_iter().map(|process| format!("process: {process}")));
        Self(lines)
    }

    fn assert_same(&self, after: &Self) {
        let appeared: Vec<_> = after.0.difference(&self.0).collect();
        let vanished: Vec<_> = self.0.difference(&after.0).collect();
        assert!(
            appeared.is_empty() && vanished.is_empty(),
            "appeared: {appeared:#?}, vanished: {vanished:#?}"
        );
    }
}

fn sysctls(folder: &Path, lines: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix("/proc/sys").unwrap();
        if RESTLESS.iter().any(|restless| name.starts_with(restless)) {
            continue;
        }
        if path.is_dir() {
            sysctls(&path, lines);
        } else if let Ok(value) = fs::read(&path) {
            lines.insert(format!("sysctl: {} = {}", name.display(), String::from_utf8_lossy(&value)));
        }
    }
}

/// Runs a program of the lab's root file system on the host, in no namespace of its own.
fn debian(arguments: &[&str]) -> String {
    let root = Checkout::find().unwrap().labs().join("rootfs");
    let library = |folder: &str| root.join(folder).display().to_string();
    let libraries = [library("usr/lib/x86_64-linux-gnu"), library("lib/x86_64-linux-gnu")].join(":");
    let file = ["usr/sbin", "sbin", "usr/bin", "bin"].map(|folder| root.join(folder).join(arguments[0]));
    let file = file.iter().find(|file| file.exists()).unwrap();
    let mut command = Command::new(root.join("lib64/ld-linux-x86-64.so.2"));
    command.arg("--library-path").arg(libraries).arg(file).args(&arguments[1..]);
    String::from_utf8(succeed(&mut command).stdout).unwrap()
}

/// Routes learnt by advertisement count down.
fn without_countdown(line: &str) -> String {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| *word == "expires") {
        words.drain(at..(at + 2).min(words.len()));
    }
    words.join(" ")
}

/// The top groups of each hierarchy, but those of labs that others run meanwhile.
fn cgroups() -> Vec<PathBuf> {
    let others = |group: &PathBuf| {
        let name = group.file_name().unwrap().to_string_lossy();
        name.starts_with("ferrolb-lab-") && !name.contains(NAME)
    };
    hierarchies().iter().flat_map(|hierarchy| folders(hierarchy)).filter(|group| !others(group)).collect()
}

fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let unified = root.join("cgroup.procs").exists();
    if unified { vec![root.to_path_buf()] } else { folders(root) }
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// The lab's processes: all but its keeper are in its cgroups, and the keeper has its folder as argument.
fn lab_processes() -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let describe = |pid: u32| {
        let read = |file: &str| {
            String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()).into_owned()
        };
        let ours = read("cgroup").contains(&format!("ferrolb-lab-{NAME}"))
            || read("cmdline").contains(&format!("/.lab/{NAME}"));
        ours.then(|| format!("{pid} {}", read("comm")))
    };
    pids.filter_map(describe).collect()
}

fn state() -> Option<State> {
    State::read(&Checkout::find().unwrap().lab(NAME)).unwrap()
}

/// One after the other: each compares the whole host.
#[test]
fn the_host_is_as_it_was() {
    after_down();
    after_the_supervisor_was_killed_while_it_started();
    after_a_cluster_with_pods_was_killed();
    after_the_keeper_was_killed();
    what_killed_labs_left_is_removed();
}

fn after_down() {
    succeed(&mut program(NAME, &["down"]));
    let before = Host::look();
    let lab = with_pods();
    let port = lab.0.state().port;
    assert_ne!(before, Host::look(), "a lab that runs is seen by this comparison");
    drop(lab);
    before.assert_same(&Host::look());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is free again");
}

fn with_pods() -> Guard {
    let lab = Guard::up(NAME, &["--nodes", "2"]);
    let image = "--image=registry.k8s.io/e2e-test-images/agnhost:2.59";
    lab.0.kubectl(&["create", "deployment", "hello", image, "--", "/agnhost", "netexec"]).unwrap();
    lab.0.kubectl(&["wait", "--for=condition=Available", "deployment/hello", "--timeout=60s"]).unwrap();
    lab
}

fn after_a_cluster_with_pods_was_killed() {
    let before = Host::look();
    let lab = with_pods();
    kill_pid(state().unwrap().supervisor, Signal::SIGKILL).unwrap();
    cleared_up();
    drop(lab);
    before.assert_same(&Host::look());
}

fn cleared_up() {
    wait("the keeper clears up", Duration::from_secs(20), || state().is_none()).unwrap();
    wait("the keeper ends", Duration::from_secs(5), || lab_processes().is_empty()).unwrap();
}

fn after_the_supervisor_was_killed_while_it_started() {
    let before = Host::look();
    let mut up = program(NAME, &["up", "--nodes", "2"]).spawn().unwrap();
    let supervisor = {
        let log = Checkout::find().unwrap().lab(NAME).join("log/kube-apiserver.log");
        let started = || log.exists() && state().is_some();
        wait("the API server starts", Duration::from_secs(30), started).unwrap();
        state().unwrap().supervisor
    };
    kill_pid(supervisor, Signal::SIGKILL).unwrap();
    assert!(!up.wait().unwrap().success(), "up says that the lab ended");
    cleared_up();
    before.assert_same(&Host::look());
}

fn after_the_keeper_was_killed() {
    let before = Host::look();
    succeed(&mut program(NAME, &["up", "--no-cluster", "--nodes", "2"]));
    let state = state().unwrap();
    kill_pid(state.keeper, Signal::SIGKILL).unwrap();
    wait("the lab dies with its keeper", Duration::from_secs(10), || !state.is_running()).unwrap();
    succeed(&mut program(NAME, &["down"]));
    before.assert_same(&Host::look());
}

/// A lab whose every process was killed at once, in a checkout that may be gone by now, left its groups. The next one to come
/// up takes them away: they hold the machine's real-time budget.
fn what_killed_labs_left_is_removed() {
    let mut ended = Command::new("true").spawn().unwrap();
    let number = ended.id();
    ended.wait().unwrap();
    let before = Host::look();
    let used_by_labs = |root: &PathBuf| !root.ends_with("unified");
    for root in hierarchies().into_iter().filter(used_by_labs) {
        let group = root.join(format!("ferrolb-lab-{NAME}-gone-{number}"));
        fs::create_dir_all(group.join("k8s.io/container")).unwrap();
        let budget = group.join("cpu.rt_runtime_us");
        if budget.exists() {
            // Labs that others run may hold all of it.
            let _ = fs::write(budget, "50000");
        }
    }
    assert_ne!(before, Host::look());
    succeed(&mut program(NAME, &["up", "--no-cluster", "--nodes", "1"]));
    succeed(&mut program(NAME, &["down"]));
    before.assert_same(&Host::look());
}
