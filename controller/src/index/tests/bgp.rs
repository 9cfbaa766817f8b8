//! VIPs that BGP peers are told of, alone or beside layer 2.

use std::time::Duration;

use ferrolb_api::{
    BFDProfile, BGPAdvertisement, BGPPeer, BgpSession, BgpSessionState, Community, Configuration,
    PrefixCounts, SpeakerState, SpeakerStateSpec, SpeakerStateStatus, VipAnnouncement, condition::ANNOUNCED,
};
use ferrolb_model::ServiceId;
use ferrolb_runtime::{
    kinds::{Endpoint, EndpointConditions, EndpointSlice, SERVICE_NAME_LABEL},
    watch::Change,
};
use serde_json::{Value, json};

use super::{super::Event, world::World};
use crate::write::ConfigKind;

fn advertisement(name: &str, created: &str, spec: &Value) -> BGPAdvertisement {
    let metadata = json!({"name": name, "creationTimestamp": created, "uid": name, "generation": 1});
    let object = json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "BGPAdvertisement", "metadata": metadata, "spec": spec});
    serde_json::from_value(object).unwrap()
}

fn peer(name: &str, changes: &Value) -> BGPPeer {
    let mut spec = json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"});
    changes.as_object().unwrap().iter().for_each(|(key, value)| spec[key] = value.clone());
    BGPPeer::new(name, serde_json::from_value(spec).unwrap())
}

/// A pool that BGP peers alone are told of.
fn world(spec: &Value) -> World {
    let mut world = World::new();
    world.advertisements.clear();
    world.bgp_advertisements.insert("routes".into(), advertisement("routes", "2026-11-22T12:00:00Z", spec));
    world.peers.insert("tor".into(), peer("tor", &json!({})));
    world
}

fn vip(world: &World, service: &ServiceId) -> VipAnnouncement {
    let address = &world.addresses(service)[0];
    let mut vips = world.slices.values().flat_map(|slice| &slice.spec.vips);
    vips.find(|vip| vip.ip == *address).unwrap().clone()
}

fn announced(world: &World, service: &ServiceId) -> (String, String, String) {
    let conditions = &world.services[service].status.conditions;
    let condition = conditions.iter().find(|one| one.type_ == ANNOUNCED).unwrap();
    (condition.status.clone(), condition.reason.clone(), condition.message.clone())
}

/// The endpoints of a Service, by node and whether they are ready.
fn endpoints(service: &str, nodes: &[(&str, bool)]) -> EndpointSlice {
    let mut slice = EndpointSlice::default();
    slice.metadata.namespace = Some("default".into());
    slice.metadata.name = Some(format!("{service}-1"));
    slice.metadata.labels = Some([(SERVICE_NAME_LABEL.to_owned(), service.to_owned())].into());
    let endpoint = |(node, ready): &(&str, bool)| Endpoint {
        conditions: EndpointConditions { ready: Some(*ready) },
        node_name: Some((*node).into()),
    };
    slice.endpoints = nodes.iter().map(endpoint).collect();
    slice
}

/// The speakers of n1 and n2 know the newest slices and report their session to this peer.
fn report(world: &mut World, peer: &str, states: [BgpSessionState; 2], error: &str) -> Event {
    for (node, state) in ["n1", "n2"].into_iter().zip(states) {
        let session = BgpSession {
            peer: peer.into(),
            address: "192.0.2.1".into(),
            state,
            since: "2026-11-22T12:00:00Z".parse().unwrap(),
            last_error: error.into(),
            announced: PrefixCounts::default(),
            received: PrefixCounts::default(),
            capabilities: Vec::new(),
            hold_time_seconds: 0,
            bfd: None,
        };
        let revision = world.next_version().to_string();
        let mut speaker = SpeakerState::new(node, SpeakerStateSpec {});
        speaker.metadata.resource_version = Some(revision.clone());
        speaker.status = Some(SpeakerStateStatus {
            bgp: vec![session],
            configuration: Configuration { revision, ..Configuration::default() },
            ..SpeakerStateStatus::default()
        });
        world.speakers.insert(node.into(), speaker);
    }
    Event::Speakers(Change::All(world.speakers.values().cloned().collect()))
}

