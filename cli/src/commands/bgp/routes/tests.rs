use std::collections::BTreeMap;

use ferrolb_api::{
    AnnouncementSlice, AnnouncementSliceSpec, BgpAnnouncement, BgpSession, PrefixCounts, RoutedBy,
    ServiceReference, SpeakerState, SpeakerStateSpec, TrafficPolicy,
};
use ferrolb_model::{Labels, ServiceId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{args::Output, routing::Ready};

/// A cluster of n1, n2 and n3, each with a session to each peer.
struct World {
    routing: Routing,
    nodes: Vec<Node>,
    slices: Vec<AnnouncementSlice>,
    speakers: Vec<SpeakerState>,
}

fn object<K: DeserializeOwned>(kind: &str, name: &str, spec: &Value) -> K {
    let object = json!({
        "apiVersion": "ferrolb.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        labels: Labels::from([("name".into(), name.into())]),
        addresses: Vec::new(),
        interfaces: None,
        excluded: false,
        leaving: None,
        ready: true,
    }
}

fn session(peer: &str, state: BgpSessionState, error: &str) -> BgpSession {
    BgpSession {
        peer: peer.into(),
        address: "192.0.2.1".into(),
        state,
        since: "2026-01-01T00:00:00Z".parse().unwrap(),
        last_error: error.into(),
        announced: PrefixCounts::default(),
        received: PrefixCounts::default(),
        capabilities: Vec::new(),
        hold_time_seconds: 90,
        bfd: None,
    }
}

fn world(peers: &[&str], advertisements: &[(&str, Value)]) -> World {
    let peer = |name: &&str| {
        object("BGPPeer", name, &json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"}))
    };
    let advertisements = advertisements.iter().map(|(name, spec)| object("BGPAdvertisement", name, spec));
    let names = ["n1", "n2", "n3"];
    let speaker = |name: &str| {
        let mut state = SpeakerState::new(name, SpeakerStateSpec {});
        let up = peers.iter().map(|peer| session(peer, BgpSessionState::Established, ""));
        state.status.get_or_insert_default().bgp = up.collect();
        state
    };
    let ready = Ready { nodes: [("n1".into(), 2), ("n2".into(), 1)].into(), anywhere: true };
    World {
        routing: Routing {
            peers: peers.iter().map(peer).collect(),
            advertisements: advertisements.collect(),
            endpoints: [(ServiceId::new("default", "web"), ready)].into(),
            ..Routing::default()
        },
        nodes: names.map(node).into(),
        slices: Vec::new(),
        speakers: names.map(speaker).into(),
    }
}

impl World {
    /// A VIP of `default/web` that these advertisements tell of.
    fn vip(mut self, ip: &str, policy: TrafficPolicy, by: &[&str]) -> Self {
        let by = by.iter().map(|name| RoutedBy { name: (*name).into(), nodes: None });
        let vip = VipAnnouncement {
            ip: ip.into(),
            pool: "lan".into(),
            services: vec![ServiceReference {
                namespace: "default".into(),
                name: "web".into(),
                uid: String::new(),
            }],
            traffic_policy: policy,
            layer2: None,
            bgp: Some(BgpAnnouncement { advertisements: by.collect() }),
        };
        self.slices.push(AnnouncementSlice::new(ip, AnnouncementSliceSpec { vips: vec![vip] }));
        self
    }

    fn list(&self, narrow: &Narrow) -> RouteList {
        let ready = self.nodes.iter().map(|node| (node.name.to_string(), true)).collect::<BTreeMap<_, _>>();
        let sessions = told(&self.routing.peers, &[], &self.nodes, &self.speakers, &ready);
        let objects = self.routing.objects();
        let vips = placed(&self.slices);
        let scene = Scene {
            routing: &self.routing,
            objects: &objects,
            nodes: &self.nodes,
            vips: &vips,
            sessions: &sessions,
        };
        RouteList::of(&scene, routes(&scene), narrow)
    }

    fn text(&self, narrow: &Narrow, output: Output) -> String {
        let mut out = Vec::new();
        print(&self.list(narrow), &mut Printer::new(&mut out, output, false)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn nothing(&self) -> Option<Nothing> {
        self.list(&Narrow::default()).nothing
    }
}

#[test]
fn each_prefix_is_told_to_each_peer_by_these_nodes() {
    let mut world = world(
        &["spine", "tor"],
        &[("all", json!({"med": 50})), ("hosts", json!({"peers": ["tor"], "communities": ["64500:1"]}))],
    );
    world.nodes[2].leaving = Some("cordoned".into());
    world.speakers[1].status.get_or_insert_default().bgp[0] =
        session("spine", BgpSessionState::Active, "connection refused");
    let world = world.vip("192.0.2.128", TrafficPolicy::Cluster, &["all", "hosts"]).vip(
        "2001:db8::1",
        TrafficPolicy::Cluster,
        &["all"],
    );
    let wanted = "\
PREFIX            PEER    NODES               VIPS          ADVERTISEMENTS
192.0.2.128/32    spine   n1,n2(no session)   192.0.2.128   all
192.0.2.128/32    tor     n1,n2               192.0.2.128   all,hosts
2001:db8::1/128   spine   n1,n2(no session)   2001:db8::1   all
2001:db8::1/128   tor     n1,n2               2001:db8::1   all
n3 tells nothing: it is cordoned
the session of n2 with spine is not established, but Active: connection refused
";
    assert_eq!(world.text(&Narrow::default(), Output::Table), wanted);
    let narrow = Narrow {
        asked: vec![Asked::Prefix("192.0.2.128/32".parse().unwrap())],
        peers: ["tor".to_owned()].into(),
        on: ["n1".to_owned()].into(),
    };
    let wanted = "\
PREFIX           PEER   NODES   VIPS          ADVERTISEMENTS   MED   LOCAL PREF   PREPEND   COMMUNITIES   WEIGHT
192.0.2.128/32   tor    n1      192.0.2.128   all,hosts        50    -            -         64500:1       -
";
    assert_eq!(world.text(&narrow, Output::Wide), wanted);
    assert_eq!(world.list(&narrow).all_problems().next(), None, "they are of another session");
}

#[test]
fn nodes_that_tell_it_otherwise_have_a_row_of_their_own_and_weights_do_not_count_as_that() {
    let on = |name: &str| json!([{"matchLabels": {"name": name}}]);
    let world = world(
        &["tor"],
        &[
            ("all", json!({"weighted": true})),
            ("n2", json!({"nodeSelectors": on("n2"), "communities": ["no-export"]})),
        ],
    )
    .vip("192.0.2.128", TrafficPolicy::Local, &["all"])
    .vip("192.0.2.129", TrafficPolicy::Local, &["all", "n2"]);
    let told = world.text(&Narrow::default(), Output::Wide);
    let rows: Vec<Vec<&str>> = told.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let wanted = [
        ["192.0.2.128/32", "tor", "n1,n2", "192.0.2.128", "all", "-", "-", "-", "-", "n1=2,n2=1"],
        ["192.0.2.129/32", "tor", "n1", "192.0.2.129", "all", "-", "-", "-", "-", "n1=2"],
        ["192.0.2.129/32", "tor", "n2", "192.0.2.129", "all,n2", "-", "-", "-", "no-export", "n2=1"],
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn names_choose_by_prefix_address_and_service() {
    let world = world(&["tor"], &[("wide", json!({"aggregationLength": 24})), ("hosts", json!({}))])
        .vip("192.0.2.128", TrafficPolicy::Cluster, &["wide", "hosts"])
        .vip("198.51.100.1", TrafficPolicy::Cluster, &["hosts"]);
    let chosen = |asked: Asked| {
        let list = world.list(&Narrow { asked: vec![asked], ..Narrow::default() });
        list.items.iter().map(|item| item.prefix.to_string()).collect::<Vec<_>>()
    };
    let address = |text: &str| Asked::Address(text.parse().unwrap());
    assert_eq!(chosen(Asked::Prefix("192.0.2.0/24".parse().unwrap())), ["192.0.2.0/24"]);
    assert_eq!(chosen(address("192.0.2.128")), ["192.0.2.0/24", "192.0.2.128/32"]);
    assert_eq!(chosen(address("192.0.2.7")), ["192.0.2.0/24"], "it lies in what is told");
    assert_eq!(chosen(Asked::Service("default/web".into())).len(), 3);
    assert_eq!(chosen(Asked::Service("default/wet".into())).len(), 0);
    assert_eq!(chosen(Asked::Namespace("default".into())).len(), 3);
}

#[test]
fn when_nothing_is_told_it_says_why() {
    let vip = |world: World| world.vip("192.0.2.128", TrafficPolicy::Cluster, &["all"]);
    let all = || [("all", json!({}))];
    assert_eq!(world(&["tor"], &[]).nothing(), Some(Nothing::NoAdvertisement));
    assert_eq!(world(&["tor"], &all()).nothing(), Some(Nothing::NotSelected));
    assert_eq!(vip(world(&[], &all())).nothing(), Some(Nothing::NoPeer));
    let mut unready = vip(world(&["tor"], &all()));
    unready.routing.endpoints.clear();
    assert_eq!(unready.nothing(), Some(Nothing::NoEndpoint));
    let mut leaving = vip(world(&["tor"], &all()));
    leaving.nodes.iter_mut().for_each(|node| node.excluded = true);
    assert_eq!(leaving.nothing(), Some(Nothing::Leaving));
    let mut one = vip(world(&["tor"], &all()));
    one.nodes[0].leaving = Some("cordoned".into());
    let told = one.text(&Narrow { on: ["n1".to_owned()].into(), ..Narrow::default() }, Output::Table);
    assert!(told.starts_with("Nothing of that is told: every node in question is cordoned"), "{told}");
    let misspelt = vip(world(&["tor"], &[("all", json!({"peers": ["tro"]}))]));
    let wanted = "\
No peer is told of anything: no node that a BGPAdvertisement of them selects has a BGPPeer of it.
BGPAdvertisement all names BGPPeer tro, and there is none; did you mean tor?
";
    assert_eq!(misspelt.text(&Narrow::default(), Output::Table), wanted);
    assert_eq!(vip(world(&["tor"], &all())).nothing(), None);
}

#[test]
fn programs_read_every_field() {
    let world = world(
        &["tor"],
        &[(
            "all",
            json!({"localPref": 200, "asPathPrepend": 2, "communities": ["large:64500:1:2", "rt:64500:7"]}),
        )],
    )
    .vip("192.0.2.128", TrafficPolicy::Cluster, &["all"]);
    let list = world.list(&Narrow { on: ["n3".to_owned()].into(), ..Narrow::default() });
    let wanted = json!({
        "apiVersion": "cli.ferrolb.io/v1", "kind": "RouteList", "silent": [], "nothing": null, "problems": [],
        "items": [{
            "prefix": "192.0.2.128/32", "peer": "tor",
            "nodes": [{"node": "n3", "session": "Established", "weight": null, "problems": []}],
            "vips": [{"ip": "192.0.2.128", "services": ["default/web"]}], "advertisements": ["all"],
            "localPref": 200, "med": null, "prepend": 2,
            "communities": ["large:64500:1:2", "rt:64500:7"],
        }],
    });
    assert_eq!(serde_json::to_value(&list).unwrap(), wanted);
}
