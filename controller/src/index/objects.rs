//! The status of our own configuration objects: counters and conditions, each object at most once a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ferrolb_api::{IPAddressPoolStatus, condition};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::{Value, json};

use super::pace::Pace;
use crate::write::{ConfigKind, Verdict, Write};

/// The shortest time between two writes of one object.
const INTERVAL: Duration = Duration::from_secs(1);

/// The status of every configuration object.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    records: BTreeMap<Key, Record>,
    dirty: BTreeSet<Key>,
}

type Key = (ConfigKind, String);

/// An object's status, seen or wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Status {
    /// A pool's counters.
    pub(crate) counts: Option<Counts>,
    /// What the VIPs of an advertisement were balanced for.
    pub(crate) rebalanced_for: String,
    /// Its conditions.
    pub(crate) conditions: Vec<Condition>,
}

/// How much of a pool is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) assigned_ipv4: i64,
    pub(crate) assigned_ipv6: i64,
    pub(crate) available_ipv4: i64,
    pub(crate) available_ipv6: i64,
}

/// What an object's status says beside conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// How much of a pool is in use.
    Counted(Counts),
    /// The value of the annotation for which the VIPs of an advertisement were balanced.
    Rebalanced(String),
    /// Nothing.
    Nothing,
}

/// A condition that an object should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    /// One of [`ferrolb_api::condition`].
    pub(crate) kind: &'static str,
    /// Whether it holds.
    pub(crate) holds: bool,
    /// One word.
    pub(crate) reason: &'static str,
    /// A sentence.
    pub(crate) message: String,
}

/// What is worth saying of an object with which nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    /// One of [`condition::object`].
    pub(crate) reason: &'static str,
    /// A sentence without its full stop.
    pub(crate) message: String,
}

impl Remark {
    /// One of its selectors selects nothing.
    pub(crate) fn selects_nothing(message: impl Into<String>) -> Self {
        Self { reason: condition::object::SELECTS_NOTHING, message: message.into() }
    }
}

impl Wish {
    /// `Accepted`, `ResolvedRefs` and `Ready` of an object: what is wrong with it, which objects it names in vain, and
    /// what is worth saying although nothing is wrong, the most important first.
    pub(crate) fn all(
        accepted: Result<(), (&'static str, String)>,
        resolved: Result<(), String>,
        remarks: impl IntoIterator<Item = Remark>,
    ) -> Vec<Self> {
        let well =
            |kind| Self { kind, holds: true, reason: condition::object::VALID, message: String::new() };
        let ill = |kind, reason, message| Self { kind, holds: false, reason, message };
        let accepted = match accepted {
            Ok(()) => well(condition::ACCEPTED),
            Err((reason, message)) => ill(condition::ACCEPTED, reason, message),
        };
        let resolved = match resolved {
            Ok(()) => well(condition::RESOLVED_REFS),
            Err(message) => ill(condition::RESOLVED_REFS, condition::object::NOT_FOUND, message),
        };
        let first_problem = [&accepted, &resolved].into_iter().find(|condition| !condition.holds);
        let ready = match first_problem {
            Some(problem) => Self { kind: condition::READY, ..problem.clone() },
            None => remarks.into_iter().fold(well(condition::READY), Self::remarked),
        };
        vec![accepted, resolved, ready]
    }

    /// The first remark has the reason.
    fn remarked(self, remark: Remark) -> Self {
        let Remark { reason, message } = remark;
        match self.message.is_empty() {
            true => Self { reason, message, ..self },
            false => Self { message: format!("{}; {message}", self.message), ..self },
        }
    }
}

#[derive(Debug, Default)]
struct Record {
    generation: Option<i64>,
    observed: Status,
    wanted: Option<(Done, Vec<Wish>)>,
    sent: Status,
    pace: Pace,
    last_sent: Option<Duration>,
}

impl Objects {
    /// An object was seen with this status.
    pub(crate) fn seen(&mut self, kind: ConfigKind, name: &str, generation: Option<i64>, status: Status) {
        let record = self.records.entry((kind, name.to_owned())).or_default();
        record.generation = generation;
        record.observed = status;
        record.pace.seen();
        self.dirty.insert((kind, name.to_owned()));
    }

