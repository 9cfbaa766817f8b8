//! Services that are told to BGP peers.

use ferrolb_explain::Known;
use ferrolb_model::TrafficPolicy;

use crate::{
    check,
    scene::{
        Scene,
        routed::{down, labelled, routed},
    },
};

#[test]
fn bgp_peers_are_told() {
    check("bgp", routed("BGP", "192.0.2.128 by BGP from 3 nodes to 2 peers"));
}

#[test]
fn a_session_is_down_and_the_peer_has_said_why() {
    let mut scene = routed("BGP", "192.0.2.128 by BGP from 2 of 3 nodes to 2 peers");
    let why = "the peer ended the session: Cease, Administrative Shutdown: maintenance until noon";
    scene.session("n2", "tor", down("Idle", why));
    scene.lose_path("n3", "spine", "Down", "nothing was heard for 150 ms");
    check("bgp-one-session-down", scene);
}

#[test]
fn no_session_is_established() {
    let why = "192.0.2.128: no session to a BGP peer is established; node n1 says of tor: connection refused";
    let mut scene = routed("NoSession", why);
    for node in ["n1", "n2", "n3"] {
        scene.session(node, "tor", down("Active", "connection refused"));
        scene.session(node, "spine", down("Active", "BFD says that the path to the peer is gone"));
        scene.lose_path(node, "spine", "Down", "");
    }
    scene.speaker("n2").report.as_mut().unwrap().sessions.clear();
    scene.speaker("n3").ready = Some(false);
    check("bgp-no-session", scene);
}

#[test]
fn the_condition_is_believed_where_routing_was_not_looked_at_or_could_not_be_read() {
    let why = "192.0.2.128: no session to a BGP peer is established; node n1 says of tor: connection refused";
    let mut scene = routed("NoSession", why);
    scene.routing = None;
    check("bgp-not-looked-at", scene);
    let mut scene = routed("NoSession", why);
    scene.routing = Some(Known::Unknown("user \"jane\" may not list endpointslices.discovery.k8s.io".into()));
    check("bgp-unreadable", scene);
}

#[test]
fn sessions_that_cannot_be_read_are_as_the_condition_says() {
    let unreadable = |mut scene: Scene| {
        scene.speakers = Known::Unknown("user \"jane\" may not list pods in namespace ferrolb-system".into());
        scene
    };
    let told = routed("BGP", "192.0.2.128 by BGP from 3 nodes to 2 peers");
    check("bgp-speakers-unreadable", unreadable(told));
    let untold = routed("NoSession", "192.0.2.128: no session to a BGP peer is established");
    check("bgp-no-session-unreadable", unreadable(untold));
}

#[test]
fn the_condition_follows_once_sessions_are_established() {
    check("bgp-follows", routed("NoSession", "192.0.2.128: no session to a BGP peer is established"));
}

#[test]
fn no_node_tells_one_of_the_peers() {
    let mut scene = routed("BGP", "192.0.2.128 by BGP from 3 nodes to 1 peer");
    for node in ["n1", "n2", "n3"] {
        scene.session(node, "spine", down("Active", "connection refused"));
    }
    check("bgp-peer-untold", scene);
}

#[test]
fn there_is_no_bgp_peer() {
    let why = "192.0.2.128: no node that the BGPAdvertisement all selects has a BGPPeer of it";
    let mut scene = routed("NoPeer", why);
    scene.known_routing().peers.clear();
    check("bgp-no-peer", scene);
}

#[test]
fn under_local_a_node_without_an_endpoint_tells_nobody() {
    let mut scene = routed("BGP", "192.0.2.128 by BGP from 2 nodes to 2 peers");
    scene.told().traffic_policy = TrafficPolicy::Local;
    scene
        .known_routing()
        .endpoints
        .values_mut()
        .for_each(|set| set.ready_nodes.retain(|node| node.as_str() != "n3"));
    check("bgp-local", scene);

    let mut scene = routed("NoReadyEndpoint", "192.0.2.128: no endpoint of the Service is ready");
    scene.known_routing().endpoints.clear();
    check("bgp-no-endpoint", scene);
}

#[test]
fn a_peer_that_an_advertisement_names_does_not_exist() {
    let mut scene = routed("BGP", "192.0.2.128 by BGP from 3 nodes to 1 peer");
    let routing = scene.known_routing();
    routing.advertisements.get_mut("all").unwrap().peers = vec!["tor".into(), "spnie".into()];
    check("bgp-unknown-peer", scene);
}

#[test]
fn nodes_tell_nobody_for_different_reasons() {
    let mut scene = routed("BGP", "192.0.2.128 by BGP from 1 node to 2 peers");
    scene.more_nodes(&["n4", "n5", "n6", "n7"]);
    let only = |names: &[&str]| names.iter().map(|name| labelled("name", name)).collect::<Vec<_>>();
    let routing = scene.known_routing();
    routing.nodes[1].leaving = Some("cordoned".into());
    routing.nodes[2].excluded = true;
    routing.peers.values_mut().for_each(|peer| peer.node_selectors = only(&["n1", "n2", "n3", "n5"]));
    let all = routing.advertisements.get_mut("all").unwrap();
    all.node_selectors = only(&["n1", "n2", "n3", "n4", "n5"]);
    all.max_nodes = Some(4);
    scene.told().routed_by[0].nodes = Some(["n1", "n2", "n3", "n4"].map(Into::into).into());
    check("bgp-silent-nodes", scene);
}

#[test]
fn every_node_that_could_tell_it_is_leaving() {
    let mut scene = routed("NoSession", "192.0.2.128: no session to a BGP peer is established");
    scene.known_routing().nodes.iter_mut().for_each(|node| node.leaving = Some("cordoned".into()));
    check("bgp-leaving", scene);
}

#[test]
fn speakers_answer_for_it_and_peers_are_not_told() {
    let mut scene = routed("Layer2", "192.0.2.128 on node n1 (eth0); not by BGP: there is no BGPPeer");
    scene.told().nodes = vec!["n1".into(), "n2".into()];
    scene.known_routing().peers.clear();
    check("bgp-beside-layer2", scene);
}

#[test]
fn an_advertisement_is_not_there_as_speakers_know_it() {
    let mut scene = routed("BGP", "192.0.2.128 by BGP from 3 nodes to 2 peers");
    let routing = scene.known_routing();
    routing.advertisements.clear();
    let why = "no Community gives the name customers; nothing is announced by it until one does";
    routing.invalid_advertisements = [("all".to_owned(), why.to_owned())].into();
    check("bgp-invalid", scene);
}

#[test]
fn no_bgp_advertisement_is_for_it() {
    let mut scene = routed(
        "NoAdvertisement",
        "192.0.2.128: no L2Advertisement selects pool lan and this Service; create one, or widen its selectors",
    );
    scene.announcements = Known::Known(Default::default());
    let all = scene.known_routing().advertisements.get_mut("all").unwrap();
    all.pools = vec!["public".into()];
    all.service_selectors = vec![labelled("tier", "web"), labelled("tier", "api")];
    check("bgp-no-advertisement", scene);
}
