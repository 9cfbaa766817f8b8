//! `BGPPeer`, `BGPAdvertisement`, `BFDProfile`.

use std::time::Duration;

use ferrolb_bgp::{Asn, RouterId};
use ferrolb_config::{
    Error,
    bgp::{
        Advertisement, CommunityEntry, MyAsn, Peer, PeerAsn, PeerAt, Preference, advertisement, bfd_profile,
        peer,
    },
};
use ferrolb_model::{Family, Labels};
use serde_json::{Value, json};

fn read(changes: Value) -> Result<Peer, Error> {
    let mut spec = json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"});
    for (key, value) in changes.as_object().expect("a table of changes") {
        spec[key] = value.clone();
    }
    let object = json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "tor"}, "spec": spec});
    peer(&serde_json::from_value(object).expect("the object is of the type"))
}

fn read_advertisement(spec: Value) -> Result<Advertisement, Error> {
    let object = json!({
        "apiVersion": "ferrolb.io/v1beta1",
        "kind": "BGPAdvertisement",
        "metadata": {"name": "all", "creationTimestamp": "2026-11-22T12:00:00Z"},
        "spec": spec,
    });
    advertisement(&serde_json::from_value(object).expect("the object is of the type"))
}

#[test]
fn what_a_peer_does_not_say_is_the_default() {
    let peer = read(json!({})).unwrap();
    assert_eq!(peer.name, "tor");
    assert_eq!((peer.my_asn, peer.peer_asn), (MyAsn::Asn(Asn(64500)), PeerAsn::Asn(Asn(64501))));
    assert_eq!((peer.at, peer.port), (PeerAt::Address("192.0.2.1".parse().unwrap()), 179));
    assert_eq!((peer.hold_time, peer.keepalive_time), (Duration::from_secs(90), None));
    assert_eq!((peer.connect_time, peer.graceful_restart, peer.ttl_security), (None, None, None));
    assert!(!peer.multi_hop && !peer.dual_stack && !peer.passive && peer.node_selectors.is_empty());
}

