//! Fields of the kinds whose effect on a router no other test shows, each on a session of its own with BIRD: at `r1`, on the node's
//! segment and at the end of a cable, and at `r2`, behind `r1`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use ferrolb_lab::{Router, RouterProgram, wait};
use ferrolb_tests::routing::{HOLD_TIME, SETTLED};

use crate::rig::{OTHER, OWN, Rig, router_v4};
use crate::speaker::Speaker;

/// A session: how the node is told of it, how BIRD is, and what BIRD then shows.
struct Case {
    name: &'static str,
    /// The peer's address.
    at: &'static str,
    /// The node's, which is the BGPPeer's `sourceAddress`: BIRD knows its sessions apart by it.
    from: &'static str,
    /// More of the BGPPeer's spec.
    spec: &'static str,
    /// BIRD's port, if it is another.
    port: &'static str,
    /// The node's AS, as BIRD knows it.
    asn: u32,
    shows: &'static [(Ask, &'static str)],
}

#[derive(Clone, Copy)]
enum Ask {
    /// The session.
    Session,
    /// The IPv4 VIP, by the session.
    V4,
    /// The IPv6 VIP.
    V6,
}

const fn case(name: &'static str, at: &'static str, from: &'static str) -> Case {
    Case { name, at, from, spec: "", port: "", asn: OWN, shows: &[(Ask::V4, "BGP.as_path: 64512\n")] }
}

const NEAR: [Case; 8] = [
    Case {
        spec: "localASN: 64999",
        asn: 64999,
        shows: &[(Ask::Session, "Neighbor AS: 64999\n"), (Ask::V4, "BGP.as_path: 64999\n")],
        ..case("asn", "192.0.2.221", "192.0.2.81")
    },
    Case { spec: "peerPort: 1179", port: "port 1179", ..case("port", "192.0.2.222", "192.0.2.82") },
    Case { shows: &[(Ask::V4, "BGP.next_hop: 192.0.2.83\n")], ..case("source", "192.0.2.223", "192.0.2.83") },
    Case {
        spec: "dualStackAddressFamily: true, nextHop: {ipv4: 192.0.2.92, ipv6: '2001:db8:1::92'}",
        shows: &[(Ask::V4, "BGP.next_hop: 192.0.2.92\n"), (Ask::V6, "BGP.next_hop: 2001:db8:1::92\n")],
        ..case("hops", "192.0.2.224", "192.0.2.84")
    },
    Case {
        spec: "dualStackAddressFamily: true, routerID: 10.9.8.7",
        shows: &[(Ask::Session, "Neighbor ID: 10.9.8.7\n"), (Ask::V6, "BGP.next_hop: 2001:db8:1::11")],
        ..case("id", "192.0.2.225", "192.0.2.85")
    },
    // RFC 8950: the cable has no IPv4 address that could be the next hop.
    Case {
        spec: "dualStackAddressFamily: true, bfdProfile: waits",
        shows: &[(Ask::V4, "BGP.next_hop: 2001:db8:9::2"), (Ask::V6, "BGP.next_hop: 2001:db8:9::2")],
        ..case("six", "2001:db8:9::1", "2001:db8:9::2")
    },
    Case { spec: "bfdProfile: waits", ..case("waits", "192.0.2.226", "192.0.2.86") },
    Case { spec: "keepaliveTime: 1s", ..case("often", "192.0.2.227", "192.0.2.87") },
];

/// Of these the last two are too far away for what the node is told.
const FAR: [Case; 4] = [
    // Over several hops BIRD sends BFD with the kernel's TTL, 64.
    Case { spec: "ebgpMultiHop: true, bfdProfile: far", ..case("far", "198.18.9.2", "192.0.2.88") },
    Case { spec: "ttlSecurity: 2", ..case("within", "198.18.9.3", "192.0.2.89") },
    Case { shows: &[], ..case("plain", "198.18.9.4", "192.0.2.90") },
    Case { spec: "ttlSecurity: 1", shows: &[], ..case("beyond", "198.18.9.5", "192.0.2.91") },
];

#[test]
fn bird_sees_what_fields_say() {
    let rig = Rig::up("fields", 1, 2);
    network(&rig);
    let bird = |host: &str, text: &str| Router::start(&rig, host, RouterProgram::Bird, text).unwrap();
    let (near, far) =
        (bird("r1", &configuration(1, &NEAR, "direct")), bird("r2", &configuration(2, &FAR, "multihop 2")));
    let peers: String = NEAR.iter().chain(&FAR).map(peer).collect();
    let speaker = Speaker::start(&rig, "n1", &[("peers.yaml", &peers), ("told.yaml", TOLD)]);

    for (router, cases) in [(&near, &NEAR[..]), (&far, &FAR)] {
        for Case { name, shows, .. } in cases {
            for (ask, wanted) in *shows {
                let mut last = String::new();
                let shown = wait("BIRD shows it", SETTLED, || {
                    last = shown(router, *ask, name);
                    last.contains(wanted)
                });
                assert!(shown.is_ok(), "{name}: {wanted:?} is not in\n{last}\n{}", speaker.log());
            }
        }
    }
    for Case { name, .. } in FAR.iter().filter(|case| case.shows.is_empty()) {
        assert!(!shown(&far, Ask::Session, name).contains("BGP state: Established"), "{name} is up");
    }

    let bfd = |router: &Router| router.control(&["show", "bfd", "sessions"]).unwrap();
    let is_up = |shown: &str, node: &str| {
        shown.lines().any(|line| line.split_whitespace().next() == Some(node) && line.contains(" Up "))
    };
    for (what, router, node) in
        [("over two hops", &far, "192.0.2.88"), ("that BIRD begins", &near, "192.0.2.86")]
    {
        let up = wait("BFD is up", SETTLED, || is_up(&bfd(router), node));
        assert!(up.is_ok(), "BFD {what} is not up:\n{}\n{:#?}", bfd(router), speaker.metrics());
    }
    assert!(!is_up(&bfd(&near), "2001:db8:9::2"), "both ends wait, and it is up:\n{}", bfd(&near));

    // KEEPALIVEs every 0.75 to 1 s, and by a third of the hold time every 2.25 to 3 s.
    let [often, id] = signs_of_life(&near, &["often", "id"]);
    println!("in 9 s BIRD heard of the node {often} times with keepaliveTime: 1s, {id} times without");
    assert!(often >= 6 && (2..=4).contains(&id), "{often}, {id}");
}

