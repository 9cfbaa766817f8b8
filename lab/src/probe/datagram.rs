//! The first witness: a UDP request each millisecond.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::event::{Counts, Event, Witness, micros};
use super::{Desk, Pace, monotonic_ns};

const PERIOD: Duration = Duration::from_millis(1);
/// Answers that are further apart than this make a gap even if none was lost (the kernel keeps requests while it
/// looks for a neighbour).
const LATE_NS: u64 = 20_000_000;
/// How long answers may come after the last request.
const LINGER: Duration = Duration::from_millis(200);

/// When each request was sent; its place is its number.
type SentTimes = Arc<Mutex<Vec<u64>>>;

pub(super) fn watch(to: SocketAddr, desk: &Desk) -> Result<()> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to).with_context(|| format!("there is no route to {to}"))?;
    let times = SentTimes::default();
    let sender = {
        let (socket, desk, times) = (socket.try_clone()?, desk.clone(), Arc::clone(&times));
        thread::spawn(move || send(&socket, &desk, &times))
    };
    receive(&socket, desk, &times)?;
    sender.join().map_err(|_| anyhow::anyhow!("the sender panicked"))
}

fn send(socket: &UdpSocket, desk: &Desk, times: &SentTimes) {
    let mut pace = Pace::new(PERIOD);
    while !desk.stopped() {
        let now = monotonic_ns();
        let number = {
            let mut times = times.lock().expect("no holder of this lock panics");
            times.push(now);
            times.len() as u64 - 1
        };
        // "No route", "refused" and the like are losses as any other.
        let _ = socket.send(&number.to_be_bytes());
        pace.wait();
    }
}

fn receive(socket: &UdpSocket, desk: &Desk, times: &SentTimes) -> Result<()> {
    socket.set_read_timeout(Some(LINGER))?;
    let sent_at = |number: u64| {
        let index = usize::try_from(number).ok()?;
        times.lock().expect("no holder of this lock panics").get(index).copied()
    };
    let mut answers = Answers::default();
    let mut buffer = [0; 2048];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let Some((name, number)) = parse(&buffer[..length]) else { continue };
                let Some(sent) = sent_at(number) else { continue };
                let now = monotonic_ns();
                answers.take(name, number, sent, now, sent_at).into_iter().for_each(|event| desk.tell(event));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if desk.stopped() {
                    break;
                }
            }
            // ICMP errors come here; they are no answers.
            Err(_) => {}
        }
    }
    let sent = times.lock().expect("no holder of this lock panics").len() as u64;
    answers.end(sent, sent_at).into_iter().for_each(|event| desk.tell(event));
    Ok(())
}

/// `NAME NUMBER`: the server's name, a space, our eight bytes.
fn parse(answer: &[u8]) -> Option<(&str, u64)> {
    let (name, number) = answer.split_last_chunk::<8>()?;
    let name = std::str::from_utf8(name.strip_suffix(b" ")?).ok()?;
    Some((name, u64::from_be_bytes(*number)))
}

/// What was answered so far.
#[derive(Debug, Default)]
struct Answers {
    server: Option<String>,
    /// Lowest number not yet known to be answered or lost.
    expected: u64,
    last_at: Option<u64>,
    latencies: Vec<u32>,
}

impl Answers {
    fn take(
        &mut self,
        name: &str,
        number: u64,
        sent: u64,
        now: u64,
        sent_at: impl Fn(u64) -> Option<u64>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        self.latencies.push(micros(now.saturating_sub(sent)));
        if number < self.expected {
            return events;
        }
        let lost = number - self.expected;
        let late = self.last_at.is_some_and(|last| now - last > LATE_NS);
        if lost > 0 || late {
            let from = sent_at(self.expected).unwrap_or(sent);
            events.push(Event::Gap { witness: Witness::Datagram, from, to: Some(now), lost });
        }
        self.expected = number + 1;
        self.last_at = Some(now);
        if self.server.as_deref() != Some(name) {
            self.server = Some(name.to_owned());
            events.push(Event::Server { witness: Witness::Datagram, at: now, name: name.to_owned() });
        }
        events
    }

    fn end(self, sent: u64, sent_at: impl Fn(u64) -> Option<u64>) -> Vec<Event> {
        let mut events = Vec::new();
        if let (true, Some(from)) = (self.expected < sent, sent_at(self.expected)) {
            let lost = sent - self.expected;
            events.push(Event::Gap { witness: Witness::Datagram, from, to: None, lost });
        }
        let counts = Counts::of(sent, self.latencies);
        events.push(Event::Ended { witness: Witness::Datagram, counts });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Request `n` is sent at `n` ms.
    fn sent_at(number: u64) -> Option<u64> {
        Some(number * MS)
    }

    fn take(answers: &mut Answers, name: &str, number: u64, now: u64) -> Vec<Event> {
        answers.take(name, number, number * MS, now, sent_at)
    }

    #[test]
    fn losses_make_a_gap_from_the_first_lost_to_the_next_answer() {
        let mut answers = Answers::default();
        let server = |at, name: &str| Event::Server { witness: Witness::Datagram, at, name: name.into() };
        assert_eq!(take(&mut answers, "n1", 0, 1), [server(1, "n1")]);
        assert_eq!(take(&mut answers, "n1", 1, MS + 1), []);
        let back = 5 * MS + 7;
        let gap = Event::Gap { witness: Witness::Datagram, from: 2 * MS, to: Some(back), lost: 3 };
        assert_eq!(take(&mut answers, "n2", 5, back), [gap, server(back, "n2")]);
    }

    #[test]
    fn answers_that_were_kept_back_make_a_gap_without_losses() {
        let mut answers = Answers::default();
        take(&mut answers, "n1", 0, 1);
        let gap = Event::Gap { witness: Witness::Datagram, from: MS, to: Some(90 * MS), lost: 0 };
        assert_eq!(take(&mut answers, "n1", 1, 90 * MS), [gap]);
        assert_eq!(take(&mut answers, "n1", 2, 90 * MS + 1), []);
    }

    #[test]
    fn what_never_came_back_is_a_gap_without_end() {
        let mut answers = Answers::default();
        take(&mut answers, "n1", 0, 1);
        let events = answers.end(10, sent_at);
        assert_eq!(events[0], Event::Gap { witness: Witness::Datagram, from: MS, to: None, lost: 9 });
    }

    #[test]
    fn answers_are_read_from_their_end() {
        assert_eq!(parse(b"n1 \0\0\0\0\0\0\x01\x20"), Some(("n1", 288)));
        assert_eq!(parse(b"short"), None);
    }
}
