//! The prober: what a client of a VIP feels, to the millisecond, while things go wrong.
//!
//! Three witnesses that fail differently: datagrams, new connections, and one connection that stays. Each
//! reports in JSON lines; times are nanoseconds of the machine's monotonic clock, the same in every namespace.

mod connect;
mod datagram;
mod established;
mod event;
mod report;

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;
use nix::sys::signal::{SigSet, Signal};
use nix::time::{ClockId, clock_gettime};

pub use event::{Counts, Event, Witness};
pub use report::{Probe, Report};

/// What to probe.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// The VIP.
    #[arg(long = "to")]
    pub address: IpAddr,
    /// UDP port of an echo server of ours: a request each millisecond.
    #[arg(long)]
    pub udp: Option<u16>,
    /// TCP port of an echo server of ours: a new connection every 10 ms, and one that stays and exchanges a
    /// byte each millisecond.
    #[arg(long)]
    pub tcp: Option<u16>,
    /// TCP port of any server: new connections only.
    #[arg(long)]
    pub plain_tcp: Option<u16>,
    /// End after this many seconds; without, at SIGTERM.
    #[arg(long = "for")]
    pub seconds: Option<u64>,
}

impl Target {
    /// Both protocols of an echo server at `address`.
    pub fn echo(address: IpAddr, port: u16) -> Self {
        Self { address, udp: Some(port), tcp: Some(port), plain_tcp: None, seconds: None }
    }
}

/// Nanoseconds of the machine's monotonic clock, as in the prober's reports.
pub fn monotonic_ns() -> u64 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock"));
    u64::try_from(now.as_nanos()).expect("the machine has not run for 584 years")
}

/// Shared by the witnesses.
#[derive(Debug, Clone)]
struct Desk {
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
}

impl Desk {
    fn tell(&self, event: Event) {
        // The only reader ends when the process does.
        let _ = self.events.send(event);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Sleeps until the next multiple of a period; falls behind without hurrying after.
struct Pace {
    next: Instant,
    period: Duration,
}

impl Pace {
    fn new(period: Duration) -> Self {
        Self { next: Instant::now(), period }
    }

    fn wait(&mut self) {
        self.next = (self.next + self.period).max(Instant::now());
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
    }
}

pub(crate) fn run(target: &Target) -> Result<()> {
    let any = target.udp.or(target.tcp).or(target.plain_tcp);
    ensure!(any.is_some(), "nothing to probe: name at least one of --udp, --tcp and --plain-tcp");
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    signals.thread_block()?;

    let (events, inbox) = channel();
    let desk = Desk { events, stop: Arc::new(AtomicBool::new(false)) };
    let stop = Arc::clone(&desk.stop);
    thread::spawn(move || {
        if signals.wait().is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let stop = Arc::clone(&desk.stop);
    let witnesses = start(target, desk)?;
    let end = target.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut out = std::io::stdout().lock();
    loop {
        match inbox.recv_timeout(Duration::from_millis(20)) {
            Ok(event) => {
                serde_json::to_writer(&mut out, &event)?;
                out.write_all(b"\n")?;
                out.flush()?;
            }
            Err(RecvTimeoutError::Timeout) if end.is_some_and(|end| Instant::now() >= end) => {
                stop.store(true, Ordering::Relaxed);
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Every witness has ended and dropped its sender.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    for witness in witnesses {
        witness.join().map_err(|_| anyhow::anyhow!("a witness panicked"))??;
    }
    Ok(())
}

type Handle = thread::JoinHandle<Result<()>>;

fn start(target: &Target, desk: Desk) -> Result<Vec<Handle>> {
    let at = |port| SocketAddr::new(target.address, port);
    desk.tell(Event::Started { at: monotonic_ns() });
    let mut handles = Vec::new();
    if let Some(port) = target.udp {
        let (to, desk) = (at(port), desk.clone());
        handles.push(thread::spawn(move || datagram::watch(to, &desk)));
    }
    if let Some(port) = target.tcp {
        let (to, own) = (at(port), desk.clone());
        handles.push(thread::spawn(move || connect::watch(to, true, &own)));
        let (to, own) = (at(port), desk.clone());
        handles.push(thread::spawn(move || established::watch(to, &own)));
    }
    if let Some(port) = target.plain_tcp {
        let (to, own) = (at(port), desk.clone());
        handles.push(thread::spawn(move || connect::watch(to, false, &own)));
    }
    drop(desk);
    Ok(handles)
}
