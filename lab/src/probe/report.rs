//! The prober for tests: started in a client, read while it runs and at its end.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::{Counts, Event, Target, Witness};
use crate::space::{Running, Space};

/// A running prober.
#[derive(Debug)]
pub struct Probe {
    running: Running,
    events: Arc<Mutex<Vec<Event>>>,
    reader: JoinHandle<Result<()>>,
}

impl Space {
    /// Starts the prober here, usually in a client.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn probe(&self, target: &Target) -> Result<Probe> {
        let mut arguments = vec![crate::world::PROGRAM.to_owned(), "probe".to_owned()];
        arguments.extend(["--to".to_owned(), target.address.to_string()]);
        for (flag, port) in [("--udp", target.udp), ("--tcp", target.tcp), ("--plain-tcp", target.plain_tcp)]
        {
            arguments.extend(port.into_iter().flat_map(|port| [flag.to_owned(), port.to_string()]));
        }
        arguments
            .extend(target.seconds.into_iter().flat_map(|seconds| ["--for".to_owned(), seconds.to_string()]));
        let mut running = self.spawn(self.command(arguments)?.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let lines = BufReader::new(running.child().stdout.take().expect("the output was asked for")).lines();
        let events = Arc::<Mutex<Vec<Event>>>::default();
        let shared = Arc::clone(&events);
        let reader = std::thread::spawn(move || {
            for line in lines {
                let event = serde_json::from_str(&line?).context("the prober printed something else")?;
                shared.lock().expect("no holder of this lock panics").push(event);
            }
            Ok(())
        });
        Ok(Probe { running, events, reader })
    }
}

impl Probe {
    /// What was seen so far.
    pub fn so_far(&self) -> Report {
        Report { events: self.events.lock().expect("no holder of this lock panics").clone() }
    }

    /// Ends the prober (unless it was to end by itself) and returns what it saw.
    ///
    /// # Errors
    /// When the prober failed.
    pub fn finish(mut self) -> Result<Report> {
        // One that has ended by itself needs no signal.
        let _ = self.running.signal(Signal::SIGTERM);
        self.running.wait()?;
        self.reader.join().map_err(|_| anyhow::anyhow!("the reader of the prober panicked"))??;
        let events = std::mem::take(&mut *self.events.lock().expect("no holder of this lock panics"));
        Ok(Report { events })
    }
}

/// What a prober saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// All of it, in order of arrival.
    pub events: Vec<Event>,
}

impl Report {
    /// Reads the prober's output.
    ///
    /// # Errors
    /// When a line is none of its.
    pub fn parse(text: &str) -> Result<Self> {
        let events = text.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned()));
        Ok(Self { events: events.collect::<Result<_>>()? })
    }

    /// Gaps as `witness` saw them: from, to (none if it was still open at the end), requests lost.
    pub fn gaps(&self, witness: Witness) -> Vec<(u64, Option<u64>, u64)> {
        let gaps = self.events.iter().filter_map(|event| match event {
            Event::Gap { witness: own, from, to, lost } if *own == witness => Some((*from, *to, *lost)),
            Event::Gap { .. }
            | Event::Started { .. }
            | Event::Server { .. }
            | Event::Broken { .. }
            | Event::Ended { .. } => None,
        });
        gaps.collect()
    }

    /// The servers that answered `witness`, in order of change: when, who.
    pub fn servers(&self, witness: Witness) -> Vec<(u64, &str)> {
        let servers = self.events.iter().filter_map(|event| match event {
            Event::Server { witness: own, at, name } if *own == witness => Some((*at, name.as_str())),
            Event::Server { .. }
            | Event::Started { .. }
            | Event::Gap { .. }
            | Event::Broken { .. }
            | Event::Ended { .. } => None,
        });
        servers.collect()
    }

    /// How often the connection that stays broke.
    pub fn broken(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Broken { .. })).count()
    }

    /// The sum of `witness`, once the prober has ended.
    pub fn counts(&self, witness: Witness) -> Option<Counts> {
        self.events.iter().find_map(|event| match event {
            Event::Ended { witness: own, counts } if *own == witness => Some(*counts),
            Event::Ended { .. }
            | Event::Started { .. }
            | Event::Server { .. }
            | Event::Gap { .. }
            | Event::Broken { .. } => None,
        })
    }

    /// Milliseconds from `injected` (see [`super::monotonic_ns`]) to the first answer that `witness` got after
    /// the gap that follows it; 0 when there was none, `None` when the gap did not end.
    pub fn outage_ms(&self, witness: Witness, injected: u64) -> Option<f64> {
        let after = |to: &Option<u64>| to.is_none_or(|to| to > injected);
        match self
            .gaps(witness)
            .into_iter()
            .filter(|(_, to, _)| after(to))
            .max_by_key(|(from, to, _)| to.map_or(u64::MAX, |to| to - from))
        {
            None => Some(0.0),
            #[expect(clippy::cast_precision_loss, reason = "an outage is far below 2^53 ns")]
            Some((_, to, _)) => to.map(|to| (to - injected) as f64 / 1e6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_after_the_event_counts() {
        let text = r#"{"event":"started","at":1}
{"event":"gap","witness":"datagram","from":100,"to":200,"lost":1}
{"event":"gap","witness":"datagram","from":5000000,"to":205000000,"lost":200}
{"event":"gap","witness":"datagram","from":300000000,"to":300000500,"lost":1}
"#;
        let report = Report::parse(text).unwrap();
        assert_eq!(report.outage_ms(Witness::Datagram, 4_000_000), Some(201.0));
        assert_eq!(report.outage_ms(Witness::Connect, 4_000_000), Some(0.0));
    }

    #[test]
    fn events_read_back_as_they_were_written() {
        let event = Event::Gap { witness: Witness::Connect, from: 1, to: None, lost: 3 };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(line, r#"{"event":"gap","witness":"connect","from":1,"to":null,"lost":3}"#);
        assert_eq!(Report::parse(&line).unwrap().events, [event]);
    }
}
