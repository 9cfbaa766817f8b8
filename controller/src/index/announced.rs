//! What Services' conditions say about announcing, brought up to date at most once a second, for those Services only
//! about which something has changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use ferrolb_api::condition::announced;
use ferrolb_model::{NodeName, ServiceId};

use super::{
    routed::Routed,
    standing::Standing,
    verdict::{Verdict, judge},
};
use crate::write::AnnouncedStatus;

/// The shortest time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the speakers have to report before a Service is told that nobody did.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whom to look at and when, and who has been waiting since when.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// Services to look at.
    changed: BTreeSet<ServiceId>,
    last: Option<Duration>,
    /// Whether it may be known by now what was not.
    heard: bool,
    /// When the first of those who wait has waited long enough, or a bit earlier.
    patience: Option<Duration>,
    /// Services about which the speakers have not reported; those that say nothing yet have waited since then.
    unknown: BTreeMap<ServiceId, Option<Duration>>,
}

impl Announced {
    /// Something about the Service has changed that its condition may speak of.
    pub(crate) fn changed(&mut self, service: ServiceId) {
        self.changed.insert(service);
    }

    /// A speaker has reported, or slices were listed: what was not known of anybody may be by now.
    pub(crate) fn heard(&mut self) {
        self.heard = true;
    }

    /// The Services to look at now.
    pub(crate) fn due(&mut self, now: Duration) -> BTreeSet<ServiceId> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return BTreeSet::new();
        }
        self.last = Some(now);
        let heard = std::mem::take(&mut self.heard);
        let is_due = |since: &Option<Duration>| heard || since.is_some_and(|since| since + PATIENCE <= now);
        let due = self.unknown.iter().filter(|(_, since)| is_due(since)).map(|(service, _)| service.clone());
        self.changed.extend(due);
        let waiting = self.unknown.values().filter_map(|since| Some((*since)? + PATIENCE));
        self.patience = waiting.filter(|end| now < *end).min();
        std::mem::take(&mut self.changed)
    }

    /// When there is somebody to look at, if nothing else happens.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let next = self.last.map_or(Duration::ZERO, |last| last + INTERVAL);
        let changed = !self.changed.is_empty() || (self.heard && !self.unknown.is_empty());
        let changed = changed.then_some(next);
        [self.patience.map(|patience| patience.max(next)), changed].into_iter().flatten().min()
    }

    /// What one Service's condition should say, given the standing of each of its addresses; `None`: what it says now,
    /// because the speakers have not reported yet. `spoken`: whether it says anything.
    pub(crate) fn status(
        &mut self,
        service: &ServiceId,
        standings: &[(IpAddr, Standing, Option<Routed>)],
        spoken: bool,
        now: Duration,
    ) -> Option<AnnouncedStatus> {
        let (candidates, meanwhile) = match judge(standings) {
            Verdict::Known(status) => {
                self.unknown.remove(service);
                return Some(status);
            }
            Verdict::Waits { candidates, meanwhile } => (candidates, meanwhile),
        };
        let waiting = self.unknown.entry(service.clone()).or_default();
        if spoken && meanwhile.is_none() {
            *waiting = None;
            return None;
        }
        let since = *waiting.get_or_insert(now);
        if now < since + PATIENCE {
            self.patience.get_or_insert(since + PATIENCE);
            return None;
        }
        *waiting = None;
        Some(meanwhile.unwrap_or_else(|| pending(&candidates)))
    }

    /// A Service is gone.
    pub(crate) fn forget(&mut self, service: &ServiceId) {
        self.changed.remove(service);
        self.unknown.remove(service);
    }
}

fn pending(candidates: &[NodeName]) -> AnnouncedStatus {
    let names: Vec<&str> = candidates.iter().map(NodeName::as_str).collect();
    AnnouncedStatus {
        announced: false,
        reason: announced::PENDING.into(),
        message: format!(
            "no speaker has reported that it answers; look at the speakers' pods on {}",
            if names.is_empty() { "the nodes".to_owned() } else { names.join(", ") }
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ownership::Owner, *};

    fn id() -> ServiceId {
        ServiceId::new("default", "web")
    }

    fn standings(standing: Standing) -> Vec<(IpAddr, Standing, Option<Routed>)> {
        vec![("192.0.2.128".parse().unwrap(), standing, None)]
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(100 + seconds)
    }

    #[test]
    fn an_owner_is_named() {
        let owner = Owner { node: "n1".into(), interface: "eth0".into(), duplicate: None, remark: None };
        let status =
            |owner| Announced::default().status(&id(), &standings(Standing::By(owner)), false, at(0));
        let alone = status(owner.clone()).unwrap();
        assert_eq!((alone.announced, &*alone.reason), (true, "Layer2"));
        assert_eq!(alone.message, "192.0.2.128 on node n1 (eth0)");
        let not_alone = status(Owner { duplicate: Some("another uses it".into()), ..owner.clone() }).unwrap();
        assert_eq!((not_alone.announced, &*not_alone.reason), (true, "Duplicate"));
        assert_eq!(not_alone.message, "192.0.2.128 on node n1 (eth0), but another uses it");
        let asked = status(Owner { remark: Some("it is to move to node n2".into()), ..owner });
        assert_eq!(asked.unwrap().message, "192.0.2.128 on node n1 (eth0); it is to move to node n2");
    }

    #[test]
    fn a_station_that_keeps_the_address_is_told_at_once() {
        let contested = Standing::Contested("the station 02:00:00:00:00:09 uses this address".into());
        let status = Announced::default().status(&id(), &standings(contested), true, at(0)).unwrap();
        assert_eq!((status.announced, &*status.reason), (false, "Duplicate"));
        let told =
            "192.0.2.128: no node answers for it, since the station 02:00:00:00:00:09 uses this address";
        assert_eq!(status.message, told);
    }

    #[test]
    fn silence_is_told_after_a_while_and_only_if_nothing_was_said() {
        let mut announced = Announced::default();
        announced.changed(id());
        assert_eq!(announced.due(at(0)), [id()].into());
        let unknown = standings(Standing::Unknown(vec!["n1".into()]));
        assert_eq!(announced.status(&id(), &unknown, false, at(0)), None);
        assert_eq!(announced.deadline(), Some(at(5)));
        announced.heard();
        assert_eq!(announced.deadline(), Some(at(1)), "the speakers' reports may say more");
        assert_eq!(announced.due(at(4)), [id()].into());
        assert_eq!(announced.status(&id(), &unknown, false, at(4)), None);
        assert_eq!(announced.due(at(5)), [id()].into());
        assert_eq!(announced.status(&id(), &unknown, false, at(5)).unwrap().reason, "Pending");
        assert_eq!(announced.deadline(), None);
        assert_eq!(announced.status(&id(), &unknown, true, at(20)), None, "what was said stands");
        assert_eq!(announced.deadline(), None);
    }

    #[test]
    fn nobody_is_looked_at_twice_within_a_second_or_without_cause() {
        let mut announced = Announced::default();
        announced.changed(id());
        assert_eq!(announced.due(at(0)).len(), 1);
        assert_eq!(announced.due(at(9)).len(), 0);
        announced.changed(id());
        assert_eq!(announced.due(at(9)).len(), 1);
        announced.changed(id());
        assert_eq!(announced.due(at(9)).len(), 0);
        assert_eq!(announced.deadline(), Some(at(10)));
    }
}
