//! What is told of the other speakers of each segment. A node that is heard no more is worth a write of the SpeakerState, but
//! each of many speakers sees that, and a moment without heartbeats is worth none. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_ownership::{NodeName, SegmentStatus};
use ferrolb_sansio::Instant;

use crate::wire::Report;

/// What is told of each interface's segment, by the interface's name.
#[derive(Debug, Default)]
pub struct Hearing(BTreeMap<Arc<str>, Heard>);

impl Hearing {
    /// Takes how things are now.
    pub fn hear(&mut self, report: &Report) {
        self.0.retain(|name, _| report.ports.iter().any(|port| port.interface == *name));
        for port in &report.ports {
            self.0.entry(Arc::clone(&port.interface)).or_default().hear(report.at, &port.segment);
        }
    }

    /// What is told of the interface's segment; `None` if nothing was heard of the interface yet.
    pub fn told(&self, interface: &str) -> Option<&SegmentStatus> {
        self.0.get(interface).and_then(|heard| heard.told.as_ref())
    }
}

/// One segment: what was heard, and what of it is told.
#[derive(Debug, Default)]
struct Heard {
    told: Option<SegmentStatus>,
    /// When that changed last.
    changed: Option<Instant>,
    heard: BTreeMap<NodeName, Seen>,
    filtered: BTreeMap<NodeName, Seen>,
    /// The interval in effect, and since when.
    interval: (Duration, Instant),
}

/// Since when something is so, and when it was so last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    since: Instant,
    last: Instant,
}

impl Heard {
    fn hear(&mut self, now: Instant, status: &SegmentStatus) {
        note(&mut self.heard, now, &status.heard);
        note(&mut self.filtered, now, &status.filtered);
        if self.interval.0 != status.interval {
            self.interval = (status.interval, now);
        }
        let lasting = now.since(self.interval.1) >= LASTING;
        let is_filtered = |seen: &Seen| seen.last.since(seen.since) >= CERTAIN;
        let filtered = self.filtered.iter().filter(|(_, seen)| is_filtered(seen));
        let filtered: Vec<NodeName> = filtered.map(|(node, _)| node.clone()).collect();
        let heard = self.heard.keys().filter(|node| !filtered.contains(node)).cloned().collect();
        let wanted = SegmentStatus {
            interval: self.told.as_ref().filter(|_| !lasting).map_or(status.interval, |told| told.interval),
            heard,
            filtered,
            isolated: status.isolated,
        };
        self.tell(now, wanted);
    }

    fn tell(&mut self, now: Instant, wanted: SegmentStatus) {
        let Some(told) = &self.told else {
            self.told = Some(wanted);
            return;
        };
        let speakers = u32::try_from(told.heard.len() + 1).unwrap_or(u32::MAX);
        let pause = PAUSE.max(SHARE.saturating_mul(speakers));
        if *told != wanted && self.changed.is_none_or(|changed| now.since(changed) >= pause) {
            self.told = Some(wanted);
            self.changed = Some(now);
        }
    }
}

/// Notes the nodes of which something is so now; what was so until lately counts as going on.
fn note(all: &mut BTreeMap<NodeName, Seen>, now: Instant, nodes: &[NodeName]) {
    all.retain(|_, seen| now.since(seen.last) < LASTING);
    for node in nodes {
        all.entry(node.clone()).or_insert(Seen { since: now, last: now }).last = now;
    }
}

