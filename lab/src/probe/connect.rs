//! The second witness: a new TCP connection every 10 ms, whether or not those before it came through.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::event::{Counts, Event, Witness, micros};
use super::{Desk, Pace, monotonic_ns};

const PERIOD: Duration = Duration::from_millis(10);
/// After this an attempt has failed. The kernel repeats an unanswered SYN after 1 s at the earliest.
const PATIENCE: Duration = Duration::from_millis(900);

/// One attempt's end.
#[derive(Debug)]
struct Attempt {
    number: u64,
    began: u64,
    ended: u64,
    /// The server's name, empty when it says none; `None` is failure.
    server: Option<String>,
}

pub(super) fn watch(to: SocketAddr, named: bool, desk: &Desk) -> Result<()> {
    let (attempts, inbox) = channel();
    let judge = {
        let desk = desk.clone();
        thread::spawn(move || {
            let mut record = Record::default();
            for attempt in inbox {
                record.take(attempt).into_iter().for_each(|event| desk.tell(event));
            }
            record.end().into_iter().for_each(|event| desk.tell(event));
        })
    };
    let mut pace = Pace::new(PERIOD);
    let mut number = 0;
    while !desk.stopped() {
        let attempts: Sender<Attempt> = attempts.clone();
        thread::spawn(move || {
            let began = monotonic_ns();
            let server = connect(to, named);
            // The judge outlives all attempts.
            let _ = attempts.send(Attempt { number, began, ended: monotonic_ns(), server });
        });
        number += 1;
        pace.wait();
    }
    drop(attempts);
    judge.join().map_err(|_| anyhow::anyhow!("the judge panicked"))
}

fn connect(to: SocketAddr, named: bool) -> Option<String> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE).ok()?;
    let mut name = String::new();
    if named {
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        BufReader::new(stream).read_line(&mut name).ok()?;
        name.truncate(name.trim_end().len());
        if name.is_empty() {
            return None;
        }
    }
    Some(name)
}

/// What became of the attempts. Failures are known later than successes that began after them, so a gap is
/// closed when its last failure is known.
#[derive(Debug, Default)]
struct Record {
    sent: u64,
    latencies: Vec<u32>,
    server: Option<String>,
    failed: Vec<Attempt>,
    succeeded: Vec<(u64, u64)>,
}

impl Record {
    fn take(&mut self, attempt: Attempt) -> Vec<Event> {
        self.sent += 1;
        let Some(name) = &attempt.server else {
            self.failed.push(attempt);
            return Vec::new();
        };
        self.latencies.push(micros(attempt.ended - attempt.began));
        self.succeeded.push((attempt.number, attempt.ended));
        if name.is_empty() || self.server.as_ref() == Some(name) {
            return Vec::new();
        }
        self.server = Some(name.clone());
        vec![Event::Server { witness: Witness::Connect, at: attempt.ended, name: name.clone() }]
    }

    fn end(mut self) -> Vec<Event> {
        self.failed.sort_by_key(|attempt| attempt.number);
        self.succeeded.sort_unstable();
        let mut events = Vec::new();
        let mut failed = self.failed.into_iter().peekable();
        while let Some(first) = failed.next() {
            // The success that ends the gap, and all failures before it.
            let end = self.succeeded.iter().find(|(number, _)| *number > first.number).copied();
            let mut lost = 1;
            while failed.next_if(|next| end.is_none_or(|(number, _)| next.number < number)).is_some() {
                lost += 1;
            }
            let to = end.map(|(_, ended)| ended);
            events.push(Event::Gap { witness: Witness::Connect, from: first.began, to, lost });
        }
        events
            .push(Event::Ended { witness: Witness::Connect, counts: Counts::of(self.sent, self.latencies) });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(number: u64, ended: u64, server: Option<&str>) -> Attempt {
        Attempt { number, began: number * 10, ended, server: server.map(str::to_owned) }
    }

    #[test]
    fn gaps_end_with_the_first_success_after_them() {
        let mut record = Record::default();
        for attempt in [
            attempt(0, 1, Some("n1")),
            attempt(3, 31, Some("n2")),
            attempt(1, 900, None),
            attempt(2, 910, None),
            attempt(4, 940, None),
        ] {
            record.take(attempt);
        }
        let events = record.end();
        let gap = |from, to, lost| Event::Gap { witness: Witness::Connect, from, to, lost };
        assert_eq!(events[..2], [gap(10, Some(31), 2), gap(40, None, 1)]);
    }
}
