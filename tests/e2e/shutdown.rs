//! A node that is shut down properly: kubelet learns of it from logind and ends the pods, those that the node needs last.

use std::io::Read;
use std::net::IpAddr;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::probe::{Target, Witness};
use ferrolb_lab::{Lab, Running, Space};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::client::{owned_by, owner, settled_owner};
use crate::flow::Flow;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::echo_on;

const SPEAKER: &str = "ferrolb-speaker";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("handover_of_a_node_that_is_shut_down_loses_nothing", Disturbs::Everybody, shut_down)]
}

/// What serves is on other nodes, so that all that ends with the node is its speaker.
fn shut_down(scene: &Scene<'_>) -> Result<()> {
    let (cluster, lab) = (scene.cluster, &scene.cluster.lab);
    scene.pool("lan", 2)?;
    scene.load_balancer("web", "")?;
    let address = scene.address("web")?;
    let leaving = settled_owner(cluster, address)?;
    let nodes = cluster.nodes();
    let others: Vec<&str> = nodes.iter().map(String::as_str).filter(|node| *node != leaving).collect();
    echo_on(scene, &others)?;
    let flow = Flow::start(lab, address, || {
        let target = Target { address, udp: Some(81), tcp: None, plain_tcp: None, seconds: None };
        let probe = lab.client().probe(&target)?;
        wait_for("the VIP answers the client", PATIENCE, || {
            ensure!(!probe.so_far().servers(Witness::Datagram).is_empty(), "it does not");
            Ok(())
        })?;
        Ok(probe)
    })?;
    owned_by(lab, address, &leaving)?;
    let handed = leave(lab, &leaving, address);
    // The lab has nothing that would do it, and whatever went wrong, this mends the node.
    lab.kill_node(&leaving)?;
    let placed = handed.and_then(|heir| {
        flow.lost_nothing()?;
        placed_elsewhere(scene, &nodes, &leaving).map(|()| heir)
    });
    lab.start_node(&leaving)?;
    cluster.mend()?;
    let heir = placed?;
    settled_owner(cluster, address)?;
    owned_by(lab, address, &heir)
}

/// The node does what it does before its power goes off; returns who answers for the address then.
fn leave(lab: &Lab, leaving: &str, address: IpAddr) -> Result<String> {
    let node = lab.node(leaving);
    let mut log = follow_speaker(&node)?;
    let logind = Logind::start(lab, &node)?;
    logind.power_off()?;
    wait_for("the node says that it is shutting down", PATIENCE, || {
        let message = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}"#;
        let message = lab.kubectl(&["get", "node", leaving, "-o", message])?;
        ensure!(message.contains("shutting down"), "it says {message:?}");
        Ok(())
    })?;
    let heir = wait_for("another node answers", PATIENCE, || {
        let now = owner(lab, address)?;
        ensure!(now != leaving, "it does not");
        Ok(now)
    })?;
    wait_for("kubelet delays the end no more", PATIENCE, || {
        let inhibitors = logind.inhibitors()?;
        ensure!(!inhibitors.contains("kubelet"), "it does: {inhibitors}");
        Ok(())
    })?;
    ensure!(node.pids_of(SPEAKER)?.is_empty(), "the speaker outlives its node");
    // A client that knows a station goes on asking it, and the node would serve it until its power is off.
    // What it said last may still be on its way to the file.
    sleep(Duration::from_secs(2));
    log.signal(Signal::SIGTERM)?;
    let mut said = String::new();
    log.child().stdout.take().expect("it was asked for").read_to_string(&mut said)?;
    ensure!(said.contains("handed over or resigned everything"), "the speaker did not end in peace: {said}");
    Ok(heir)
}

/// What the node's speaker says from now on. Its log is gone when Kubernetes has deleted the pod that ended.
fn follow_speaker(node: &Space) -> Result<Running> {
    let follow = format!("exec tail --quiet --lines=0 --follow /var/log/pods/*_{SPEAKER}-*/speaker/*.log");
    node.spawn(node.command(["sh", "-c", &follow])?.stdout(Stdio::piped()))
}

/// The node has not said since that it is ready: what is new has it for its last candidate.
fn placed_elsewhere(scene: &Scene<'_>, nodes: &[String], leaving: &str) -> Result<()> {
    scene.load_balancer("new", "")?;
    let new = scene.address("new")?;
    wait_for("the new VIP is placed", PATIENCE, || {
        let candidates = scene.candidates(new)?;
        let last = candidates.last().is_some_and(|last| last == leaving);
        ensure!(candidates.len() == nodes.len() && last, "{candidates:?}");
        Ok(())
    })
}

/// A logind that needs no systemd, and a kubelet that knows of it.
pub(crate) struct Logind<'a> {
    node: &'a Space,
    /// The bus, and elogind itself.
    _running: [Running; 2],
}

impl<'a> Logind<'a> {
    pub(crate) fn start(lab: &Lab, node: &'a Space) -> Result<Self> {
        // It waits five seconds otherwise, and kubelet asks for more.
        let wait = "[Login]\\nInhibitDelayMaxSec=60\\n";
        node.check(["sh", "-ec", &format!("mkdir -p /run/dbus; printf '{wait}' >/etc/elogind/logind.conf")])?;
        let run = |script: &str| {
            let mut command = node.command(["sh", "-ec", script])?;
            node.spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
        };
        let bus = run("exec dbus-daemon --system --nofork --nopidfile")?;
        wait_for("the bus is there", PATIENCE, || {
            node.check(["test", "-S", "/run/dbus/system_bus_socket"]).map(drop)
        })?;
        // It wants a hierarchy of control groups for sessions, of which there are none here: what it sees of the unified one is
        // enough, and leaves nothing behind.
        let mounted = "mount -t cgroup2 none /sys/fs/cgroup; exec /lib/elogind/elogind";
        let elogind = run(&format!("exec unshare --mount sh -ec '{mounted}'"))?;
        let logind = Self { node, _running: [bus, elogind] };
        wait_for("logind answers", PATIENCE, || logind.inhibitors())?;
        // kubelet looks for logind when it starts, and the lab starts it again.
        node.kill("kubelet")?;
        wait_for("kubelet asks logind to wait for it", PATIENCE, || {
            let inhibitors = logind.inhibitors()?;
            ensure!(inhibitors.contains("kubelet"), "it does not: {inhibitors}");
            Ok(())
        })?;
        // What it has not seen yet when the end comes it turns away, and that is not ended in peace.
        wait_for("kubelet has taken the node's pods again", PATIENCE, || {
            let pods = format!("/api/v1/nodes/{}/proxy/pods", node.name());
            let pods = lab.kubectl(&["get", "--raw", &pods])?;
            ensure!(pods.contains(SPEAKER), "there are {pods}");
            Ok(())
        })?;
        Ok(logind)
    }

    /// Begins the shutdown. Nothing in the lab would end the node when everybody has had his time.
    pub(crate) fn power_off(&self) -> Result<()> {
        self.node.check(["loginctl", "poweroff"]).map(drop)
    }

    /// Who delays a shutdown.
    fn inhibitors(&self) -> Result<String> {
        self.node.check(["elogind-inhibit", "--list"])
    }
}
