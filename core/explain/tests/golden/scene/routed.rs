//! The same cluster with BGP: three nodes, peers `spine` and `tor`, a BGPAdvertisement `all`.

use ferrolb_explain::{
    Announcement, Condition, Known, Report, RoutedBy, Routing, Session, SessionState, Speaker,
};
use ferrolb_model::{
    BgpAdvertisement, BgpPeer, EndpointSet, Labels, Node, NodeName, Selector, ServiceId, TrafficPolicy,
};

use super::Scene;

const PEERS: [&str; 2] = ["spine", "tor"];

/// 192.0.2.128 announced by BGP alone, over sessions that are all established. The condition `Announced` says this.
pub(crate) fn routed(reason: &str, message: &str) -> Scene {
    let mut scene = Scene::served("192.0.2.128");
    let web = ServiceId::new("default", "web");
    let told = Announcement {
        slice: "vips-0".into(),
        nodes: Vec::new(),
        services: vec![web.clone()],
        traffic_policy: TrafficPolicy::Cluster,
        routed_by: vec![RoutedBy { name: "all".into(), nodes: None }],
    };
    scene.announcements = Known::Known([("192.0.2.128".parse().unwrap(), told)].into());
    let status = matches!(reason, "BGP" | "Layer2");
    scene.announced = Some(Condition { status, reason: reason.into(), message: message.into() });
    let all = BgpAdvertisement { name: "all".into(), ..BgpAdvertisement::default() };
    let peer = |name: &str| (name.to_owned(), BgpPeer { name: name.into(), ..BgpPeer::default() });
    let ready_nodes = ["n1", "n2", "n3"].map(NodeName::from).into();
    let endpoints = EndpointSet { service: web.clone(), ready_nodes, ready_anywhere: true };
    scene.routing = Some(Known::Known(Routing {
        advertisements: [("all".to_owned(), all)].into(),
        peers: PEERS.map(peer).into(),
        endpoints: [(web, endpoints)].into(),
        ..Routing::default()
    }));
    scene.more_nodes(&["n1", "n2", "n3"]);
    scene
}

/// A session that is in this state for this reason.
pub(crate) fn down(name: &str, why: &str) -> SessionState {
    SessionState::Down { name: name.into(), why: why.into() }
}

/// Selects what has the label.
pub(crate) fn labelled(key: &str, value: &str) -> Selector {
    Selector { match_labels: Labels::from([(key.into(), value.into())]), match_expressions: Vec::new() }
}

impl Scene {
    pub(crate) fn known_routing(&mut self) -> &mut Routing {
        match &mut self.routing {
            Some(Known::Known(routing)) => routing,
            other => panic!("the routing is {other:?}"),
        }
    }

    /// What the speakers were told of 192.0.2.128.
    pub(crate) fn told(&mut self) -> &mut Announcement {
        match &mut self.announcements {
            Known::Known(all) => all.values_mut().next().unwrap(),
            Known::Unknown(why) => panic!("the slices are not known: {why}"),
        }
    }

    /// Nodes labelled with their names, with sessions to both peers.
    pub(crate) fn more_nodes(&mut self, names: &[&str]) {
        for name in names {
            self.known_routing().nodes.push(Node {
                name: (*name).into(),
                labels: Labels::from([("name".into(), (*name).into())]),
                addresses: Vec::new(),
                interfaces: None,
                excluded: false,
                leaving: None,
                ready: true,
            });
            if let Known::Known(speakers) = &mut self.speakers {
                let speaker = Speaker { ready: Some(true), report: Some(Report::default()) };
                speakers.insert((*name).into(), speaker);
            }
            PEERS.iter().for_each(|peer| self.session(name, peer, SessionState::Established));
        }
    }

    pub(crate) fn session(&mut self, node: &str, peer: &str, state: SessionState) {
        let sessions = &mut self.speaker(node).report.as_mut().unwrap().sessions;
        sessions.insert(peer.into(), Session { state, path_lost: None });
    }

    pub(crate) fn lose_path(&mut self, node: &str, peer: &str, state: &str, why: &str) {
        let sessions = &mut self.speaker(node).report.as_mut().unwrap().sessions;
        sessions.get_mut(peer).unwrap().path_lost = Some((state.into(), why.into()));
    }
}
