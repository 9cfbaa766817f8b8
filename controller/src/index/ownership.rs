//! Who answers for each VIP, as the speakers report it.
//!
//! A speaker lists only what is not as planned, so a VIP's owner is its first candidate unless somebody says otherwise;
//! and that counts only once the first candidate has seen the plan it is judged by. A dead speaker's last report stays:
//! of two that both claim a VIP the later report is right, because whoever takes a VIP over reports it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use ferrolb_api::{ExceptionKind, SpeakerState};
use ferrolb_model::NodeName;
use ferrolb_placement::Placement;
use ipnet::IpNet;

use super::version;

/// What every speaker reports.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    reports: BTreeMap<NodeName, Report>,
    exceptions: BTreeMap<IpAddr, Vec<Exception>>,
}

#[derive(Debug, Default)]
struct Report {
    version: String,
    revision: String,
    excepted: BTreeSet<IpAddr>,
    /// Networks of its interfaces, with the interfaces' names.
    networks: Vec<(IpNet, String)>,
}

/// What a node says about a VIP that is not as planned.
#[derive(Debug)]
struct Exception {
    node: NodeName,
    kind: ExceptionKind,
    interface: String,
    reason: String,
}

/// Whose owner may be another after a report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Doubtful {
    /// These VIPs, and those whose owner was not known.
    These(BTreeSet<IpAddr>),
    /// Any VIP.
    All,
}

/// Who answers for a VIP. Displayed as `node n1 (eth0)`, and what is wrong with that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The node.
    pub(crate) node: NodeName,
    /// The interface; empty if it is not known.
    pub(crate) interface: String,
    /// What it says of another station that uses the VIP.
    pub(crate) duplicate: Option<String>,
    /// Where the VIP is asked to be instead, or why it does not go where it is asked to.
    pub(crate) remark: Option<String>,
}

impl Ownership {
    /// Takes a speaker's report.
    pub(crate) fn report(&mut self, state: &SpeakerState) -> Doubtful {
        let node = name(state);
        let before = self.take(&node);
        let status = state.status.clone().unwrap_or_default();
        let mut report = Report {
            version: state.metadata.resource_version.clone().unwrap_or_default(),
            revision: status.configuration.revision,
            ..Report::default()
        };
        for interface in status.interfaces {
            let networks = interface.addresses.iter().filter_map(|network| network.parse().ok());
            report.networks.extend(networks.map(|network| (network, interface.name.clone())));
        }
        for exception in status.exceptions {
            let Ok(address) = exception.ip.parse() else { continue };
            report.excepted.insert(address);
            let (kind, interface, reason) = (exception.kind, exception.interface, exception.reason);
            let exceptions = self.exceptions.entry(address).or_default();
            exceptions.push(Exception { node: node.clone(), kind, interface, reason });
        }
        let moved = before.networks != report.networks;
        let doubtful = before.excepted.into_iter().chain(self.exceptions.keys().copied()).collect();
        self.reports.insert(node, report);
        if moved { Doubtful::All } else { Doubtful::These(doubtful) }
    }

    /// A speaker's report is gone.
    pub(crate) fn forget(&mut self, state: &SpeakerState) -> Doubtful {
        Doubtful::These(self.take(&name(state)).excepted)
    }

    /// These are all the reports.
    pub(crate) fn replace(&mut self, states: &[SpeakerState]) -> Doubtful {
        *self = Self::default();
        for state in states {
            self.report(state);
        }
        Doubtful::All
    }