    /// An object is gone.
    pub(crate) fn forget(&mut self, kind: ConfigKind, name: &str) {
        self.records.remove(&(kind, name.to_owned()));
    }

    /// What an object's status should say.
    pub(crate) fn want(&mut self, kind: ConfigKind, name: &str, done: Done, wishes: Vec<Wish>) {
        let key = (kind, name.to_owned());
        if let Some(record) = self.records.get_mut(&key) {
            record.wanted = Some((done, wishes));
            self.dirty.insert(key);
        }
    }

    /// The next status to write, if one may go.
    pub(crate) fn poll_write(&mut self, now: Duration, today: Timestamp) -> Option<Write> {
        for key in self.dirty.iter().cloned().collect::<Vec<_>>() {
            let Some(record) = self.records.get_mut(&key) else {
                self.dirty.remove(&key);
                continue;
            };
            let wanted = record.wanted(today);
            if wanted.as_ref().is_none_or(|wanted| *wanted == record.observed) {
                self.dirty.remove(&key);
                continue;
            }
            if !record.pace.allows(now) || record.last_sent.is_some_and(|sent| now < sent + INTERVAL) {
                continue;
            }
            self.dirty.remove(&key);
            record.pace.sent();
            record.last_sent = Some(now);
            record.sent = wanted.unwrap_or_default();
            let patch = record.sent.patch();
            return Some(Write::ObjectStatus { kind: key.0, name: key.1, patch });
        }
        None
    }

    /// When [`Self::poll_write`] will have something that it has not now.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let records = self.dirty.iter().filter_map(|key| self.records.get(key));
        records
            .filter_map(|record| match record.pace {
                Pace::Free => Some(record.last_sent.map_or(Duration::ZERO, |sent| sent + INTERVAL)),
                Pace::Until { .. } => record.pace.deadline(),
                Pace::InFlight { .. } | Pace::AwaitsNewer => None,
            })
            .min()
    }

    /// A request's outcome.
    pub(crate) fn finished(&mut self, kind: ConfigKind, name: &str, verdict: &Verdict, now: Duration) {
        let key = (kind, name.to_owned());
        let Some(record) = self.records.get_mut(&key) else { return };
        // The patch names no version, so a conflict is the server's own: nothing newer need be on its way.
        let nothing_to_await = true;
        record.pace.finished(verdict, nothing_to_await, now);
        if matches!(verdict, Verdict::Done { .. }) {
            record.observed = std::mem::take(&mut record.sent);
        }
        self.dirty.insert(key);
    }
}

impl Record {
    fn wanted(&self, today: Timestamp) -> Option<Status> {
        let (done, wishes) = self.wanted.as_ref()?;
        let conditions = wishes.iter().map(|wish| self.condition(wish, today)).collect();
        Some(match done {
            Done::Counted(counts) => Status { counts: Some(*counts), conditions, ..Status::default() },
            Done::Rebalanced(value) => {
                Status { rebalanced_for: value.clone(), conditions, ..Status::default() }
            }
            Done::Nothing => Status { conditions, ..Status::default() },
        })
    }

    fn condition(&self, wish: &Wish, today: Timestamp) -> Condition {
        let status = if wish.holds { "True" } else { "False" };
        let before = self.observed.conditions.iter().find(|condition| condition.type_ == wish.kind);
        let since = before
            .filter(|condition| condition.status == status)
            .map(|condition| condition.last_transition_time.clone());
        Condition {
            type_: wish.kind.into(),
            status: status.into(),
            reason: wish.reason.into(),
            message: wish.message.clone(),
            observed_generation: self.generation,
            last_transition_time: since.unwrap_or_else(|| Time(whole_seconds(today))),
        }
    }
}

