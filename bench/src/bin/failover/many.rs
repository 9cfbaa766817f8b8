//! A thousand VIPs of one node that falls silent: when the last of them is answered by another.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use ferrolb_bench::{Report, Samples};
use ferrolb_tests::arp::{Asker, Packet, clock};
use ferrolb_tests::mac_text;
use ferrolb_tests::sniff::Sniffer;

use crate::clients::ASKER;
use crate::compare::milliseconds;
use crate::plan::Plan;
use crate::rig::{Rig, Scheduling};
use crate::vips::Vips;

const COUNT: u32 = 1000;
/// All VIPs are placed on this node first, and this one takes over half of them at least.
const OWNER: &str = "n1";
const TAKER: &str = "n2";
/// No failure is waited out longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long announcements are counted after the failure.
const ANNOUNCED_FOR: Duration = Duration::from_millis(1_200);

pub(crate) fn measure(rig: &Rig, plan: &Plan, report: &mut Report) -> Result<()> {
    let vips = Vips::many(COUNT);
    let (mut firsts, mut lasts, mut rates) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..plan.many_runs {
        rig.deploy(Scheduling::Realtime, &vips)?;
        sleep(plan.many_rest);
        let owners = rig.owners(Scheduling::Realtime, vips.all().len())?;
        ensure!(owners[OWNER] == vips.all().len(), "not all VIPs are {OWNER}'s: {owners:?}");

        let sniffer = Sniffer::open(&rig.lab, ASKER.0)?;
        let taker = Sniffer::open(&rig.lab, TAKER)?;
        let injected = clock();
        rig.lab.silence(OWNER)?;
        let moved = wait_for_all(rig, &sniffer, &vips, injected);
        sleep(ANNOUNCED_FOR);
        let asked = ask_all(rig, &vips);
        rig.lab.unsilence(OWNER)?;
        asked?;
        let (first, last) = moved?;
        firsts.add(first);
        lasts.add(last);
        rates.add(most_in_a_second(&gratuitous(&taker)?));
    }
    report
        .value("last_of_1000_ms", lasts.median())
        .value("last_of_1000_max_ms", lasts.max())
        .value("first_of_1000_ms", firsts.median())
        .value("gratuitous_per_s", rates.max());
    Ok(())
}

/// Waits until every VIP was said to be at another node than its owner, be it unasked; milliseconds until the first and the
/// last. A neighbour cache that has the VIP follows each of these frames.
fn wait_for_all(rig: &Rig, sniffer: &Sniffer, vips: &Vips, injected: u64) -> Result<(f64, f64)> {
    let mut missing: BTreeSet<Ipv4Addr> = vips.all().iter().copied().collect();
    let (mut first, mut buffer) = (None, [0; 128]);
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let Some(frame) = sniffer.next(&mut buffer, Duration::from_millis(100))? else { continue };
        let Some(packet) = Packet::read(frame.bytes) else { continue };
        let node = rig.lab.node_with_mac(&mac_text(packet.mac));
        if frame.at > injected && node.is_some_and(|node| node != OWNER) && missing.remove(&packet.address) {
            let first = *first.get_or_insert(frame.at);
            if missing.is_empty() {
                return Ok((milliseconds(injected, first), milliseconds(injected, frame.at)));
            }
        }
    }
    bail!("{} VIPs were not taken over within {} s", missing.len(), PATIENCE.as_secs())
}

/// Asks for every VIP: each must be answered, by another node than its owner.
fn ask_all(rig: &Rig, vips: &Vips) -> Result<()> {
    let asker = Asker::open(&rig.lab, ASKER.0, ASKER.1)?;
    let mut missing: BTreeSet<Ipv4Addr> = vips.all().iter().copied().collect();
    for vip in vips.all() {
        asker.ask(*vip)?;
        // As fast as a station is answered at most.
        sleep(Duration::from_micros(500));
    }
    while let Some(answer) = asker.answer(Duration::from_millis(500))? {
        let node = rig.lab.node_with_mac(&mac_text(answer.mac));
        if node.is_some_and(|node| node != OWNER) {
            missing.remove(&answer.address);
        }
    }
    ensure!(missing.is_empty(), "{} VIPs are announced, but nobody answers for them", missing.len());
    Ok(())
}

/// When the node of `sniffer` sent the gratuitous frames that it sent so far, unicast ones too.
fn gratuitous(sniffer: &Sniffer) -> Result<Vec<u64>> {
    let (mut times, mut buffer) = (Vec::new(), [0; 128]);
    while let Some(frame) = sniffer.next(&mut buffer, Duration::from_millis(1))? {
        let own = Packet::read(frame.bytes).filter(|packet| packet.mac == sniffer.mac());
        if own.is_some_and(|packet| packet.address == packet.target) {
            times.push(frame.at);
        }
    }
    Ok(times)
}

/// The most of these moments that lie within any second.
fn most_in_a_second(times: &[u64]) -> f64 {
    let within =
        |(start, from): (usize, &u64)| times[start..].partition_point(|at| at - from < 1_000_000_000);
    let most = times.iter().enumerate().map(within).max().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "some thousand")]
    let most = most as f64;
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_counts() {
        let second = 1_000_000_000;
        assert_eq!(most_in_a_second(&[0, 1, second, second + 1, second + 2, 5 * second]), 3.0);
        assert_eq!(most_in_a_second(&[]), 0.0);
    }
}