fn network(rig: &Rig) {
    rig.cable("r1", "n1", &[["2001:db8:9::1/64", "2001:db8:9::2/64"]]).unwrap();
    rig.cable("r1", "r2", &[["198.18.9.1/24", "198.18.9.2/24"]]).unwrap();
    let on = |host: &str, words: &str| {
        rig.space(host).unwrap().check(["ip"].into_iter().chain(words.split_whitespace())).unwrap();
    };
    (1..=7).for_each(|number| on("r1", &format!("address add 192.0.2.22{number}/24 dev eth0")));
    (3..=5).for_each(|number| on("r2", &format!("address add 198.18.9.{number}/24 dev r1")));
    (81..=91).for_each(|number| on("n1", &format!("address add 192.0.2.{number}/24 dev eth0")));
    on("n1", "route add 198.18.9.0/24 via 192.0.2.201");
    on("r2", "route add 192.0.2.80/28 via 198.18.9.1");
}

fn configuration(number: u8, cases: &[Case], distance: &str) -> String {
    let protocol = |Case { name, at, from, spec, port, asn, .. }: &Case| {
        let bfd = if spec.contains("bfdProfile") { "bfd yes;" } else { "" };
        let security = if spec.contains("ttlSecurity") { "ttl security yes;" } else { "" };
        format!(
            "protocol bgp to_{name} {{
  local {at} {port} as {OTHER}; neighbor {from} as {asn}; {distance}; passive yes; hold time {HOLD_TIME}; {bfd} {security}
  ipv4 {{ import all; export none; extended next hop yes; }};
  ipv6 {{ import all; export none; }};
}}
"
        )
    };
    format!(
        "log stderr all;
router id {};
protocol device {{}}
protocol direct {{ ipv4; ipv6; }}
protocol bfd {{
  interface \"n1\" {{ interval 300 ms; passive yes; }};
  interface \"*\" {{ interval 300 ms; }};
  multihop {{ interval 300 ms; }};
}}
{}",
        router_v4(number),
        cases.iter().map(protocol).collect::<String>()
    )
}

fn peer(Case { name, at, from, spec, .. }: &Case) -> String {
    format!(
        "---\napiVersion: ferrolb.io/v1beta1\nkind: BGPPeer\nmetadata: {{name: {name}}}\n\
         spec: {{myASN: {OWN}, peerASN: {OTHER}, connectTime: 1s, peerAddress: '{at}', sourceAddress: '{from}', {spec}}}\n"
    )
}

/// What `birdc` prints, with single spaces.
fn shown(router: &Router, ask: Ask, name: &str) -> String {
    let question = match ask {
        Ask::Session => format!("show protocols all to_{name}"),
        Ask::V4 => format!("show route 203.0.113.7/32 all protocol to_{name}"),
        Ask::V6 => format!("show route 2001:db8:ffff::7/128 all protocol to_{name}"),
    };
    let shown = router.control(&[&question]).unwrap_or_default();
    shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

/// How often BIRD begins to wait for the hold time anew, of each session, in 9 s.
fn signs_of_life<const N: usize>(router: &Router, names: &[&str; N]) -> [usize; N] {
    let (mut signs, mut last, start) = ([0; N], [0.0; N], Instant::now());
    while start.elapsed() < Duration::from_secs(9) {
        for ((signs, last), name) in signs.iter_mut().zip(&mut last).zip(names) {
            let shown = shown(router, Ask::Session, name);
            let timer = shown.lines().find_map(|line| line.strip_prefix("Hold timer: ")).unwrap();
            let left: f64 = timer.split('/').next().unwrap().parse().unwrap();
            *signs += usize::from(left > *last);
            *last = left;
        }
        sleep(Duration::from_millis(100));
    }
    // The first look tells nothing.
    signs.map(|signs| signs - 1)
}

const TOLD: &str = "\
apiVersion: ferrolb.io/v1beta1
kind: BFDProfile
metadata: {name: far}
spec: {minimumTtl: 63}
---
apiVersion: ferrolb.io/v1beta1
kind: BFDProfile
metadata: {name: waits}
spec: {passiveMode: true}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: plain}
spec: {}
---
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: vips}
spec:
  vips:
    - {ip: 203.0.113.7, bgp: {advertisements: [{name: plain}]}}
    - {ip: '2001:db8:ffff::7', bgp: {advertisements: [{name: plain}]}}
";