    /// Who answers for a VIP whose announcement is in a slice of this version; `None`: nobody knows yet.
    pub(crate) fn owner(
        &self,
        address: IpAddr,
        candidates: &[NodeName],
        slice_version: &str,
    ) -> Option<Owner> {
        let exceptions = self.exceptions.get(&address).map(Vec::as_slice).unwrap_or_default();
        let taken = exceptions.iter().filter(|exception| exception.kind == ExceptionKind::Taken);
        let owner = |node: &NodeName, interface: &str| {
            let mut own = exceptions.iter().filter(|exception| exception.node == *node);
            let duplicate = own.find(|exception| exception.kind == ExceptionKind::Duplicate);
            let duplicate = duplicate.map(|exception| exception.reason.clone());
            Owner { node: node.clone(), interface: interface.to_owned(), duplicate, remark: None }
        };
        let mut claims: Vec<(&Report, Owner)> = taken
            .filter_map(|exception| {
                Some((self.reports.get(&exception.node)?, owner(&exception.node, &exception.interface)))
            })
            .collect();
        let misses = |node: &NodeName| {
            let mut own = exceptions.iter().filter(|exception| exception.node == *node);
            own.any(|exception| exception.kind == ExceptionKind::Missing)
        };
        if let Some(first) = candidates.first()
            && let Some(report) = self.reports.get(first)
            && !version::is_newer(slice_version, &report.revision)
            && !misses(first)
        {
            claims.push((report, owner(first, report.interface_for(address))));
        }
        claims
            .into_iter()
            .reduce(
                |one, other| if version::is_newer(&other.0.version, &one.0.version) { other } else { one },
            )
            .map(|(_, owner)| owner)
    }

    /// What the first candidate says of a station that keeps it from answering for the VIP, if one does.
    pub(crate) fn contested(&self, address: IpAddr, first: &NodeName) -> Option<String> {
        let all = self.exceptions.get(&address)?;
        let own = |kind: ExceptionKind| all.iter().find(move |one| one.node == *first && one.kind == kind);
        own(ExceptionKind::Missing)?;
        own(ExceptionKind::Duplicate).map(|one| one.reason.clone())
    }

    fn take(&mut self, node: &NodeName) -> Report {
        let report = self.reports.remove(node).unwrap_or_default();
        for address in &report.excepted {
            let Some(exceptions) = self.exceptions.get_mut(address) else { continue };
            exceptions.retain(|exception| exception.node != *node);
            if exceptions.is_empty() {
                self.exceptions.remove(address);
            }
        }
        report
    }
}

impl Owner {
    /// With what there is to say of where the VIP should be.
    pub(crate) fn with_remark(mut self, placement: &Placement) -> Self {
        let moves = placement.move_to.as_ref().filter(|target| **target != self.node);
        let moves = moves.map(|target| format!("it is to move to node {target}"));
        self.remark = placement.declined.as_ref().map(ToString::to_string).or(moves);
        self
    }
}

impl Report {
    /// The interface whose network holds the address.
    fn interface_for(&self, address: IpAddr) -> &str {
        let holds = |(network, _): &&(IpNet, String)| network.contains(&address);
        self.networks.iter().find(holds).map_or("", |(_, name)| name.as_str())
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.interface.is_empty() {
            true => write!(f, "node {}", self.node),
            false => write!(f, "node {} ({})", self.node, self.interface),
        }?;
        self.duplicate.as_ref().map_or(Ok(()), |duplicate| write!(f, ", but {duplicate}"))?;
        self.remark.as_ref().map_or(Ok(()), |remark| write!(f, "; {remark}"))
    }
}

