//! What witnesses report; the JSON lines of the prober.

use serde::{Deserialize, Serialize};

/// Who saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// UDP requests, one each millisecond.
    Datagram,
    /// New TCP connections, one every 10 ms.
    Connect,
    /// The TCP connection that stays.
    Established,
}

/// One line. Times are nanoseconds of the monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The prober runs.
    Started {
        /// Since when.
        at: u64,
    },
    /// The server that answers is another than before.
    Server {
        /// Who noticed.
        witness: Witness,
        /// When its answer came.
        at: u64,
        /// Its name.
        name: String,
    },
    /// Nothing came for a while.
    Gap {
        /// Who missed it.
        witness: Witness,
        /// When the first request was sent that got no timely answer.
        from: u64,
        /// When the first answer came after that; none came before the prober ended.
        to: Option<u64>,
        /// Requests in between that were never answered.
        lost: u64,
    },
    /// The connection that stayed is broken; the witness makes a new one.
    Broken {
        /// When it was noticed.
        at: u64,
        /// How.
        error: String,
    },
    /// A witness's sum at the end.
    Ended {
        /// Whose.
        witness: Witness,
        /// What it counted.
        counts: Counts,
    },
}

/// Requests of one witness and their fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests, connections or bytes sent.
    pub sent: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Median time from request to answer, µs.
    pub p50_us: u64,
    /// 99th percentile, µs.
    pub p99_us: u64,
    /// The slowest, µs.
    pub max_us: u64,
}

impl Counts {
    /// Counts of `sent` requests, of which those with these latencies in µs were answered.
    pub(super) fn of(sent: u64, mut latencies: Vec<u32>) -> Self {
        latencies.sort_unstable();
        let at = |share: usize| {
            latencies.get((latencies.len() * share / 100).min(latencies.len().saturating_sub(1)))
        };
        let us = |share| at(share).map_or(0, |value| u64::from(*value));
        Self { sent, answered: latencies.len() as u64, p50_us: us(50), p99_us: us(99), max_us: us(100) }
    }
}

/// Nanoseconds as whole µs.
pub(super) fn micros(ns: u64) -> u32 {
    u32::try_from(ns / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_answered() {
        let counts = Counts::of(200, (1..=100).rev().collect());
        assert_eq!(counts, Counts { sent: 200, answered: 100, p50_us: 51, p99_us: 100, max_us: 100 });
        assert_eq!(Counts::of(3, vec![]), Counts { sent: 3, ..Counts::default() });
    }
}
