//! A segment full of nonsense: speakers count it and go on answering.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use ferrolb_tests::arp::Asker;
use ferrolb_tests::flood::{flood, hear_heartbeat};
use ferrolb_tests::metrics::Metrics;
use libtest_mimic::Trial;

use crate::client::{settled_owner, speaker_metrics};
use crate::cluster::NODES;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};

const PER_SECOND: u32 = 50_000;
const DURATION: Duration = Duration::from_secs(6);
const QUESTIONS: usize = 300;
/// A busy machine sends fewer frames than asked for, and answers later, with or without them.
const WORTH_CALLING: f64 = 5_000.0;
const PATIENCE: Duration = Duration::from_secs(1);
const P99: Duration = Duration::from_millis(1);
const SLOWER: u32 = 10;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("a_flood_of_malformed_frames_moves_counters_only", Disturbs::Everybody, flooded)]
}

fn flooded(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "")?;
    let address = scene.address("web")?;
    let IpAddr::V4(vip) = address else { bail!("{address} is not IPv4") };
    let owner = settled_owner(scene.cluster, address)?;
    let heartbeat = hear_heartbeat(lab, "client", Duration::from_secs(5))?;
    let before = counters(scene)?;

    let mut quiet = latencies(scene, vip, &owner)?;
    let (sent, mut loud) = thread::scope(|scope| {
        let flooding = scope.spawn(|| flood(lab, "client", (PER_SECOND, DURATION), vip, &heartbeat));
        let loud = latencies(scene, vip, &owner);
        let sent = flooding.join().expect("the flood does not panic")?;
        Ok::<_, anyhow::Error>((sent, loud?))
    })?;
    let after = counters(scene)?;
    let [quiet, loud] = [&mut quiet, &mut loud].map(|latencies| p99(latencies));
    println!("flood: {:.0} frames a second; ARP p99 {quiet:?} before, {loud:?} meanwhile", sent.rate());
    ensure!(sent.rate() > WORTH_CALLING, "only {:.0} frames a second were sent", sent.rate());
    for (node, before, after) in
        before.iter().zip(&after).map(|((node, before), (_, after))| (node, before, after))
    {
        refused(node, before, after)?;
        unmoved(node, before, after)?;
    }
    ensure!(settled_owner(scene.cluster, address)? == owner, "the flood moved the VIP");
    ensure!(
        loud < P99.max(quiet * SLOWER),
        "ARP was answered in {loud:?} at p99 during the flood, {quiet:?} before"
    );
    Ok(())
}

fn counters(scene: &Scene<'_>) -> Result<Vec<(&'static str, Metrics)>> {
    NODES.into_iter().map(|node| Ok((node, speaker_metrics(&scene.cluster.lab, node)?))).collect()
}

/// Every kind of nonsense was noticed as such.
fn refused(node: &str, before: &Metrics, after: &Metrics) -> Result<()> {
    for reason in ["malformed", "implausible", "bad-signature"] {
        let label = format!("reason=\"{reason}\"");
        let count = |metrics: &Metrics| metrics.sum("ferrolb_speaker_frames_refused_total", &[&label]);
        ensure!(count(after) > count(before), "{node} counted no {reason} frame");
    }
    Ok(())
}

/// Nothing came of it.
fn unmoved(node: &str, before: &Metrics, after: &Metrics) -> Result<()> {
    for name in [
        "ferrolb_speaker_ownership_changes_total",
        "ferrolb_speaker_duplicates_total",
        "ferrolb_speaker_vips",
    ] {
        let value = |metrics: &Metrics, state: &[&str]| metrics.sum(name, state);
        let labels: &[&str] = if name.ends_with("vips") { &["state=\"owner\""] } else { &[] };
        ensure!(value(after, labels) == value(before, labels), "{node}: {name} changed under the flood");
    }
    let stalls =
        |metrics: &Metrics| metrics.sum("ferrolb_speaker_late_wakeups_total", &["severity=\"stalled\""]);
    ensure!(stalls(after) == stalls(before), "{node} stalled under the flood");
    Ok(())
}

/// How long each of many questions by ARP took to be answered, by `owner`. A machine that is too busy loses frames before
/// any speaker sees them: what got no answer took as long as was waited for one.
fn latencies(scene: &Scene<'_>, vip: Ipv4Addr, owner: &str) -> Result<Vec<Duration>> {
    let lab = &scene.cluster.lab;
    let asker = Asker::open(lab, "client", Ipv4Addr::new(192, 0, 2, 100))?;
    (0..QUESTIONS)
        .map(|_| {
            thread::sleep(Duration::from_millis(10));
            let Some((mac, took)) = asker.owner(vip, PATIENCE)? else { return Ok(PATIENCE) };
            let node = lab.node_with_mac(&ferrolb_tests::mac_text(mac));
            ensure!(node.as_deref() == Some(owner), "{node:?} answered for the VIP of {owner}");
            Ok(Duration::from_nanos(took))
        })
        .collect()
}

fn p99(latencies: &mut [Duration]) -> Duration {
    latencies.sort_unstable();
    latencies[latencies.len() * 99 / 100]
}
