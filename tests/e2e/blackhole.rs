//! What the leader sends to the API server is lost without a word: its connections are half open, requests are on their
//! way for ever, and watches tell on.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_tests::audit::Audit;
use libtest_mimic::Trial;

use crate::controllers::{held_once, rivals, served_again, unchanged};
use crate::leader::{Controller, Leader};
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};

/// Shorter than a lease holds, and longer than the kernel may try to deliver a request.
const SHORT: Duration = Duration::from_secs(9);
/// Longer than a lease holds and another controller needs to take it; shorter than Kubernetes lets a node be silent.
const LONG: Duration = Duration::from_secs(24);
/// The kernel gives up after five seconds; a busy machine notices a little later.
const GIVEN_UP: Duration = Duration::from_millis(7_500);
/// Once the way is free again a new Service has its address within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(10);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_black_hole_shorter_than_a_lease_delays_addresses_by_seconds", Disturbs::Everybody, short),
        trial("a_black_hole_longer_than_a_lease_moves_nothing", Disturbs::Everybody, long),
    ]
}

fn short(scene: &Scene<'_>) -> Result<()> {
    let before = rivals(scene)?;
    let leader = Leader::find(scene.cluster)?;
    swallowed(scene, &leader, SHORT)?;
    let waited = both_served(scene)?;
    println!("blackhole: both Services are served {waited:.1?} after the way is free again");
    ensure!(waited < SOON, "after a hole of {SHORT:?} a Service waited {waited:?}");
    scene.cluster.mend()?;
    unchanged(scene, &before)?;
    held_once(scene)
}

fn long(scene: &Scene<'_>) -> Result<()> {
    let cluster = scene.cluster;
    let before = rivals(scene)?;
    let leader = Leader::find(cluster)?;
    let elsewhere = |other: &Controller| other.node != leader.controller.node;
    ensure!(Controller::all(cluster)?.iter().any(elsewhere), "all controllers are on one node");
    let audit = swallowed(scene, &leader, LONG)?;
    // The next leader has served it meanwhile, or is about to.
    let took_over = leader.replaced(cluster)?;
    let waited = both_served(scene)?;
    println!(
        "blackhole: another leads after {took_over:.1?} more, both Services are served {waited:.1?} after"
    );
    ensure!(waited < SOON, "after a hole of {LONG:?} a Service waited {waited:?}");
    cluster.mend()?;
    served_again(scene)?;
    unchanged(scene, &before)?;
    held_once(scene)?;
    // Nothing of what was on its way arrives when the way is free again.
    let mut late = audit.changes()?;
    late.retain(|change| change.pod == leader.controller.pod && change.resource != "leases");
    ensure!(late.is_empty(), "the old leader's requests of before arrived: {late:?}");
    Ok(())
}

/// Loses all that the leader's node sends to the API server for so long, with a Service to serve at the beginning. Returns what is
/// written from the moment on when the way is free again.
fn swallowed(scene: &Scene<'_>, leader: &Leader, lasts: Duration) -> Result<Audit> {
    let cluster = scene.cluster;
    let pid = leader.controller.pid(cluster)?;
    cluster.lab.lose(&leader.controller.node, "cp", 100)?;
    let since = Instant::now();
    scene.load_balancer("asked-meanwhile", "ipFamilies: [IPv6]")?;
    let mut waiting: BTreeMap<u16, Instant> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    while since.elapsed() < lasts {
        let ports = undelivered(pid)?;
        waiting.retain(|port, _| ports.contains(port));
        for port in ports {
            longest = longest.max(waiting.entry(port).or_insert_with(Instant::now).elapsed());
        }
        sleep(Duration::from_millis(100));
    }
    let audit = Audit::now(&cluster.lab)?;
    cluster.lab.heal()?;
    println!("blackhole: the kernel of the leader's node tried to deliver for {longest:.1?}");
    ensure!(
        longest > Duration::from_secs(2),
        "nothing was on its way for long ({longest:?}), so nothing is shown"
    );
    ensure!(longest < GIVEN_UP, "what the leader sent was to be delivered for {longest:?}");
    Ok(audit)
}

/// The local ports of the process's connections on which something was sent and not acknowledged, as proc(5) has it.
fn undelivered(pid: i32) -> Result<Vec<u16>> {
    const STATES: [&str; 5] = ["01", "04", "08", "09", "0B"];
    let mut ports = Vec::new();
    for family in ["tcp", "tcp6"] {
        let file = format!("/proc/{pid}/net/{family}");
        let table = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, queues, ..] = fields[..] else { continue };
            let is_waiting =
                queues.split(':').next().is_some_and(|sent| sent.bytes().any(|digit| digit != b'0'));
            if is_waiting && STATES.contains(&state) {
                let port = local.rsplit(':').next().unwrap_or_default();
                ports.push(u16::from_str_radix(port, 16).with_context(|| format!("{line} has no port"))?);
            }
        }
    }
    Ok(ports)
}

/// How long the Service of before and a new one wait for their addresses from now on.
fn both_served(scene: &Scene<'_>) -> Result<Duration> {
    let since = Instant::now();
    scene.load_balancer("asked-afterwards", "ipFamilies: [IPv6]")?;
    scene.address("asked-afterwards")?;
    scene.address("asked-meanwhile")?;
    Ok(since.elapsed())
}
