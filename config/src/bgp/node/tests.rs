use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_api::{
    BgpAnnouncement, Community, CommunityAlias, CommunitySpec, RoutedBy, TrafficPolicy, VipAnnouncement,
};
use ferrolb_bgp::Asn;
use ferrolb_model::Labels;
use ferrolb_runtime::watch;
use ipnet::IpNet;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

/// The names, specs and values of what a node knows.
#[derive(Clone)]
struct Scene {
    objects: Objects,
    labels: Vec<(&'static str, &'static str)>,
    leaving: &'static str,
    vips: Vec<VipAnnouncement>,
}

fn object<K: DeserializeOwned>(kind: &str, name: &str, second: usize, spec: &Value) -> K {
    let metadata = json!({"name": name, "creationTimestamp": format!("2026-11-22T12:00:{second:02}Z")});
    let object =
        json!({"apiVersion": "ferrolb.io/v1beta1", "kind": kind, "metadata": metadata, "spec": spec});
    serde_json::from_value(object).unwrap()
}

fn communities(entries: &[(&str, &str)]) -> watch::Change<Community> {
    let alias =
        |(name, value): &(&str, &str)| CommunityAlias { name: (*name).into(), value: (*value).into() };
    let spec = CommunitySpec { communities: entries.iter().map(alias).collect() };
    watch::Change::All(vec![Community::new("names", spec)])
}

/// Peers and advertisements, of which each is older than the next, on node-a.
fn scene(peers: &[(&str, Value)], advertisements: &[(&str, Value)]) -> Scene {
    let mut objects = Objects::default();
    let peers = peers.iter().map(|(name, changes)| {
        let mut spec = json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"});
        changes.as_object().unwrap().iter().for_each(|(key, value)| spec[key] = value.clone());
        object("BGPPeer", name, 0, &spec)
    });
    objects.apply(Change::Peers(watch::Change::All(peers.collect())));
    let advertisements = advertisements.iter().enumerate();
    let advertisements =
        advertisements.map(|(second, (name, spec))| object("BGPAdvertisement", name, second, spec));
    objects.apply(Change::Advertisements(watch::Change::All(advertisements.collect())));
    objects.apply(Change::Profiles(watch::Change::All(vec![object("BFDProfile", "fast", 0, &json!({}))])));
    objects.apply(Change::Communities(communities(&[("customers", "64500:100")])));
    Scene { objects, labels: vec![("rack", "1")], leaving: "", vips: Vec::new() }
}

fn vip(ip: &str, by: &[(&str, Option<&[&str]>)]) -> VipAnnouncement {
    let by = by.iter().map(|(name, nodes)| RoutedBy {
        name: (*name).into(),
        nodes: nodes.map(|nodes| nodes.iter().map(ToString::to_string).collect()),
    });
    VipAnnouncement {
        ip: ip.into(),
        pool: String::new(),
        services: Vec::new(),
        traffic_policy: TrafficPolicy::Cluster,
        layer2: None,
        bgp: Some(BgpAnnouncement { advertisements: by.collect() }),
    }
}

impl Scene {
    fn with(mut self, vips: Vec<VipAnnouncement>) -> Self {
        self.vips = vips;
        self
    }

    /// With so many ready endpoints behind each VIP.
    fn desired_with(&self, endpoints: Option<u32>) -> BgpDesired {
        let labels = self.labels();
        desired(&self.input(&labels, |_: &VipAnnouncement| endpoints), self.vips())
    }

    fn sources(&self) -> BTreeMap<String, BTreeMap<IpNet, Source>> {
        let labels = self.labels();
        sources(&self.input(&labels, |_: &VipAnnouncement| Some(1)), self.vips())
    }