#[test]
fn a_vip_that_bgp_alone_announces_is_in_a_slice_and_its_condition_counts() {
    use BgpSessionState::{Active, Established};
    let mut world = world(&json!({}));
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    let told = vip(&world, &web);
    assert_eq!(told.layer2, None);
    let by = told.bgp.unwrap().advertisements;
    assert_eq!((by.len(), by[0].name.as_str(), &by[0].nodes), (1, "routes", &None));
    assert!(index.needs_endpoints(), "a route is withdrawn without ready endpoints");

    index.apply(Event::Endpoints(Change::All(vec![endpoints("web", &[("n1", true)])])));
    index.apply(report(&mut world, "tor", [Established, Active], ""));
    world.run(&mut index);
    let told = "192.0.2.128 by BGP from 1 of 2 nodes to 1 peer";
    assert_eq!(announced(&world, &web), ("True".into(), "BGP".into(), told.into()));
    let writes = world.writes;

    index.apply(report(&mut world, "tor", [Established, Established], ""));
    world.run(&mut index);
    assert_eq!(announced(&world, &web).2, "192.0.2.128 by BGP from 2 nodes to 1 peer");
    assert_eq!(world.writes, writes + 1, "one condition, no slice");

    index.apply(report(&mut world, "tor", [Active, Active], "the peer says: bad AS number"));
    world.run(&mut index);
    let (status, reason, message) = announced(&world, &web);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "NoSession"));
    assert!(message.ends_with("node n1 says of tor: the peer says: bad AS number"), "{message}");

    index.apply(Event::Endpoints(Change::Applied(endpoints("web", &[("n1", false)]))));
    world.run(&mut index);
    assert_eq!(announced(&world, &web).1, "NoReadyEndpoint");
}

#[test]
fn under_local_nodes_with_an_endpoint_count() {
    use BgpSessionState::Established;
    let mut world = world(&json!({}));
    let web = world.add_service("web");
    world.services.get_mut(&web).unwrap().spec.external_traffic_policy = Some("Local".into());
    let mut index = world.controller();
    index.apply(Event::Endpoints(Change::All(vec![endpoints("web", &[("n2", true), ("n1", false)])])));
    world.run(&mut index);
    index.apply(report(&mut world, "tor", [Established, Established], ""));
    world.run(&mut index);
    assert_eq!(announced(&world, &web).2, "192.0.2.128 by BGP from 1 node to 1 peer");
}

#[test]
fn both_kinds_of_advertisement_hold_for_one_pool() {
    let mut world = world(&json!({}));
    let everything = ferrolb_api::L2Advertisement::new("all", ferrolb_api::L2AdvertisementSpec::default());
    world.advertisements.insert("all".into(), everything);
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    let told = vip(&world, &web);
    assert!(told.layer2.is_some() && told.bgp.is_some());

    index.apply(Event::BgpAdvertisements(Change::All(Vec::new())));
    world.run(&mut index);
    let told = vip(&world, &web);
    assert!(told.layer2.is_some() && told.bgp.is_none());
    index.apply(Event::Advertisements(Change::All(Vec::new())));
    world.run(&mut index);
    assert!(world.slices.is_empty());
    assert_eq!(announced(&world, &web).1, "NoAdvertisement");
}

#[test]
fn limited_nodes_are_written_and_a_restart_writes_nothing() {
    let mut world = world(&json!({"maxNodes": 1}));
    let services: Vec<ServiceId> = ["a", "b", "c", "d"].map(|name| world.add_service(name)).into();
    let mut index = world.controller();
    world.run(&mut index);
    let chosen = |world: &World| -> Vec<Option<Vec<String>>> {
        let by = |service| vip(world, service).bgp.unwrap().advertisements.remove(0).nodes;
        services.iter().map(by).collect()
    };
    let before = chosen(&world);
    assert!(before.iter().flatten().all(|nodes| nodes.len() == 1), "{before:?}");
    assert_eq!(before.iter().flatten().count(), 4);

    let writes = world.writes;
    let mut index = world.controller();
    index.apply(Event::Endpoints(Change::All(Vec::new())));
    let slices = world.slices.clone();
    world.run(&mut index);
    assert_eq!((&world.slices, chosen(&world)), (&slices, before));
    assert_eq!(world.writes - writes, services.len(), "no endpoint is ready, which each condition says");
}

/// The reason and message of a condition of an object.
fn said(world: &World, kind: ConfigKind, name: &str, condition: &str) -> (String, String) {
    let conditions = world.conditions[&(kind, name.to_owned())].as_array().unwrap();
    let found = conditions.iter().find(|one| one["type"] == condition).unwrap();
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("reason"), text("message"))
}

