//! What speakers cost while nothing happens: heartbeats on the wire, processor time, memory.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferrolb_bench::{Report, Resident, Samples, cpu_seconds};
use ferrolb_tests::sniff::Sniffer;

use crate::plan::Plan;
use crate::rig::{Rig, Scheduling};
use crate::vips::Vips;

const MANY: u32 = 5_000;
/// The node that owns all VIPs, whose speaker has most to say.
const OWNER: &str = "n1";
/// The UDP port of speakers.
const SPEAKERS: u16 = 7114;

pub(crate) fn measure(rig: &Rig, plan: &Plan, report: &mut Report) -> Result<()> {
    rig.deploy(Scheduling::Realtime, &Vips::one())?;
    sleep(plan.idle_rest);
    report.value("heartbeat_kbit_s", heartbeats(rig, plan.heartbeats)?);
    report.value("idle_cpu_percent_1", busiest(rig, plan.idle)?);

    report.value("speaker_rss_mib", largest(rig, |size| size.anonymous)?);

    rig.deploy(Scheduling::Realtime, &Vips::many(MANY))?;
    sleep(plan.idle_rest);
    report.value("idle_cpu_percent", busiest(rig, plan.idle)?);
    report
        .value("rss_mib_5000", largest(rig, |size| size.anonymous)?)
        .value("rss_shared_mib_5000", largest(rig, |size| size.shared)?);
    Ok(())
}

/// A part of the memory of the speaker that has most of it, in MiB.
fn largest(rig: &Rig, part: fn(Resident) -> f64) -> Result<f64> {
    let sizes = rig.nodes().into_iter().map(|node| Ok(part(Resident::of(rig.speaker(&node)?)?)));
    Ok(sizes.collect::<Result<Samples>>()?.max())
}

/// kbit/s of speaker frames that the owner sends, Ethernet headers included.
fn heartbeats(rig: &Rig, time: Duration) -> Result<f64> {
    let sniffer = Sniffer::open(&rig.lab, OWNER)?;
    let (began, mut octets, mut buffer) = (Instant::now(), 0.0, [0; 2048]);
    while let Some(left) = time.checked_sub(began.elapsed()) {
        let Some(frame) = sniffer.next(&mut buffer, left)? else { continue };
        if is_of_speakers(frame.bytes) && frame.bytes[6..12] == sniffer.mac() {
            #[expect(clippy::cast_precision_loss, reason = "frames are short")]
            let length = frame.bytes.len() as f64;
            octets += length;
        }
    }
    Ok(octets * 8.0 / 1000.0 / began.elapsed().as_secs_f64())
}

/// A UDP datagram in IPv4 without options to the speakers' port.
fn is_of_speakers(frame: &[u8]) -> bool {
    let field = |at: usize| frame.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    field(12) == Some(0x0800) && frame.get(23) == Some(&17) && field(36) == Some(SPEAKERS)
}

/// Percent of one processor that the speaker needs which needs most.
fn busiest(rig: &Rig, time: Duration) -> Result<f64> {
    let pids = rig.nodes().iter().map(|node| rig.speaker(node)).collect::<Result<Vec<_>>>()?;
    let used = || pids.iter().map(|pid| cpu_seconds(*pid)).collect::<Result<Vec<_>>>();
    let (began, before) = (Instant::now(), used()?);
    sleep(time);
    let (after, took) = (used()?, began.elapsed().as_secs_f64());
    let shares = before.iter().zip(&after).map(|(before, after)| (after - before) / took * 100.0);
    shares.max_by(f64::total_cmp).context("there are no speakers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_speakers_are_told_by_their_port() {
        let mut frame = [0; 60];
        frame[12] = 0x08;
        frame[23] = 17;
        frame[36..38].copy_from_slice(&7114_u16.to_be_bytes());
        assert!(is_of_speakers(&frame));
        assert!(!is_of_speakers(&frame[..37]));
        frame[23] = 6;
        assert!(!is_of_speakers(&frame));
    }
}