#[test]
fn everything_that_a_peer_says_arrives() {
    let peer = read(json!({
        "myASN": null, "myASNFromNodeLabel": "example.com/asn", "peerASN": null, "dynamicASN": "external",
        "peerAddress": null, "defaultGateway": "IPv6", "peerPort": 1790, "sourceAddress": "2001:db8::7",
        "nextHop": {"ipv4": "192.0.2.7", "ipv6": "2001:db8::8"}, "routerID": "192.0.2.9", "holdTime": "1m",
        "keepaliveTime": "20s", "connectTime": "7s", "passwordSecret": {"name": "tor-password"}, "ttlSecurity": 3,
        "localASN": 64510, "bfdProfile": "fast", "gracefulRestart": {"enabled": true, "restartTime": "1m"},
        "dualStackAddressFamily": true, "passive": true, "nodeSelectors": [{"matchLabels": {"rack": "1"}}],
    }))
    .unwrap();
    assert_eq!((&peer.at, peer.port), (&PeerAt::DefaultGateway(Family::V6), 1790));
    assert_eq!(peer.source, Some("2001:db8::7".parse().unwrap()));
    assert_eq!(peer.next_hop_v4, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(peer.next_hop_v6, Some("2001:db8::8".parse().unwrap()));
    assert_eq!(peer.router_id, RouterId::new("192.0.2.9".parse().unwrap()));
    assert_eq!(
        (peer.hold_time, peer.keepalive_time),
        (Duration::from_secs(60), Some(Duration::from_secs(20)))
    );
    assert_eq!((peer.connect_time, peer.ttl_security), (Some(Duration::from_secs(7)), Some(3)));
    assert_eq!(peer.password_secret.as_deref(), Some("tor-password"));
    assert_eq!((peer.local_asn, peer.peer_asn), (Some(Asn(64510)), PeerAsn::External));
    assert_eq!(peer.bfd_profile.as_deref(), Some("fast"));
    assert_eq!(peer.graceful_restart, Some(Duration::from_secs(60)));
    assert!(peer.dual_stack && peer.passive && peer.node_selectors.len() == 1);

    let label = |value: &str| peer.asn_of(&Labels::from([("example.com/asn".into(), value.into())]));
    assert_eq!(label("4200000000"), Ok(Asn(4_200_000_000)));
    assert!(label("as64500").unwrap_err().contains("\"as64500\", which is no AS number"));
    assert!(label("0").is_err() && label("4294967296").is_err() && label("+1").is_err());
    assert!(peer.asn_of(&Labels::new()).unwrap_err().contains("no label example.com/asn"));
}

#[test]
fn what_no_rule_of_the_api_has_seen_is_refused_all_the_same() {
    for (changes, field) in [
        (json!({"myASN": null}), "spec.myASN"),
        (json!({"dynamicASN": "internal"}), "spec.peerASN"),
        (json!({"peerASN": 0}), "spec.peerASN"),
        (json!({"interface": "eth0"}), "spec.peerAddress"),
        (json!({"peerAddress": "router"}), "spec.peerAddress"),
        (json!({"peerAddress": "fe80::1"}), "spec.peerAddress"),
        (json!({"peerAddress": "224.0.0.1"}), "spec.peerAddress"),
        (json!({"peerPort": 0}), "spec.peerPort"),
        (json!({"sourceAddress": "2001:db8::1"}), "spec.sourceAddress"),
        (json!({"nextHop": {"ipv4": "2001:db8::1"}}), "spec.nextHop.ipv4"),
        (json!({"nextHop": {"ipv6": "192.0.2.1"}}), "spec.nextHop.ipv6"),
        (json!({"routerID": "0.0.0.0"}), "spec.routerID"),
        (json!({"holdTime": "2s"}), "spec.holdTime"),
        (json!({"holdTime": "90"}), "spec.holdTime"),
        (json!({"keepaliveTime": "31s"}), "spec.keepaliveTime"),
        (json!({"holdTime": "0s", "keepaliveTime": "1s"}), "spec.keepaliveTime"),
        (json!({"connectTime": "0s"}), "spec.connectTime"),
        (json!({"ttlSecurity": 255}), "spec.ttlSecurity"),
        (json!({"ttlSecurity": 1, "ebgpMultiHop": true}), "spec.ebgpMultiHop"),
        (json!({"peerASN": 64500, "ebgpMultiHop": true}), "spec.ebgpMultiHop"),
        (json!({"peerAddress": null, "interface": "eth0", "ebgpMultiHop": true}), "spec.ebgpMultiHop"),
        (json!({"localASN": 64500}), "spec.localASN"),
        (json!({"peerASN": 64500, "localASN": 64510}), "spec.localASN"),
        (
            json!({"gracefulRestart": {"enabled": true, "restartTime": "0s"}}),
            "spec.gracefulRestart.restartTime",
        ),
    ] {
        assert_eq!(read(changes.clone()).unwrap_err().field, field, "{changes}");
    }
}

#[test]
fn keepalives_of_a_session_without_hold_time_are_none() {
    let peer = read(json!({"holdTime": "0s", "keepaliveTime": "0s"})).unwrap();
    assert_eq!((peer.hold_time, peer.keepalive_time), (Duration::ZERO, None));
}

#[test]
fn what_an_advertisement_does_not_say_is_the_default() {
    let Advertisement { selection, routes } = read_advertisement(json!({})).unwrap();
    assert_eq!(
        (selection.name.as_str(), selection.created, selection.max_nodes),
        ("all", 1_795_348_800, None)
    );
    assert!(selection.pools.is_empty() && selection.peers.is_empty() && selection.tells("any"));
    assert_eq!((routes.length(Family::V4), routes.length(Family::V6)), (32, 128));
    assert_eq!((routes.preference, routes.communities.len()), (Preference::default(), 0));
}

#[test]
fn everything_that_an_advertisement_says_arrives() {
    let Advertisement { selection, routes } = read_advertisement(json!({
        "ipAddressPools": ["lan"], "ipAddressPoolSelectors": [{}], "serviceSelectors": [{}], "nodeSelectors": [{}],
        "peers": ["tor"], "aggregationLength": 24, "aggregationLengthV6": 64, "localPref": 4_294_967_295_i64, "med": 0,
        "communities": ["64500:1", "customers"], "asPathPrepend": 2, "weighted": true, "maxNodes": 3,
    }))
    .unwrap();
    assert!(selection.tells("tor") && !selection.tells("other"));
    let counts =
        [&selection.pool_selectors, &selection.service_selectors, &selection.node_selectors].map(Vec::len);
    assert_eq!((selection.pools.len(), counts, selection.max_nodes), (1, [1, 1, 1], Some(3)));
    assert_eq!((routes.length_v4, routes.length_v6), (24, 64));
    let preference = Preference { local_pref: Some(u32::MAX), med: Some(0), prepend: 2, weighted: true };
    assert_eq!(routes.preference, preference);
    assert_eq!(routes.communities[1], CommunityEntry::Alias("customers".into()));
    let error = read_advertisement(json!({"communities": ["no-export", "rt:1"]})).unwrap_err();
    assert_eq!(error.field, "spec.communities[1]");
}

#[test]
fn profiles_are_within_bounds() {
    let read = |spec: Value| {
        let object = json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "BFDProfile", "metadata": {"name": "b"}, "spec": spec});
        bfd_profile(&serde_json::from_value(object).expect("the object is of the type"))
    };
    let profile = read(json!({})).unwrap();
    assert_eq!((profile.receive, profile.transmit), (Duration::from_millis(300), Duration::from_millis(300)));
    assert_eq!((profile.multiplier, profile.passive, profile.minimum_ttl), (3, false, 254));
    assert_eq!(read(json!({"transmitInterval": 9})).unwrap_err().field, "spec.transmitInterval");
    assert_eq!(read(json!({"detectMultiplier": 256})).unwrap_err().field, "spec.detectMultiplier");
    assert_eq!(read(json!({"minimumTtl": 255})).unwrap_err().field, "spec.minimumTtl");
}
