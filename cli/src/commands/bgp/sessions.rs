//! The sessions that nodes should hold, beside what their speakers report.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{
    BFDProfile, BGPPeer, BfdSessionState, BgpSession, BgpSessionState, MAX_BGP_SESSIONS, PrefixCounts,
    SpeakerState, VipAnnouncement,
};
use ferrolb_config::bgp::node::{Change, Input, Objects, PeerPlan, desired};
use ferrolb_config::bgp::{PeerAsn, PeerAt};
use ferrolb_model::{Family, Node};
use ferrolb_runtime::watch;
use jiff::Timestamp;
use serde::Serialize;

/// What is told of a session, or of a BGPPeer that no node holds one with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionOut {
    pub(super) peer: String,
    /// `null`: the peer selects no node.
    pub(super) node: Option<String>,
    /// Where the peer is as its speaker reports it, or else as its object says.
    pub(super) address: String,
    /// `null`: the node's speaker does not report the session.
    pub(super) state: Option<BgpSessionState>,
    pub(super) since: Option<Timestamp>,
    pub(super) announced: PrefixCounts,
    pub(super) received: PrefixCounts,
    /// `null`: without BFD, or not reported.
    pub(super) bfd: Option<BfdSessionState>,
    pub(super) last_error: String,
    pub(super) capabilities: Vec<String>,
    pub(super) hold_time_seconds: Option<i32>,
    /// The node's AS; `null`: the session is not among those the node should hold.
    pub(super) my_asn: Option<u32>,
    /// The peer's AS, or which ones it may be of.
    pub(super) peer_asn: String,
    /// What is wrong with it, a sentence each.
    pub(super) problems: Vec<String>,
}

/// Every session by peer and node, and BGPPeers that no node holds one with or that some cannot use.
pub(super) fn told(
    peers: &[BGPPeer],
    profiles: &[BFDProfile],
    nodes: &[Node],
    speakers: &[SpeakerState],
    ready: &BTreeMap<String, bool>,
) -> Vec<SessionOut> {
    let mut objects = Objects::default();
    objects.apply(Change::Peers(watch::Change::All(peers.to_vec())));
    objects.apply(Change::Profiles(watch::Change::All(profiles.to_vec())));
    let mut items = Vec::new();
    // What a node cannot use is of the peer whose name it begins with.
    let mut problems = BTreeMap::<String, BTreeSet<String>>::new();
    for node in nodes {
        let plan = plan(&objects, node);
        for (peer, problem) in plan.problems {
            problems.entry(peer).or_default().insert(problem);
        }
        let state = speakers.iter().find(|one| one.metadata.name.as_deref() == Some(node.name.as_str()));
        let reported = state.and_then(|state| state.status.as_ref()).map(|status| status.bgp.as_slice());
        let names: BTreeSet<&str> = plan.peers.keys().map(String::as_str).collect();
        let others = reported.unwrap_or_default().iter().map(|session| session.peer.as_str());
        for peer in names.iter().copied().chain(others.filter(|peer| !names.contains(peer))) {
            let ready = ready.get(node.name.as_str()).copied();
            items.push(session(node.name.as_str(), peer, plan.peers.get(peer), reported, ready));
        }
    }
    for object in peers {
        let peer = object.metadata.name.as_deref().unwrap_or_default();
        let problems = problems.remove(peer).unwrap_or_default();
        if !problems.is_empty() || items.iter().all(|item| item.peer != peer) {
            items.push(without_node(peer, problems));
        }
    }
    items.sort_by(|one, other| (&one.peer, &one.node).cmp(&(&other.peer, &other.node)));
    items
}

/// What a node should hold, and of which peers it cannot hold a session, and why.
struct NodePlan {
    peers: BTreeMap<String, PeerPlan>,
    problems: Vec<(String, String)>,
}

