//! How long the answer to a question by ARP takes, on the wire: both times are the kernel's own, of the frames that pass the
//! asking host's cable, so it does not matter when the program that asks gets its turn.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_bench::Samples;
use ferrolb_lab::Lab;
use ferrolb_tests::arp::{Asker, Packet};
use ferrolb_tests::sniff::Sniffer;

const HOST: (&str, Ipv4Addr) = ("client", Ipv4Addr::new(192, 0, 2, 100));
/// Each question is asked as if by another host, beginning with this one, so that its answer can be told from others.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 19, 0, 1);
/// Far below what one station is answered in a second.
const PERIOD: Duration = Duration::from_millis(2);
/// A question that is not answered within this time counts as if it had been answered then.
const PATIENCE: Duration = Duration::from_millis(500);

/// Microseconds from each of `questions` for `address` on its way to its answer on its way back.
pub(crate) fn latencies(lab: &Lab, address: Ipv4Addr, questions: u32) -> Result<Samples> {
    let sniffer = Sniffer::open(lab, HOST.0)?;
    let asker = Asker::open(lab, HOST.0, HOST.1)?;
    let asking = thread::spawn(move || {
        (0..questions).try_for_each(|number| {
            thread::sleep(PERIOD);
            asker.ask_as(Ipv4Addr::from_bits(FIRST.to_bits() + number), address).map(drop)
        })
    });
    let mut open = BTreeMap::new();
    let (mut asked, mut latencies) = (0, Samples::default());
    let mut buffer = [0; 128];
    let mut end = None;
    while end.is_none_or(|end| Instant::now() < end) && (asked < questions || !open.is_empty()) {
        if asking.is_finished() {
            end.get_or_insert_with(|| Instant::now() + PATIENCE);
        }
        let Some(frame) = sniffer.next(&mut buffer, Duration::from_millis(50))? else { continue };
        match Packet::read(frame.bytes) {
            Some(packet) if packet.asks && packet.target == address && packet.mac == sniffer.mac() => {
                asked += 1;
                open.insert(packet.address, frame.at);
            }
            Some(packet) if !packet.asks && packet.address == address => {
                if let Some(at) = open.remove(&packet.target) {
                    latencies.add(microseconds(frame.at.saturating_sub(at)));
                }
            }
            Some(_) | None => {}
        }
    }
    asking.join().map_err(|_| anyhow::anyhow!("the asking thread panicked"))??;
    ensure!(asked == questions, "{asked} of {questions} questions were seen on their way");
    let unanswered = open.len();
    ensure!(unanswered * 20 < latencies.len(), "{unanswered} of {questions} questions were not answered");
    open.values().for_each(|_| latencies.add(PATIENCE.as_secs_f64() * 1e6));
    Ok(latencies)
}

fn microseconds(nanoseconds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "at most half a second")]
    let nanoseconds = nanoseconds as f64;
    nanoseconds / 1e3
}
