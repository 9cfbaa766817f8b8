//! A client that counts each packet lost while its VIP moves in order: a datagram each millisecond, a new TCP connection
//! every 10 ms, and one connection that stays.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferrolb_lab::probe::{Probe, Target, Witness};
use ferrolb_tests::inside;

use crate::rig::{PORT, Rig};
use crate::vips::VIP;

/// Between two new connections.
const NEW_EVERY: Duration = Duration::from_millis(10);
/// After this a connection has failed.
const PATIENCE: Duration = Duration::from_millis(900);
/// The kernel sends what was lost again after 200 ms at the earliest, so what takes longer has lost a packet.
const UNDISTURBED: Duration = Duration::from_millis(150);

/// The client, while it runs.
pub(crate) struct Flows {
    datagrams: Probe,
    stop: Arc<AtomicBool>,
    opening: JoinHandle<Counts>,
    staying: JoinHandle<Counts>,
}

/// What became of packets and connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Datagrams sent and connections opened.
    pub(crate) sent: u64,
    /// Datagrams without an answer, and connections of which a packet was lost.
    pub(crate) lost: u64,
    /// Connections that were reset once they stood.
    pub(crate) resets: u64,
}

/// How one connection fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    Lost,
    Reset,
}

impl Flows {
    pub(crate) fn start(rig: &Rig) -> Result<Self> {
        let target =
            Target { address: VIP.into(), udp: Some(PORT), tcp: None, plain_tcp: None, seconds: None };
        let datagrams = rig.lab.client().probe(&target)?;
        let stop = Arc::<AtomicBool>::default();
        let (opens, stays) = (Arc::clone(&stop), Arc::clone(&stop));
        // Threads have the network of the one that starts them.
        let (opening, staying) = inside(&rig.lab, "client", || {
            Ok((thread::spawn(move || open_many(&opens)), thread::spawn(move || keep_one(&stays))))
        })?;
        Ok(Self { datagrams, stop, opening, staying })
    }

    pub(crate) fn finish(self) -> Result<Counts> {
        self.stop.store(true, Ordering::Relaxed);
        let report = self.datagrams.finish()?;
        let datagrams = report.counts(Witness::Datagram).context("the prober did not count")?;
        let panicked = |_| anyhow::anyhow!("a client panicked");
        let opened = self.opening.join().map_err(panicked)?;
        let stayed = self.staying.join().map_err(panicked)?;
        Ok(Counts {
            sent: datagrams.sent + opened.sent,
            lost: datagrams.sent.saturating_sub(datagrams.answered) + opened.lost,
            resets: opened.resets + stayed.resets,
        })
    }
}

fn open_many(stop: &AtomicBool) -> Counts {
    let (mut counts, mut attempts) = (Counts::default(), Vec::new());
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        attempts.push(thread::spawn(open));
        attempts.extract_if(.., |attempt| attempt.is_finished()).for_each(|attempt| counts.add(attempt));
        next += NEW_EVERY;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    attempts.into_iter().for_each(|attempt| counts.add(attempt));
    counts
}

impl Counts {
    /// Waits for the end of one attempt to open a connection.
    fn add(&mut self, attempt: JoinHandle<Fate>) {
        let fate = attempt.join().unwrap_or(Fate::Lost);
        self.sent += 1;
        self.lost += u64::from(fate == Fate::Lost);
        self.resets += u64::from(fate == Fate::Reset);
    }
}

/// Opens a connection and reads who serves it.
fn open() -> Fate {
    let began = Instant::now();
    let opened = connect().and_then(|stream| BufReader::new(stream).read_line(&mut String::new()));
    match opened {
        Ok(0) => Fate::Reset,
        Ok(_) if began.elapsed() > UNDISTURBED => Fate::Lost,
        Ok(_) => Fate::Well,
        Err(error) => fate_of(error.kind()),
    }
}

fn fate_of(error: ErrorKind) -> Fate {
    let reset =
        matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof);
    if reset { Fate::Reset } else { Fate::Lost }
}

/// Exchanges a byte each millisecond; opens another connection when one is reset.
fn keep_one(stop: &AtomicBool) -> Counts {
    let mut counts = Counts::default();
    while !stop.load(Ordering::Relaxed) {
        let Ok(stream) = connect() else {
            thread::sleep(NEW_EVERY);
            continue;
        };
        counts.sent += 1;
        if exchange(stream, stop).is_err() {
            counts.resets += 1;
        }
    }
    counts
}

fn exchange(stream: TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.read_line(&mut String::new())?;
    while !stop.load(Ordering::Relaxed) {
        stream.get_mut().write_all(&[0])?;
        stream.read_exact(&mut [0])?;
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn connect() -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from((VIP, PORT)), PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_no_loss_and_silence_is_no_reset() {
        assert_eq!(fate_of(ErrorKind::ConnectionReset), Fate::Reset);
        assert_eq!(fate_of(ErrorKind::TimedOut), Fate::Lost);
        assert_eq!(fate_of(ErrorKind::WouldBlock), Fate::Lost);
        let mut counts = Counts::default();
        [Fate::Well, Fate::Reset, Fate::Lost]
            .into_iter()
            .for_each(|fate| counts.add(thread::spawn(move || fate)));
        assert_eq!(counts, Counts { sent: 3, lost: 1, resets: 1 });
    }
}
