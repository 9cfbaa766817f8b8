//! The first witness: a UDP request each millisecond.

use std::collections::BTreeSet;
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
/// How long answers may come after the last request, or after one that overtook them.
const LINGER: Duration = Duration::from_nanos(LINGER_NS);
const LINGER_NS: u64 = 200_000_000;

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
    /// One more than the highest number that was answered.
    expected: u64,
    last_at: Option<u64>,
    /// Those that may get answers yet: a node that has to look for the next hop first keeps some packets back, and
    /// later ones overtake them.
    gaps: Vec<Gap>,
    latencies: Vec<u32>,
}

/// Answers that failed to come, up to one that did.
#[derive(Debug)]
struct Gap {
    from: u64,
    to: u64,
    late: bool,
    missing: BTreeSet<u64>,
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
        self.latencies.push(micros(now.saturating_sub(sent)));
        let mut events = self.over(|gap| now - gap.to > LINGER_NS);
        if number < self.expected {
            for gap in &mut self.gaps {
                gap.missing.remove(&number);
            }
            return events;
        }
        let missing: BTreeSet<u64> = (self.expected..number).collect();
        let late = self.last_at.is_some_and(|last| now - last > LATE_NS);
        if late || !missing.is_empty() {
            let from = sent_at(self.expected).unwrap_or(sent);
            self.gaps.push(Gap { from, to: now, late, missing });
        }
        self.expected = number + 1;
        self.last_at = Some(now);
        if self.server.as_deref() != Some(name) {
            self.server = Some(name.to_owned());
            events.push(Event::Server { witness: Witness::Datagram, at: now, name: name.to_owned() });
        }
        events
    }

    /// Takes out the gaps that are `over`. One that was only a matter of order is none.
    fn over(&mut self, over: impl Fn(&Gap) -> bool) -> Vec<Event> {
        let gaps = self.gaps.extract_if(.., |gap| over(gap));
        let told = gaps.filter(|gap| gap.late || !gap.missing.is_empty()).map(|gap| Event::Gap {
            witness: Witness::Datagram,
            from: gap.from,
            to: Some(gap.to),
            lost: gap.missing.len() as u64,
        });
        told.collect()
    }

    fn end(mut self, sent: u64, sent_at: impl Fn(u64) -> Option<u64>) -> Vec<Event> {
        let mut events = self.over(|_| true);
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

    fn gap(from: u64, to: u64, lost: u64) -> Event {
        Event::Gap { witness: Witness::Datagram, from, to: Some(to), lost }
    }

    #[test]
    fn losses_make_a_gap_from_the_first_lost_to_the_next_answer() {
        let mut answers = Answers::default();
        let server = |at, name: &str| Event::Server { witness: Witness::Datagram, at, name: name.into() };
        assert_eq!(take(&mut answers, "n1", 0, 1), [server(1, "n1")]);
        assert_eq!(take(&mut answers, "n1", 1, MS + 1), []);
        let back = 5 * MS + 7;
        assert_eq!(take(&mut answers, "n2", 5, back), [server(back, "n2")]);
        assert_eq!(take(&mut answers, "n2", 6, 6 * MS), [], "they may come yet");
        assert_eq!(answers.end(7, sent_at)[0], gap(2 * MS, back, 3));
    }

    #[test]
    fn what_was_overtaken_is_not_lost() {
        let mut answers = Answers::default();
        take(&mut answers, "n1", 0, 1);
        take(&mut answers, "n2", 3, 3 * MS);
        assert_eq!(take(&mut answers, "n2", 2, 3 * MS + 1), []);
        assert_eq!(take(&mut answers, "n2", 4, 4 * MS), []);
        // All that is kept back for longer is.
        assert_eq!(take(&mut answers, "n2", 210, 210 * MS), [gap(MS, 3 * MS, 1)]);
        take(&mut answers, "n2", 1, 211 * MS);
        for number in 5..210 {
            take(&mut answers, "n2", number, 211 * MS);
        }
        let events = answers.end(211, sent_at);
        assert_eq!(events[0], gap(5 * MS, 210 * MS, 0), "one after 206 ms is late all the same");
    }

    #[test]
    fn answers_that_were_kept_back_make_a_gap_without_losses() {
        let mut answers = Answers::default();
        take(&mut answers, "n1", 0, 1);
        assert_eq!(take(&mut answers, "n1", 1, 90 * MS), []);
        assert_eq!(take(&mut answers, "n1", 2, 90 * MS + 1), []);
        assert_eq!(answers.end(3, sent_at)[0], gap(MS, 90 * MS, 0));
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
