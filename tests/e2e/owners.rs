//! Owners that fall silent, freeze, die, vanish and are told to leave: another node answers within moments.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::probe::{Probe, Target, Witness, monotonic_ns};
use ferrolb_lab::{Lab, Space};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::client::{owned_by, owner, settled_owner, udp};
use crate::cluster::NAMESPACE;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::echo;

const SPEAKER: &str = "ferrolb-speaker";
/// Long before Kubernetes itself would notice, also on a machine at a tenth of the usual speed; the benchmark measures how
/// long it takes.
const WITHIN: Duration = Duration::from_secs(3);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("an_owner_that_falls_silent_is_replaced", Disturbs::Everybody, silent),
        trial("an_owner_that_freezes_is_replaced_and_yields_when_it_thaws", Disturbs::Everybody, frozen),
        trial("an_owner_that_is_killed_is_replaced", Disturbs::Everybody, killed),
        trial(
            "an_owner_that_runs_out_of_memory_is_replaced_and_comes_back",
            Disturbs::Everybody,
            out_of_memory,
        ),
        trial(
            "an_owner_whose_node_reboots_is_replaced_and_takes_nothing_back",
            Disturbs::Everybody,
            rebooted,
        ),
        trial("an_owner_whose_node_is_deleted_is_replaced", Disturbs::Everybody, deleted),
        trial("the_exclusion_label_moves_the_vip", Disturbs::Everybody, excluded),
        trial("owners_fail_ten_times_in_each_way", Disturbs::Everybody, ten_times).with_ignored_flag(true),
    ]
}

fn silent(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let heir = vip.moves_when(|lab, owner| lab.silence(owner))?;
    vip.lab().unsilence(&vip.owner)?;
    vip.stays_with(&heir)
}

fn frozen(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let heir = vip.moves_when(|lab, owner| lab.node(owner).freeze(SPEAKER).map(drop))?;
    vip.lab().node(&vip.owner).thaw(SPEAKER)?;
    vip.stays_with(&heir)
}

fn killed(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let heir = vip.moves_when(|lab, owner| lab.node(owner).kill(SPEAKER).map(drop))?;
    vip.stays_with(&heir)
}

/// Somebody else fills the container's memory, and of what is in it the kernel ends what is largest: the speaker.
fn out_of_memory(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let before = container(scene, &vip.owner)?;
    let heir = vip.moves_when(fill_memory)?;
    vip.lab().node(&vip.owner).check(["rm", "-f", FILLED])?;
    wait_for("the speaker is there again", PATIENCE, || {
        let now = container(scene, &vip.owner)?;
        let ended = &now["lastState"]["terminated"];
        ensure!(ended["reason"] == "OOMKilled" && ended["exitCode"] == 137, "{now}");
        ensure!(ended["containerID"] == before["containerID"], "{now} is not what followed {before}");
        ensure!(now["ready"] == true, "{now}");
        Ok(())
    })?;
    vip.stays_with(&heir)
}

/// Files in memory count for the control group whose process wrote them.
const FILLED: &str = "/dev/shm/filled";

/// With twice what the container may have; whoever writes ends with it.
fn fill_memory(lab: &Lab, node: &str) -> Result<()> {
    let script = format!(
        "pid=$(pgrep -x {SPEAKER})
        group=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/$pid/cgroup)
        test -d $group || group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)
        echo $$ >$group/cgroup.procs
        exec head -c 256M /dev/zero >{FILLED}"
    );
    let filled = lab.node(node).run(["sh", "-ec", &script])?;
    ensure!(!filled.success, "{node} had memory for all of it");
    Ok(())
}

/// What kubelet says of the speaker's container on a node.
fn container(scene: &Scene<'_>, node: &str) -> Result<Value> {
    let on = format!("spec.nodeName={node}");
    let speakers = "app.kubernetes.io/component=speaker";
    let status = "jsonpath={.items[0].status.containerStatuses[0]}";
    let get = ["-n", NAMESPACE, "get", "pods", "-l", speakers, "--field-selector", &on, "-o", status];
    Ok(serde_json::from_str(&scene.cluster.lab.kubectl(&get)?)?)
}

fn rebooted(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let heir = vip.moves_when(power_cut)?;
    vip.lab().link_up(&vip.owner)?;
    vip.lab().start_node(&vip.owner)?;
    scene.cluster.mend()?;
    vip.stays_with(&heir)
}

