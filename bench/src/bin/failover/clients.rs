//! The two clients: each asks once a millisecond, all the time, and writes down who answers.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Lab;
use ferrolb_tests::arp::{Asker, clock};
use ferrolb_tests::{inside, mac_text};

use crate::rig::{PORT, Rig};

/// The host that asks by ARP, and its address.
pub(crate) const ASKER: (&str, Ipv4Addr) = ("cp", Ipv4Addr::new(192, 0, 2, 1));
const PERIOD: Duration = Duration::from_millis(1);
/// No failure is waited out longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who answered since the mark, each node once, when first.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<(String, u64)>>);

impl Seen {
    fn add(&self, node: &str, at: u64) {
        let mut seen = self.0.lock().expect("no holder of this lock panics");
        if seen.iter().all(|(other, _)| other != node) {
            seen.push((node.to_owned(), at));
        }
    }

    fn clear(&self) {
        self.0.lock().expect("no holder of this lock panics").clear();
    }

    fn other_than(&self, node: &str) -> Option<u64> {
        let seen = self.0.lock().expect("no holder of this lock panics");
        seen.iter().find(|(other, _)| other != node).map(|(_, at)| *at)
    }

    fn nodes(&self) -> Vec<String> {
        self.0.lock().expect("no holder of this lock panics").iter().map(|(node, _)| node.clone()).collect()
    }
}

/// Both clients.
pub(crate) struct Clients {
    warm: Arc<Seen>,
    anew: Arc<Seen>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Proof that what was seen before does not count.
pub(crate) struct Mark(());

impl Clients {
    pub(crate) fn start(rig: &Rig, vip: Ipv4Addr) -> Result<Self> {
        let (warm, anew, stop) =
            (Arc::<Seen>::default(), Arc::<Seen>::default(), Arc::<AtomicBool>::default());
        let mut threads = warm_client(&rig.lab, vip, &warm, &stop)?;
        threads.extend(asking_client(&rig.lab, vip, &anew, &stop)?);
        Ok(Self { warm, anew, stop, threads })
    }

    /// Forgets who answered so far.
    pub(crate) fn mark(&self) -> Mark {
        self.warm.clear();
        self.anew.clear();
        Mark(())
    }

    /// The one node that answered both clients since the mark.
    pub(crate) fn only_node(&self) -> Result<String> {
        let (warm, anew) = (self.warm.nodes(), self.anew.nodes());
        ensure!(warm.len() == 1 && warm == anew, "the clients are answered by {warm:?} and {anew:?}");
        Ok(warm[0].clone())
    }

    /// When either client was first answered by another node than `owner` since the mark; waits for it.
    pub(crate) fn another_than(&self, owner: &str, _since: Mark) -> Result<(u64, u64)> {
        let end = Instant::now() + PATIENCE;
        loop {
            match (self.warm.other_than(owner), self.anew.other_than(owner)) {
                (Some(warm), Some(anew)) => return Ok((warm, anew)),
                (warm, anew) if Instant::now() > end => anyhow::bail!(
                    "no other node than {owner} answered within {} s (warm client: {}, asking client: {})",
                    PATIENCE.as_secs(),
                    warm.is_some(),
                    anew.is_some()
                ),
                (Some(_) | None, Some(_) | None) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A client that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Asks the echo server at the VIP by way of the kernel's neighbour cache.
fn warm_client(
    lab: &Lab,
    vip: Ipv4Addr,
    seen: &Arc<Seen>,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>> {
    let socket = inside(lab, "client", || {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        socket.connect((IpAddr::V4(vip), PORT)).context("the client has no route to the VIP")?;
        Ok(socket)
    })?;
    let receiver = socket.try_clone()?;
    let sending = Arc::clone(stop);
    let sender = thread::spawn(move || {
        // Refused and unreachable are losses like others.
        every_millisecond(&sending, || drop(socket.send(b"?")));
    });
    let (seen, stop) = (Arc::clone(seen), Arc::clone(stop));
    let receiver = thread::spawn(move || {
        let mut answer = [0; 64];
        while !stop.load(Ordering::Relaxed) {
            if let Ok(length) = receiver.recv(&mut answer) {
                let at = clock();
                let text = String::from_utf8_lossy(&answer[..length]);
                if let Some(node) = text.split(' ').next() {
                    seen.add(node, at);
                }
            }
        }
    });
    Ok(vec![sender, receiver])
}

/// Asks by ARP from a host that has nothing else to do, so that the warm client learns nothing from it.
fn asking_client(
    lab: &Lab,
    vip: Ipv4Addr,
    seen: &Arc<Seen>,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<()>>> {
    let asker = Arc::new(Asker::open(lab, ASKER.0, ASKER.1)?);
    let (asking, stopped) = (Arc::clone(&asker), Arc::clone(stop));
    let sender = thread::spawn(move || every_millisecond(&stopped, || drop(asking.ask(vip))));
    let (lab, seen, stop) = (lab.clone(), Arc::clone(seen), Arc::clone(stop));
    let receiver = thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            if let Ok(Some(answer)) = asker.answer(Duration::from_millis(100))
                && answer.address == vip
                && let Some(node) = lab.node_with_mac(&mac_text(answer.mac))
            {
                seen.add(&node, answer.at);
            }
        }
    });
    Ok(vec![sender, receiver])
}

fn every_millisecond(stop: &AtomicBool, mut act: impl FnMut()) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        act();
        next = (next + PERIOD).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