impl Status {
    /// A pool's status as seen.
    pub(crate) fn of_pool(status: Option<IPAddressPoolStatus>) -> Self {
        let Some(status) = status else { return Self::default() };
        Self {
            counts: Some(Counts {
                assigned_ipv4: status.assigned_ipv4,
                assigned_ipv6: status.assigned_ipv6,
                available_ipv4: status.available_ipv4,
                available_ipv6: status.available_ipv6,
            }),
            conditions: status.conditions,
            rebalanced_for: String::new(),
        }
    }

    fn patch(&self) -> Value {
        let mut status = json!({"conditions": self.conditions});
        if let Some(counts) = self.counts {
            status["assignedIPv4"] = counts.assigned_ipv4.into();
            status["assignedIPv6"] = counts.assigned_ipv6.into();
            status["availableIPv4"] = counts.available_ipv4.into();
            status["availableIPv6"] = counts.available_ipv6.into();
        }
        if !self.rebalanced_for.is_empty() {
            status["rebalancedFor"] = self.rebalanced_for.as_str().into();
        }
        json!({"status": status})
    }
}

/// Kubernetes keeps whole seconds; what was sent must equal what is read back.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(10_000 + milliseconds)
    }

    fn today() -> Timestamp {
        "2026-11-22T12:00:00.5Z".parse().unwrap()
    }

    fn counts(assigned_ipv4: i64) -> Done {
        Done::Counted(Counts { assigned_ipv4, ..Counts::default() })
    }

    #[test]
    fn at_most_one_write_a_second_with_the_newest_counts() {
        let mut objects = Objects::default();
        objects.seen(ConfigKind::Pool, "lan", Some(1), Status::default());
        objects.want(ConfigKind::Pool, "lan", counts(1), Wish::all(Ok(()), Ok(()), None));
        assert!(objects.poll_write(at(0), today()).is_some());
        objects.finished(ConfigKind::Pool, "lan", &Verdict::Done { resource_version: "2".into() }, at(5));
        for number in 2..100 {
            objects.want(ConfigKind::Pool, "lan", counts(number), Wish::all(Ok(()), Ok(()), None));
            assert!(objects.poll_write(at(500), today()).is_none());
        }
        assert_eq!(objects.deadline(), Some(at(1000)));
        let Some(Write::ObjectStatus { patch, .. }) = objects.poll_write(at(1000), today()) else {
            panic!("no write")
        };
        assert_eq!(patch["status"]["assignedIPv4"], 99);
        assert_eq!(patch["status"]["conditions"][0]["lastTransitionTime"], "2026-11-22T12:00:00Z");
    }

    #[test]
    fn a_conflict_is_tried_again_after_a_second_whether_or_not_the_object_changes() {
        let mut objects = Objects::default();
        objects.seen(ConfigKind::Pool, "lan", Some(1), Status::default());
        objects.want(ConfigKind::Pool, "lan", counts(1), Wish::all(Ok(()), Ok(()), None));
        assert!(objects.poll_write(at(0), today()).is_some());
        objects.finished(ConfigKind::Pool, "lan", &Verdict::Conflict, at(5));
        assert!(objects.poll_write(at(999), today()).is_none());
        assert_eq!(objects.deadline(), Some(at(1000)));
        assert!(objects.poll_write(at(1000), today()).is_some());
    }

    #[test]
    fn nothing_to_change_writes_nothing() {
        let mut objects = Objects::default();
        objects.seen(ConfigKind::Pool, "lan", Some(1), Status::default());
        objects.want(ConfigKind::Pool, "lan", counts(1), Wish::all(Ok(()), Ok(()), None));
        let record = objects.records.values().next().unwrap();
        let status = record.wanted(today()).unwrap();
        objects.seen(ConfigKind::Pool, "lan", Some(1), status);
        assert!(objects.poll_write(at(0), today() + jiff::SignedDuration::from_secs(60)).is_none());
    }
}