fn power_cut(lab: &Lab, node: &str) -> Result<()> {
    lab.link_down(node)?;
    lab.kill_node(node)
}

fn deleted(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let heir = vip.moves_when(power_cut)?;
    vip.lab().kubectl(&["delete", "node", &vip.owner, "--timeout=120s"])?;
    wait_for("the state of the deleted node's speaker goes with it", PATIENCE, || {
        let states = vip.lab().kubectl(&["get", "speakerstates", "-o", "name"])?;
        ensure!(!states.contains(&vip.owner), "there are {states}");
        Ok(())
    })?;
    vip.lab().link_up(&vip.owner)?;
    vip.lab().start_node(&vip.owner)?;
    scene.cluster.mend()?;
    vip.stays_with(&heir)
}

fn excluded(scene: &Scene<'_>) -> Result<()> {
    const LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
    let vip = Vip::up(scene)?;
    vip.lab().kubectl(&["label", "node", &vip.owner, &format!("{LABEL}=")])?;
    let moved = wait_for("the VIP leaves the excluded node", PATIENCE, || {
        let now = owner(vip.lab(), vip.address)?;
        ensure!(now != vip.owner, "it does not");
        Ok(now)
    });
    vip.lab().kubectl(&["label", "node", &vip.owner, &format!("{LABEL}-")])?;
    let moved = moved?;
    settled_owner(scene.cluster, vip.address)?;
    // It stays where it is well served.
    owned_by(vip.lab(), vip.address, &moved)
}

/// Nothing but figures, to set beside those of the benchmark, which has no cluster: `hack/test.sh e2e --ignored ten_times`.
fn ten_times(scene: &Scene<'_>) -> Result<()> {
    type Step = fn(&Lab, &str) -> Result<()>;
    const CAUSES: [(&str, Step, Step); 4] = [
        ("silent", |lab, node| lab.silence(node), |lab, node| lab.unsilence(node)),
        ("link", |lab, node| lab.link_down(node), |lab, node| lab.link_up(node)),
        (
            "freeze",
            |lab, node| lab.node(node).freeze(SPEAKER).map(drop),
            |lab, node| lab.node(node).thaw(SPEAKER).map(drop),
        ),
        ("kill", |lab, node| lab.node(node).kill(SPEAKER).map(drop), |_, _| Ok(())),
    ];
    let mut vip = Vip::up(scene)?;
    for (cause, fault, undo) in CAUSES {
        let mut outages = Vec::new();
        for _ in 0..10 {
            let (heir, took) = vip.fails_over_when(fault)?;
            outages.push(took);
            undo(vip.lab(), &vip.owner)?;
            scene.cluster.mend()?;
            vip.stays_with(&heir)?;
            vip = Vip::settled(scene, vip.address)?;
        }
        outages.sort_unstable();
        let (median, longest) = (outages[outages.len() / 2], outages[outages.len() - 1]);
        println!("{cause}: median {} ms, longest {} ms of 10", median.as_millis(), longest.as_millis());
    }
    Ok(())
}

/// A VIP whose owner's own pod answers.
pub(crate) struct Vip<'a> {
    scene: &'a Scene<'a>,
    pub(crate) address: IpAddr,
    pub(crate) owner: String,
}

impl<'a> Vip<'a> {
    pub(crate) fn up(scene: &'a Scene<'a>) -> Result<Self> {
        scene.pool("lan", 1)?;
        echo(scene)?;
        scene.load_balancer("web", "externalTrafficPolicy: Local")?;
        Self::settled(scene, scene.address("web")?)
    }

    /// The VIP at `address`, once any node could take it and its owner serves it.
    fn settled(scene: &'a Scene<'a>, address: IpAddr) -> Result<Self> {
        // Under Local a node is a candidate once its own pod is ready: with one candidate, nobody could take over.
        wait_for("every node is a candidate", PATIENCE, || {
            let (candidates, all) = (scene.candidates(address)?, scene.cluster.nodes().len());
            ensure!(candidates.len() == all, "of {all} nodes these are: {candidates:?}");
            Ok(())
        })?;
        let owner = settled_owner(scene.cluster, address)?;
        let vip = Self { scene, address, owner };
        vip.is_served()?;
        Ok(vip)
    }