    fn labels(&self) -> Labels {
        self.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn input<'a, E>(&'a self, labels: &'a Labels, serving: E) -> Input<'a, E> {
        let Self { objects, leaving, .. } = self;
        Input { node: "node-a", labels, leaving, settled: true, objects, serving }
    }

    fn vips(&self) -> impl Iterator<Item = (IpAddr, &VipAnnouncement)> {
        self.vips.iter().map(|vip| (vip.ip.parse::<IpAddr>().unwrap(), vip))
    }

    fn desired(&self) -> BgpDesired {
        self.desired_with(Some(1))
    }

    /// What a peer is told, in words.
    fn told(&self, peer: &str) -> Vec<String> {
        in_words(&self.desired().routes[peer])
    }
}

fn in_words(table: &Table) -> Vec<String> {
    let told = table.iter().map(|(prefix, route)| {
        let number =
            |name: &str, value: Option<u32>| value.map_or(String::new(), |value| format!(" {name}={value}"));
        let (pref, med) = (number("pref", route.local_pref), number("med", route.med));
        let prepend = number("prepend", Some(u32::from(route.prepend)).filter(|count| *count > 0));
        let standard: Vec<String> = route.communities.standard.iter().map(ToString::to_string).collect();
        let large = route.communities.large.iter().map(|one| format!("large:{one}"));
        let communities: Vec<String> = standard.into_iter().chain(large).collect();
        let weight = number("weight", route.weight);
        let communities =
            if communities.is_empty() { String::new() } else { format!(" [{}]", communities.join(" ")) };
        format!("{prefix}{pref}{med}{prepend}{weight}{communities}")
    });
    told.collect()
}

const EVERY: Option<&[&str]> = None;

#[test]
fn a_vip_is_told_with_what_its_advertisement_says() {
    let spec = json!({"localPref": 200, "med": 7, "asPathPrepend": 2, "communities": ["customers", "no-export", "large:64500:1:2"]});
    let scene = scene(&[("tor", json!({}))], &[("all", spec)]);
    let scene =
        scene.with(vec![vip("192.0.2.200", &[("all", EVERY)]), vip("2001:db8::1", &[("all", EVERY)])]);
    let said = "pref=200 med=7 prepend=2 [64500:100 65535:65281 large:64500:1:2]";
    assert_eq!(scene.told("tor"), [format!("192.0.2.200/32 {said}"), format!("2001:db8::1/128 {said}")]);
    let desired = scene.desired();
    let plan = &desired.peers["tor"];
    assert_eq!((plan.my_asn, plan.bfd), (Asn(64500), None));
    assert_eq!(desired.problems, Vec::<String>::new());
}

#[test]
fn prefixes_are_aggregated_and_told_once() {
    let scene = scene(
        &[("tor", json!({}))],
        &[("wide", json!({"aggregationLength": 24, "aggregationLengthV6": 64}))],
    );
    let wide = [("wide", EVERY)];
    let scene =
        scene.with(vec![vip("192.0.2.1", &wide), vip("192.0.2.200", &wide), vip("2001:db8::1:0:0:1", &wide)]);
    assert_eq!(scene.told("tor"), ["192.0.2.0/24", "2001:db8::/64"]);
    let nobody = scene.clone().with(Vec::new());
    assert_eq!(nobody.told("tor"), Vec::<String>::new());
}

#[test]
fn peers_are_told_by_the_advertisements_that_name_them() {
    let scene = scene(
        &[("a", json!({})), ("b", json!({})), ("c", json!({}))],
        &[("one", json!({"peers": ["a"]})), ("two", json!({"peers": ["a", "b"], "med": 2}))],
    );
    let scene = scene.with(vec![vip("192.0.2.1", &[("one", EVERY)]), vip("192.0.2.2", &[("two", EVERY)])]);
    assert_eq!(scene.told("a"), ["192.0.2.1/32", "192.0.2.2/32 med=2"]);
    assert_eq!(scene.told("b"), ["192.0.2.2/32 med=2"]);
    assert_eq!(scene.told("c"), Vec::<String>::new());
}

#[test]
fn of_two_advertisements_the_older_counts_and_communities_add_up() {
    let older = json!({"localPref": 100, "communities": ["64500:2"]});
    let younger = json!({"localPref": 300, "med": 9, "communities": ["64500:1", "64500:2"]});
    let other_prefix = json!({"aggregationLength": 24, "communities": ["64500:3"]});
    let scene =
        scene(&[("tor", json!({}))], &[("z-older", older), ("a-younger", younger), ("wide", other_prefix)]);
    let by = [("a-younger", EVERY), ("wide", EVERY), ("z-older", EVERY)];
    let scene = scene.with(vec![vip("192.0.2.1", &by), vip("192.0.2.2", &by[..1])]);
    assert_eq!(
        scene.told("tor"),
        [
            "192.0.2.0/24 [64500:3]",
            "192.0.2.1/32 pref=100 [64500:1 64500:2]",
            "192.0.2.2/32 pref=300 med=9 [64500:1 64500:2]",
        ]
    );
}

#[test]
fn nodes_are_selected_by_peers_advertisements_and_slices() {
    let rack = |rack: &str| json!({"nodeSelectors": [{"matchLabels": {"rack": rack}}]});
    let scene = scene(
        &[("here", rack("1")), ("elsewhere", rack("2"))],
        &[("here", rack("1")), ("elsewhere", rack("2")), ("some", json!({"maxNodes": 1}))],
    );
    let scene = scene.with(vec![
        vip("192.0.2.1", &[("here", EVERY)]),
        vip("192.0.2.2", &[("elsewhere", EVERY)]),
        vip("192.0.2.3", &[("some", Some(&["node-a"]))]),
        vip("192.0.2.4", &[("some", Some(&["node-b"]))]),
        vip("192.0.2.5", &[("unheard-of", EVERY)]),
    ]);
    let desired = scene.desired();
    assert_eq!(desired.peers.keys().collect::<Vec<_>>(), ["here"]);
    assert_eq!(desired.routes.keys().collect::<Vec<_>>(), ["here"]);
    assert_eq!(scene.told("here"), ["192.0.2.1/32", "192.0.2.3/32"]);
}

#[test]
fn without_endpoints_and_on_a_node_that_leaves_nothing_is_told_over_standing_sessions() {
    let scene = scene(&[("tor", json!({}))], &[("all", json!({}))]);
    let mut scene = scene.with(vec![vip("192.0.2.1", &[("all", EVERY)])]);
    assert!(scene.desired_with(None).routes["tor"].is_empty());
    scene.leaving = "cordoned";
    let desired = scene.desired();
    assert!(desired.routes["tor"].is_empty() && desired.peers.contains_key("tor"));
    assert_eq!(desired.leaving, "cordoned");
}

#[test]
fn weight_is_told_where_it_is_asked_for_and_local() {
    let scene = scene(
        &[("tor", json!({}))],
        &[("weighted", json!({"weighted": true, "aggregationLength": 31})), ("plain", json!({}))],
    );
    let (weighted, both) = ([("weighted", EVERY)], [("weighted", EVERY), ("plain", EVERY)]);
    let mut vips = vec![vip("192.0.2.2", &weighted), vip("192.0.2.3", &both), vip("192.0.2.9", &weighted)];
    vips[0].traffic_policy = TrafficPolicy::Local;
    vips[1].traffic_policy = TrafficPolicy::Local;
    let scene = scene.with(vips);
    let told = |endpoints| in_words(&scene.desired_with(Some(endpoints)).routes["tor"]);
    assert_eq!(told(3), ["192.0.2.2/31 weight=6", "192.0.2.3/32", "192.0.2.8/31"]);
    assert_eq!(told(0), ["192.0.2.2/31", "192.0.2.3/32", "192.0.2.8/31"], "nobody knows how many there are");
}

#[test]
fn a_node_has_the_as_of_its_label_or_no_session() {
    let labelled = json!({"myASN": null, "myASNFromNodeLabel": "asn"});
    let mut scene = scene(&[("tor", labelled), ("plain", json!({}))], &[]);
    let desired = scene.desired();
    assert_eq!(desired.peers.keys().collect::<Vec<_>>(), ["plain"]);
    assert!(
        desired.problems[0].starts_with("BGPPeer tor: the node has no label asn"),
        "{:?}",
        desired.problems
    );
    scene.labels.push(("asn", "4200000001"));
    assert_eq!(scene.desired().peers["tor"].my_asn, Asn(4_200_000_001));
}

#[test]
fn profiles_that_are_missing_are_told_and_the_session_goes_on() {
    let scene = scene(&[("a", json!({"bfdProfile": "fast"})), ("b", json!({"bfdProfile": "gone"}))], &[]);
    let desired = scene.desired();
    assert!(desired.peers["a"].bfd.is_some() && desired.peers["b"].bfd.is_none());
    assert!(desired.problems[0].contains("no BFDProfile is named gone"), "{:?}", desired.problems);
}

#[test]
fn communities_that_nobody_knows_any_more_stay_as_they_were() {
    let customers = json!({"communities": ["customers"]});
    let scene = scene(&[("tor", json!({}))], &[("all", customers.clone())]);
    let mut scene = scene.with(vec![vip("192.0.2.1", &[("all", EVERY)])]);
    scene.objects.apply(Change::Communities(communities(&[("customers", "64500:7")])));
    assert_eq!(scene.told("tor"), ["192.0.2.1/32 [64500:7]"]);
    scene.objects.apply(Change::Communities(communities(&[])));
    assert_eq!(scene.told("tor"), ["192.0.2.1/32 [64500:7]"]);
    assert!(scene.desired().problems[0].ends_with("the communities it had before stay in force"));

    let never = json!({"communities": ["customers", "unheard-of"]});
    let mut never_known = Objects::default();
    never_known.apply(Change::Peers(watch::Change::All(vec![object(
        "BGPPeer",
        "tor",
        0,
        &json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"}),
    )])));
    never_known.apply(Change::Advertisements(watch::Change::All(vec![object(
        "BGPAdvertisement",
        "all",
        0,
        &never,
    )])));
    scene.objects = never_known;
    assert_eq!(scene.told("tor"), Vec::<String>::new(), "without them the route could go where it must not");
    assert!(scene.desired().problems[0].contains("customers, unheard-of; nothing is announced"));
}

#[test]
fn a_bad_edit_leaves_the_last_good_version_and_a_deletion_does_not() {
    let scene = scene(&[("tor", json!({}))], &[("all", json!({"med": 1}))]);
    let mut scene = scene.with(vec![vip("192.0.2.1", &[("all", EVERY)])]);
    let bad = object("BGPAdvertisement", "all", 0, &json!({"communities": ["?"]}));
    assert!(scene.objects.apply(Change::Advertisements(watch::Change::Applied(bad))));
    assert_eq!(scene.told("tor"), ["192.0.2.1/32 med=1"]);
    assert!(scene.desired().problems[0].starts_with("BGPAdvertisement all: spec.communities[0]"));
    let good = object("BGPAdvertisement", "all", 0, &json!({"med": 2}));
    assert!(scene.objects.apply(Change::Advertisements(watch::Change::Applied(good))));
    assert_eq!(
        (scene.told("tor"), scene.desired().problems.len()),
        (vec!["192.0.2.1/32 med=2".to_owned()], 0)
    );
    let same = object("BGPAdvertisement", "all", 0, &json!({"med": 2}));
    assert!(!scene.objects.apply(Change::Advertisements(watch::Change::Applied(same))));
    assert!(scene.objects.apply(Change::Advertisements(watch::Change::All(Vec::new()))));
    assert_eq!(scene.told("tor"), Vec::<String>::new());
}

#[test]
fn what_is_kept_for_a_restart_says_the_same() {
    let scene =
        scene(&[("tor", json!({"bfdProfile": "fast"}))], &[("all", json!({"communities": ["customers"]}))]);
    let scene = scene.with(vec![vip("192.0.2.1", &[("all", EVERY)])]);
    let text = serde_json::to_string(&scene.objects.kept()).unwrap();
    let mut restored = Objects::default();
    restored.restore(serde_json::from_str(&text).unwrap());
    assert!(!restored.is_complete() && scene.objects.is_complete());
    let after = Scene { objects: restored, ..scene.clone() };
    assert_eq!(after.desired(), scene.desired());
}

#[test]
fn peers_that_are_told_the_same_share_a_table() {
    let scene = scene(&[("a", json!({})), ("b", json!({}))], &[("all", json!({}))]);
    let desired = scene.with(vec![vip("192.0.2.1", &[("all", EVERY)])]).desired();
    let tables: BTreeMap<_, _> = desired.routes;
    assert!(tables["a"].shares_all_with(&tables["b"]));
}

#[test]
fn each_prefix_is_told_for_these_vips_by_these_advertisements() {
    let scene = scene(
        &[("spine", json!({})), ("tor", json!({}))],
        &[
            ("wide", json!({"aggregationLength": 24})),
            ("hosts", json!({"peers": ["tor"]})),
            ("elsewhere", json!({"nodeSelectors": [{"matchLabels": {"rack": "2"}}]})),
        ],
    );
    let all: &[(&str, Option<&[&str]>)] = &[("wide", EVERY), ("hosts", EVERY), ("elsewhere", EVERY)];
    let only: &[(&str, Option<&[&str]>)] = &[("wide", Some(&["node-b"])), ("hosts", EVERY)];
    let scene = scene.with(vec![vip("192.0.2.1", all), vip("192.0.2.2", all), vip("192.0.2.3", only)]);
    let sources = scene.sources();
    let told: Vec<String> = sources["tor"]
        .iter()
        .map(|(prefix, source)| format!("{prefix} {:?} {:?}", source.vips, source.advertisements))
        .collect();
    let wanted = [
        r#"192.0.2.0/24 {192.0.2.1, 192.0.2.2} {"wide"}"#,
        r#"192.0.2.1/32 {192.0.2.1} {"hosts"}"#,
        r#"192.0.2.2/32 {192.0.2.2} {"hosts"}"#,
        r#"192.0.2.3/32 {192.0.2.3} {"hosts"}"#,
    ];
    assert_eq!(told, wanted);
    let routes = scene.desired().routes;
    for (peer, of_peer) in &sources {
        let prefixes: Vec<_> = of_peer.keys().collect();
        let mut told: Vec<_> = routes[peer].iter().map(|(prefix, _)| prefix).collect();
        told.sort_unstable();
        assert_eq!(prefixes, told, "{peer}");
    }
}

/// What is kept from change to change is what follows from all VIPs at once.
#[test]
fn vips_that_come_change_and_go_leave_no_trace() {
    let wide = json!({"aggregationLength": 30, "weighted": true, "communities": ["64500:3"]});
    let scene = scene(
        &[("a", json!({})), ("b", json!({}))],
        &[("wide", wide), ("hosts", json!({"peers": ["b"], "med": 1})), ("more", json!({"weighted": true}))],
    );
    let labels = scene.labels();
    let serving = |vip: &VipAnnouncement| vip.pool.parse::<u32>().ok();
    let input = scene.input(&labels, serving);
    let mut random = 1_u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut vips = BTreeMap::<IpAddr, VipAnnouncement>::new();
    let mut ledger = Ledger::default();
    ledger.all(&input, []);
    for _ in 0..2_000 {
        let address = IpAddr::from([192, 0, 2, u8::try_from(draw(12)).unwrap()]);
        let names = ["wide", "hosts", "more", "unknown"].map(|name| (name, EVERY));
        let first = usize::try_from(draw(4)).unwrap();
        let mut changed = vip(&address.to_string(), &names[first..]);
        changed.traffic_policy = if draw(2) == 0 { TrafficPolicy::Local } else { TrafficPolicy::Cluster };
        changed.pool = ["", "0", "1", "7"][usize::try_from(draw(4)).unwrap()].to_owned();
        if draw(3) == 0 {
            vips.remove(&address);
        } else {
            vips.insert(address, changed);
        }
        ledger.some(&input, [(address, vips.get(&address))]);
        let all = desired(&input, vips.iter().map(|(address, vip)| (*address, vip)));
        assert_eq!(ledger.desired(&input), all, "{vips:?}");
    }
}