#[test]
fn conditions_say_what_is_missing_wrong_or_contradicted() {
    let mut world = world(
        &json!({"ipAddressPools": ["lan", "gone"], "peers": ["tor", "spine"], "communities": ["customers"]}),
    );
    let younger = json!({"localPref": 200, "communities": ["64500:7"]});
    world
        .bgp_advertisements
        .insert("younger".into(), advertisement("younger", "2026-11-22T12:00:01Z", &younger));
    let alike =
        json!({"communities": ["64500:8"], "aggregationLength": 24, "aggregationLengthV6": 64, "med": 7});
    world.bgp_advertisements.insert("alike".into(), advertisement("alike", "2026-11-22T12:00:02Z", &alike));
    let bad = json!({"communities": ["64500:66000"]});
    world.bgp_advertisements.insert("bad".into(), advertisement("bad", "2026-11-22T12:00:03Z", &bad));
    world.peers.insert("tor".into(), peer("tor", &json!({"bfdProfile": "fast"})));
    world.peers.insert("label".into(), peer("label", &json!({"myASN": null, "myASNFromNodeLabel": "asn"})));
    world.profiles.insert("slow".into(), BFDProfile::new("slow", serde_json::from_value(json!({})).unwrap()));
    let aliases = |name: &str, value: &str| {
        let spec = json!({"communities": [{"name": "x", "value": value}]});
        Community::new(name, serde_json::from_value(spec).unwrap())
    };
    world.communities.insert("a".into(), aliases("a", "64500:1"));
    world.communities.insert("b".into(), aliases("b", "64500:2"));
    let mut index = world.controller();
    world.run(&mut index);

    use ConfigKind::{BfdProfile, BgpAdvertisement, BgpPeer};
    let (reason, message) = said(&world, BgpAdvertisement, "routes", "ResolvedRefs");
    assert_eq!(reason, "NotFound");
    for part in
        ["IPAddressPool is named gone", "BGPPeer is named spine", "gives the name customers; until one does"]
    {
        assert!(message.contains(part), "{message}");
    }
    let (reason, message) = said(&world, BgpAdvertisement, "younger", "Accepted");
    assert_eq!(reason, "Conflict");
    assert!(message.contains("older BGPAdvertisement routes"), "{message}");
    assert_eq!(said(&world, BgpAdvertisement, "routes", "Accepted").0, "Valid", "the older one counts");
    assert_eq!(said(&world, BgpAdvertisement, "alike", "Accepted").0, "Valid", "its prefixes are others");
    let (reason, message) = said(&world, BgpAdvertisement, "bad", "Ready");
    assert_eq!(reason, "Invalid");
    assert!(message.contains("spec.communities[0]"), "{message}");
    assert_eq!(said(&world, BgpPeer, "tor", "ResolvedRefs").1, "no BFDProfile is named fast");
    assert_eq!(said(&world, BgpPeer, "label", "Ready").0, "SelectsNothing");
    assert_eq!(said(&world, BfdProfile, "slow", "Ready").0, "Valid");
    assert_eq!(said(&world, ConfigKind::Community, "a", "Ready").0, "Valid");
    assert_eq!(said(&world, ConfigKind::Community, "b", "Accepted").0, "Conflict");
}

#[test]
fn a_bad_edit_leaves_the_last_good_version_in_force() {
    let mut world = world(&json!({}));
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    let bad = advertisement(
        "routes",
        "2026-11-22T12:00:00Z",
        &json!({"communities": ["?"], "ipAddressPools": ["x"]}),
    );
    index.apply(Event::BgpAdvertisements(Change::Applied(bad)));
    world.run(&mut index);
    assert!(vip(&world, &web).bgp.is_some());
    let (reason, message) = said(&world, ConfigKind::BgpAdvertisement, "routes", "Accepted");
    assert_eq!(reason, "Invalid");
    assert!(message.ends_with("the last good version stays in force"), "{message}");
}

#[test]
fn who_has_no_peer_is_told_so() {
    let mut world = world(&json!({"peers": ["spine"]}));
    let web = world.add_service("web");
    let mut index = world.controller();
    index.apply(Event::Endpoints(Change::All(vec![endpoints("web", &[("n1", true)])])));
    world.run(&mut index);
    let (status, reason, message) = announced(&world, &web);
    assert_eq!((status.as_str(), reason.as_str()), ("False", "NoPeer"));
    assert!(message.contains("BGPAdvertisement routes"), "{message}");
}

/// What another program on the node that has the port makes a speaker say.
const TAKEN: &str = "no peer can connect by IPv4, because port 179 cannot be listened on (address in use)";