    pub(crate) fn lab(&self) -> &Lab {
        &self.scene.cluster.lab
    }

    /// Waits until kube-proxy on the owner knows the VIP too. A flow whose first packet comes before that is not translated,
    /// nor are the packets that follow it, so each look is a flow of its own.
    fn is_served(&self) -> Result<()> {
        wait_for("a client's first datagram is answered", PATIENCE, || {
            let server = udp(self.lab(), &self.lab().client(), SocketAddr::new(self.address, 81), "first")?;
            ensure!(server == format!("{} first", self.owner), "{server:?} is not {}'s answer", self.owner);
            Ok(())
        })
    }

    /// A client that asks each millisecond, once it gets answers from the owner.
    pub(crate) fn probe(&self) -> Result<Probe> {
        self.probe_from(&self.lab().client())
    }

    fn probe_from(&self, client: &Space) -> Result<Probe> {
        let target =
            Target { address: self.address, udp: Some(81), tcp: None, plain_tcp: None, seconds: None };
        let probe = client.probe(&target)?;
        wait_for("the owner answers the client", PATIENCE, || {
            let report = probe.so_far();
            let last = report.servers(Witness::Datagram).last().map(|(_, name)| (*name).to_owned());
            ensure!(last.as_deref() == Some(self.owner.as_str()), "{last:?} does, not {}", self.owner);
            Ok(())
        })?;
        Ok(probe)
    }

    /// Lets `fault` happen to the owner: a client with a warm neighbour cache, one behind a router that has one, and one that
    /// asks anew must all find another node in time.
    pub(crate) fn moves_when(&self, fault: impl FnOnce(&Lab, &str) -> Result<()>) -> Result<String> {
        self.fails_over_when(fault).map(|(heir, _)| heir)
    }

    /// The same; the other node, and how long it took until the later of the clients with a warm cache was served.
    fn fails_over_when(&self, fault: impl FnOnce(&Lab, &str) -> Result<()>) -> Result<(String, Duration)> {
        let (near, far) = (self.probe()?, self.probe_from(&self.lab().client_routed())?);
        let injected = monotonic_ns();
        fault(self.lab(), &self.owner)?;
        let (server, took) = self.another_serves(&near, injected)?;
        let (far_server, far_took) = self.another_serves(&far, injected)?;
        ensure!(
            server == far_server,
            "{server} serves the segment, {far_server} the other side of the router"
        );
        near.finish()?;
        far.finish()?;
        owned_by(self.lab(), self.address, &server)?;
        println!(
            "{}: {} to {server} in {} ms, through the router {} ms",
            self.scene.namespace,
            self.owner,
            took.as_millis(),
            far_took.as_millis()
        );
        Ok((server, took.max(far_took)))
    }

    fn another_serves(&self, probe: &Probe, injected: u64) -> Result<(String, Duration)> {
        let (at, server) = wait_for("another node answers the client", PATIENCE, || {
            let report = probe.so_far();
            let servers = report.servers(Witness::Datagram);
            let other = servers.into_iter().find(|(at, name)| *at > injected && *name != self.owner);
            let (at, name) = other.ok_or_else(|| anyhow::anyhow!("{} was the last that did", self.owner))?;
            Ok((at, name.to_owned()))
        })?;
        let took = Duration::from_nanos(at - injected);
        ensure!(took < WITHIN, "{server} took over from {} after {} ms", self.owner, took.as_millis());
        Ok((server, took))
    }

    /// The node that took the VIP keeps it, whoever comes back.
    fn stays_with(&self, heir: &str) -> Result<()> {
        let now = settled_owner(self.scene.cluster, self.address)?;
        ensure!(now == heir, "{heir} had taken the VIP, and it went on to {now} though nothing happened");
        self.has_one_owner_for_good()
    }

    /// Once all speakers agree, one node answers, and the same one again and again.
    pub(crate) fn has_one_owner_for_good(&self) -> Result<()> {
        let first = settled_owner(self.scene.cluster, self.address)?;
        for _ in 0..5 {
            let now = owner(self.lab(), self.address)?;
            ensure!(now == first, "the VIP went from {first} to {now} though nothing happened");
        }
        Ok(())
    }
}
