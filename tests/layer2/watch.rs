//! Somebody who asks for a VIP all the time, with nothing in a cache, and writes down who answers.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ferrolb_lab::probe::{Probe, Witness, monotonic_ns};
use ferrolb_tests::arp::{Asker, clock};
use ferrolb_tests::mac_text;

use crate::rig::Rig;

const PERIOD: Duration = Duration::from_millis(2);

/// A moment, by the clocks of both clients.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    arp: u64,
    probe: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { arp: clock(), probe: monotonic_ns() }
    }
}

/// Asks by ARP every two milliseconds.
pub(crate) struct Watch {
    seen: Arc<Mutex<Vec<(u64, String)>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    /// From the control plane's host, which has nothing else to do.
    pub(crate) fn start(rig: &Rig, vip: Ipv4Addr) -> Self {
        let asker = Arc::new(Asker::open(&rig.lab, "cp", Ipv4Addr::new(192, 0, 2, 1)).unwrap());
        let (seen, stop) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (asking, asked, lab) = (Arc::clone(&asker), Arc::clone(&stop), rig.lab.clone());
        let sender = thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                asking.ask(vip).unwrap();
                thread::sleep(PERIOD);
            }
        });
        let (heard, ended) = (Arc::clone(&seen), Arc::clone(&stop));
        let receiver = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let Some(answer) = asker.answer(Duration::from_millis(50)).unwrap() else { continue };
                if answer.address == vip {
                    let mac = mac_text(answer.mac);
                    let node = lab.node_with_mac(&mac).unwrap_or(mac);
                    heard.lock().unwrap().push((answer.at, node));
                }
            }
        });
        Self { seen, stop, threads: vec![sender, receiver] }
    }

    /// The first answer of another than `node` after `since`: who, how much later. Waits for it.
    pub(crate) fn another_than(&self, node: &str, since: Moment, limit: Duration) -> (String, Duration) {
        let end = Instant::now() + limit;
        loop {
            let answers = self.after(since);
            if let Some((at, other)) = answers.iter().find(|(_, other)| other != node) {
                return (other.clone(), Duration::from_nanos(at - since.arp));
            }
            assert!(Instant::now() < end, "nobody but {node} answered within {limit:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Who answered after `since`, each once, in order.
    pub(crate) fn nodes(&self, since: Moment) -> Vec<String> {
        let mut nodes = Vec::new();
        for (_, node) in self.after(since) {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes
    }

    /// For how long after `since` both answered: from the later of their first answers to the earlier of their last.
    pub(crate) fn overlap(&self, one: &str, other: &str, since: Moment) -> Duration {
        let answers = self.after(since);
        let span = |name: &str| {
            let mut times = answers.iter().filter(|(_, node)| node == name).map(|(at, _)| *at);
            let first = times.next()?;
            Some((first, times.next_back().unwrap_or(first)))
        };
        let both = span(one)
            .zip(span(other))
            .map(|(one, other)| one.1.min(other.1).saturating_sub(one.0.max(other.0)));
        Duration::from_nanos(both.unwrap_or(0))
    }

    /// The longest time without an answer after `since`.
    pub(crate) fn silence(&self, since: Moment) -> Duration {
        let times = [since.arp].into_iter().chain(self.after(since).into_iter().map(|(at, _)| at));
        let times: Vec<u64> = times.chain([clock()]).collect();
        Duration::from_nanos(times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max().unwrap_or(0))
    }

    fn after(&self, since: Moment) -> Vec<(u64, String)> {
        self.seen.lock().unwrap().iter().filter(|(at, _)| *at > since.arp).cloned().collect()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The first server other than `node` that answered a prober after `since`: who, how much later. Waits for it.
pub(crate) fn served_by_another(
    probe: &Probe,
    node: &str,
    since: Moment,
    limit: Duration,
) -> (String, Duration) {
    let end = Instant::now() + limit;
    loop {
        let report = probe.so_far();
        let servers = report.servers(Witness::Datagram);
        if let Some((at, other)) = servers.iter().find(|(at, other)| *at > since.probe && *other != node) {
            return ((*other).to_owned(), Duration::from_nanos(at - since.probe));
        }
        assert!(Instant::now() < end, "nobody but {node} served the client within {limit:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