fn name(state: &SpeakerState) -> NodeName {
    state.metadata.name.as_deref().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{Configuration, Exception, Interface, SpeakerStateSpec, SpeakerStateStatus};

    use super::*;

    const VIP: &str = "192.0.2.128";

    fn state(name: &str, version: u32, revision: &str, exceptions: &[ExceptionKind]) -> SpeakerState {
        let mut state = SpeakerState::new(name, SpeakerStateSpec {});
        state.metadata.resource_version = Some(version.to_string());
        let exceptions = exceptions.iter().map(|kind| Exception {
            ip: VIP.into(),
            interface: "eth9".into(),
            kind: *kind,
            term: 1,
            since: "2026-11-22T12:00:00Z".parse().unwrap(),
            reason: "the station 02:00:00:00:00:09 uses this address".into(),
        });
        state.status = Some(SpeakerStateStatus {
            exceptions: exceptions.collect(),
            interfaces: vec![Interface {
                name: "eth0".into(),
                addresses: vec!["192.0.2.11/24".into()],
                carrier: true,
                segment: None,
            }],
            configuration: Configuration { revision: revision.into(), ..Configuration::default() },
            ..SpeakerStateStatus::default()
        });
        state
    }

    fn owner(ownership: &Ownership) -> Option<String> {
        let candidates = ["n1".into(), "n2".into()];
        ownership.owner(VIP.parse().unwrap(), &candidates, "10").map(|owner| owner.to_string())
    }

    #[test]
    fn the_first_candidate_answers_once_it_knows_the_plan() {
        let mut ownership = Ownership::default();
        assert_eq!(owner(&ownership), None);
        ownership.report(&state("n1", 20, "9", &[]));
        assert_eq!(owner(&ownership), None, "it has not seen the slice yet");
        ownership.report(&state("n1", 21, "10", &[]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n1 (eth0)"));
        ownership.report(&state("n1", 22, "10", &[ExceptionKind::Missing]));
        assert_eq!(owner(&ownership), None);
    }

    #[test]
    fn an_owner_that_hears_another_station_use_the_vip_says_so() {
        let mut ownership = Ownership::default();
        ownership.report(&state("n2", 20, "10", &[ExceptionKind::Duplicate]));
        ownership.report(&state("n1", 21, "10", &[ExceptionKind::Duplicate]));
        let told = "node n1 (eth0), but the station 02:00:00:00:00:09 uses this address";
        assert_eq!(owner(&ownership).as_deref(), Some(told));
        ownership.report(&state("n1", 22, "10", &[]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n1 (eth0)"), "n2 does not answer");
    }

    #[test]
    fn a_station_keeps_a_vip_from_its_first_candidate_if_that_says_so() {
        let mut ownership = Ownership::default();
        let contested = |ownership: &Ownership| ownership.contested(VIP.parse().unwrap(), &"n1".into());
        ownership.report(&state("n2", 20, "10", &[ExceptionKind::Duplicate]));
        ownership.report(&state("n1", 21, "9", &[ExceptionKind::Duplicate]));
        assert_eq!(contested(&ownership), None, "it answers beside the station");
        let both = [ExceptionKind::Missing, ExceptionKind::Duplicate];
        ownership.report(&state("n1", 22, "10", &both));
        assert_eq!(owner(&ownership), None);
        let told = contested(&ownership);
        assert_eq!(told.as_deref(), Some("the station 02:00:00:00:00:09 uses this address"));
    }

    #[test]
    fn a_report_says_whose_owner_may_be_another() {
        let mut ownership = Ownership::default();
        assert_eq!(ownership.report(&state("n1", 20, "10", &[])), Doubtful::All, "its interfaces are new");
        assert_eq!(ownership.report(&state("n1", 21, "11", &[])), Doubtful::These(BTreeSet::new()));
        let vip = BTreeSet::from([VIP.parse().unwrap()]);
        let missing = state("n1", 22, "11", &[ExceptionKind::Missing]);
        assert_eq!(ownership.report(&missing), Doubtful::These(vip.clone()));
        assert_eq!(ownership.report(&state("n1", 23, "11", &[])), Doubtful::These(vip));
    }

    #[test]
    fn the_later_report_is_right_whoever_is_dead() {
        let mut ownership = Ownership::default();
        ownership.report(&state("n1", 20, "10", &[]));
        ownership.report(&state("n2", 21, "10", &[ExceptionKind::Taken]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n2 (eth9)"), "n1 died and says nothing any more");
        ownership.report(&state("n1", 22, "10", &[ExceptionKind::Missing]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n2 (eth9)"), "n1 is back and waits");
        ownership.report(&state("n1", 23, "10", &[]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n1 (eth0)"), "n2 died and n1 took over");
        ownership.report(&state("n3", 24, "10", &[ExceptionKind::Taken]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n3 (eth9)"));
        ownership.forget(&state("n3", 25, "10", &[]));
        assert_eq!(owner(&ownership).as_deref(), Some("node n1 (eth0)"));
    }
}