#[test]
fn what_speakers_say_of_sessions_that_are_down_is_on_the_peer() {
    use BgpSessionState::{Active, Established, Idle};
    let mut world = world(&json!({}));
    world.peers.insert("spine".into(), peer("spine", &json!({"peerAddress": "192.0.2.2"})));
    let mut index = world.controller();
    world.run(&mut index);
    let ready = |world: &World, name| said(world, ConfigKind::BgpPeer, name, "Ready");
    assert_eq!(ready(&world, "tor").0, "Valid", "nobody has reported");
    index.apply(report(&mut world, "tor", [Idle, Active], ""));
    world.run(&mut index);
    assert_eq!(ready(&world, "tor").0, "Valid", "sessions are being brought up");

    index.apply(report(&mut world, "tor", [Active, Active], TAKEN));
    world.run(&mut index);
    let told = format!("no session is held by 2 of 2 nodes; node n1 says: {TAKEN}");
    assert_eq!(ready(&world, "tor"), ("NoSession".into(), told));
    let conditions = &world.conditions[&(ConfigKind::BgpPeer, "tor".into())];
    let holds = conditions.as_array().unwrap().iter().all(|condition| condition["status"] == "True");
    assert!(holds, "the object itself is well: {conditions}");
    assert_eq!(ready(&world, "spine").0, "Valid");

    index.apply(report(&mut world, "tor", [Established, Idle], "the peer ended the session: Bad Peer AS"));
    world.run(&mut index);
    let told = "no session is held by 1 of 2 nodes; node n2 says: the peer ended the session: Bad Peer AS";
    assert_eq!(ready(&world, "tor").1, told);
    // After a restart it says the same, and writes nothing in between.
    let writes = world.object_writes;
    let mut index = world.controller();
    world.run(&mut index);
    assert_eq!(ready(&world, "tor").1, told);
    assert_eq!(world.object_writes - writes, world.conditions.len(), "each object once");

    index.apply(report(&mut world, "tor", [Established, Established], ""));
    world.run(&mut index);
    assert_eq!(ready(&world, "tor").0, "Valid");
}

#[test]
fn a_session_that_flaps_has_its_peer_written_rarely() {
    use BgpSessionState::{Active, Established};
    let mut world = world(&json!({}));
    let mut index = world.controller();
    index.apply(report(&mut world, "tor", [Established, Established], ""));
    world.run(&mut index);
    let before = world.object_writes;
    let flap = |world: &mut World, index: &mut super::super::Index, error: &str| {
        index.apply(report(world, "tor", [Active, Established], error));
        world.run_for(index, Duration::from_millis(500));
        index.apply(report(world, "tor", [Established, Established], error));
        world.run_for(index, Duration::from_millis(500));
    };
    flap(&mut world, &mut index, "the peer closed the connection");
    world.run(&mut index);
    assert_eq!(world.object_writes, before, "it was back before anybody looked");
    (0..60).for_each(|number: u32| flap(&mut world, &mut index, &format!("the peer said {number}")));
    world.run(&mut index);
    let written = world.object_writes - before;
    assert!(written <= 12, "{written} writes for 60 flaps in a minute");
    assert_eq!(said(&world, ConfigKind::BgpPeer, "tor", "Ready").0, "Valid");
}

#[test]
fn a_peer_with_graceful_restart_and_bfd_is_told_what_that_costs() {
    let mut world = world(&json!({}));
    let profile = BFDProfile::new("fast", serde_json::from_value(json!({})).unwrap());
    world.profiles.insert("fast".into(), profile);
    let graceful = json!({"enabled": true});
    let both = json!({"gracefulRestart": graceful, "bfdProfile": "fast"});
    world.peers.insert("both".into(), peer("both", &both));
    world.peers.insert("graceful".into(), peer("graceful", &json!({"gracefulRestart": graceful})));
    world.peers.insert("bfd".into(), peer("bfd", &json!({"bfdProfile": "fast"})));
    let mut index = world.controller();
    world.run(&mut index);
    let ready = |world: &World, name| said(world, ConfigKind::BgpPeer, name, "Ready");
    let (reason, message) = ready(&world, "both");
    assert_eq!(reason, "TradeOff");
    assert!(message.contains("gracefulRestart") && message.contains("bfdProfile"), "{message}");
    for name in ["graceful", "bfd"] {
        assert_eq!(ready(&world, name).0, "Valid");
    }
    index.apply(report(&mut world, "both", [BgpSessionState::Active; 2], TAKEN));
    world.run(&mut index);
    let (reason, told) = ready(&world, "both");
    assert_eq!(reason, "NoSession", "what is wrong comes first");
    assert!(told.contains(TAKEN) && told.ends_with(&message), "{told}");
}