/// A node that is heard again within this was never gone.
const LASTING: Duration = Duration::from_secs(5);
/// Heartbeats that are lost for a moment look as if they were filtered.
const CERTAIN: Duration = Duration::from_secs(2);
/// The shortest time between two changes of what is told of a segment.
const PAUSE: Duration = Duration::from_secs(5);
/// The same for each speaker of it: together they cause one write a second.
const SHARE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use ferrolb_ownership::Counters;

    use super::*;
    use crate::wire::{PortReport, SocketCounters};

    fn nodes(names: &[&str]) -> Vec<NodeName> {
        names.iter().map(|name| NodeName::new(name).unwrap()).collect()
    }

    fn status(heard: &[&str], filtered: &[&str], millis: u64) -> SegmentStatus {
        SegmentStatus {
            interval: Duration::from_millis(millis),
            heard: nodes(heard),
            filtered: nodes(filtered),
            isolated: false,
        }
    }

    /// What is told after each report, one every second from the first second on.
    fn told(reports: &[SegmentStatus]) -> Vec<SegmentStatus> {
        let mut heard = Heard::default();
        let each = (1..).zip(reports).map(|(second, status)| {
            heard.hear(Instant::from_millis(second * 1_000), status);
            heard.told.clone().unwrap()
        });
        each.collect()
    }

    /// The seconds in which what is told changes.
    fn changes(reports: &[SegmentStatus]) -> Vec<usize> {
        let told = told(reports);
        (1..told.len()).filter(|&place| told[place] != told[place - 1]).map(|place| place + 1).collect()
    }

    #[test]
    fn a_restart_is_no_news_and_a_death_is_one() {
        let (both, one) = (status(&["b", "c"], &[], 25), status(&["b"], &[], 25));
        let restarted = [&vec![both.clone(); 3][..], &vec![one.clone(); 4], &vec![both.clone(); 9]].concat();
        assert!(changes(&restarted).is_empty());
        let died = [&vec![both; 3][..], &vec![one.clone(); 9]].concat();
        assert_eq!(changes(&died), [8], "five seconds after it was heard last");
        assert_eq!(told(&died)[8], one);
    }

    #[test]
    fn changes_wait_for_a_second_for_each_speaker() {
        let names: Vec<String> = (0..19).map(|number| format!("n{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // One more every second, until there are twenty speakers.
        let growing = (0..80).map(|second| status(&names[..second.min(19)], &[], 25));
        let told_at = changes(&growing.collect::<Vec<_>>());
        assert_eq!(told_at, [2, 7, 14, 28], "the first at once, then after as many seconds as are told of");
        let never_still = (0..200).map(|second| status(&names[..13 + second / 7 % 2 * 6], &[], 25));
        let often = changes(&never_still.collect::<Vec<_>>());
        assert!(often.len() <= 200 / 14 + 1, "{often:?}");
    }

    #[test]
    fn an_interval_is_told_once_it_lasts() {
        let slow = |count: usize| vec![status(&["b"], &[], 40); count];
        let fast = |count: usize| vec![status(&["b"], &[], 25); count];
        assert!(changes(&[fast(3), slow(4), fast(9)].concat()).is_empty());
        assert_eq!(changes(&[fast(3), slow(9)].concat()), [9]);
    }

    #[test]
    fn a_node_is_filtered_when_that_goes_on_and_not_heard_then() {
        let (fine, filtered) = (status(&["b", "c"], &[], 25), status(&["b"], &["c"], 25));
        // A loss of heartbeats, and one answer meanwhile.
        let moment = [vec![fine.clone(); 3], vec![filtered.clone()], vec![fine.clone(); 9]].concat();
        assert!(changes(&moment).is_empty());
        // What it sends to one station arrives: a frame now and then.
        let unicast = vec![fine.clone(), filtered.clone(), filtered.clone()];
        let unicast = vec![unicast; 8].concat();
        let reports = [vec![fine.clone(); 3], vec![filtered.clone(); 3], unicast].concat();
        assert_eq!(changes(&reports), [6]);
        assert_eq!(told(&reports)[5], filtered);
        let over = [vec![filtered; 9], vec![fine.clone(); 9]].concat();
        assert_eq!(told(&over).last(), Some(&fine));
    }

    #[test]
    fn an_interface_that_is_gone_is_not_told_of() {
        let port = |name: &str| PortReport {
            interface: name.into(),
            counters: Counters::default(),
            socket: SocketCounters::default(),
            segment: status(&["b"], &[], 25),
            acquainted: true,
            edition: (Instant::ZERO, 0),
            vips: Vec::new(),
        };
        let mut hearing = Hearing::default();
        hearing.hear(&Report { ports: vec![port("eth0"), port("eth1")], ..Report::default() });
        assert_eq!(hearing.told("eth1"), Some(&status(&["b"], &[], 25)));
        hearing.hear(&Report { ports: vec![port("eth0")], ..Report::default() });
        assert_eq!((hearing.told("eth0").is_some(), hearing.told("eth1")), (true, None));
    }
}