fn plan(objects: &Objects, node: &Node) -> NodePlan {
    let input = Input {
        node: node.name.as_str(),
        labels: &node.labels,
        leaving: "",
        settled: true,
        objects,
        serving: |_: &VipAnnouncement| None,
    };
    let desired = desired(&input, []);
    let problems = desired.problems.into_iter().filter_map(|problem| {
        let (peer, why) = problem.strip_prefix("BGPPeer ")?.split_once(": ")?;
        // What an object says of a label is of this node, all else is of the object alone.
        let told = match why.starts_with("the node") {
            true => format!("BGPPeer {peer} on node {}: {why}", node.name),
            false => problem.clone(),
        };
        Some((peer.to_owned(), told))
    });
    NodePlan { problems: problems.collect(), peers: desired.peers }
}

fn session(
    node: &str,
    peer: &str,
    plan: Option<&PeerPlan>,
    reported: Option<&[BgpSession]>,
    ready: Option<bool>,
) -> SessionOut {
    let session = reported.and_then(|all| all.iter().find(|session| session.peer == peer));
    let place = plan.map(|plan| place(&plan.peer.at)).unwrap_or_default();
    let address = session.map(|session| session.address.clone()).filter(|address| !address.is_empty());
    let mut problems = Vec::new();
    match (session, reported) {
        (Some(session), _) if session.state == BgpSessionState::Established => {}
        (Some(session), _) => {
            let why = if session.last_error.is_empty() { "" } else { ": " };
            problems.push(format!(
                "the session of {node} with {peer} is not established, but {:?}{why}{}",
                session.state, session.last_error
            ));
        }
        (None, Some(all)) if all.len() >= MAX_BGP_SESSIONS => problems.push(format!(
            "the speaker on {node} has more sessions than a SpeakerState holds, so nothing is known of that with {peer}"
        )),
        (None, Some(_)) => problems.push(format!(
            "{node} should hold a session with {peer}, and its speaker does not report one; look at its log"
        )),
        (None, None) => problems.push(format!(
            "{node} should hold a session with {peer}, and its speaker has not reported; look at its pod"
        )),
    }
    if session.is_some() && ready == Some(false) {
        problems.push(format!(
            "the speaker on {node} is not ready; what is told of its session with {peer} is its last report"
        ));
    }
    SessionOut {
        peer: peer.to_owned(),
        node: Some(node.to_owned()),
        address: address.unwrap_or(place),
        state: session.map(|session| session.state),
        since: session.map(|session| session.since),
        announced: session.map(|session| session.announced).unwrap_or_default(),
        received: session.map(|session| session.received).unwrap_or_default(),
        bfd: session.and_then(|session| session.bfd),
        last_error: session.map(|session| session.last_error.clone()).unwrap_or_default(),
        capabilities: session.map(|session| session.capabilities.clone()).unwrap_or_default(),
        hold_time_seconds: session.map(|session| session.hold_time_seconds),
        my_asn: plan.map(|plan| plan.my_asn.0),
        peer_asn: plan.map(|plan| asn(plan.peer.peer_asn)).unwrap_or_default(),
        problems,
    }
}

fn without_node(peer: &str, problems: BTreeSet<String>) -> SessionOut {
    let nothing = || vec![format!("BGPPeer {peer}: its nodeSelectors select no node, so no session is held")];
    SessionOut {
        peer: peer.to_owned(),
        node: None,
        address: String::new(),
        state: None,
        since: None,
        announced: PrefixCounts::default(),
        received: PrefixCounts::default(),
        bfd: None,
        last_error: String::new(),
        capabilities: Vec::new(),
        hold_time_seconds: None,
        my_asn: None,
        peer_asn: String::new(),
        problems: if problems.is_empty() { nothing() } else { problems.into_iter().collect() },
    }
}

fn place(at: &PeerAt) -> String {
    match at {
        PeerAt::Address(address) => address.to_string(),
        PeerAt::Interface(interface) => format!("%{interface}"),
        PeerAt::DefaultGateway(Family::V4) => "the IPv4 gateway".into(),
        PeerAt::DefaultGateway(Family::V6) => "the IPv6 gateway".into(),
    }
}

fn asn(asn: PeerAsn) -> String {
    match asn {
        PeerAsn::Asn(asn) => asn.to_string(),
        PeerAsn::Internal => "internal".into(),
        PeerAsn::External => "external".into(),
    }
}
