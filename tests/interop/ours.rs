//! Our own speaker beside each program, from another AS over IPv4, with MD5 and GTSM, and inside the AS over IPv6. One side waits
//! in the one session, the other in the other: both directions, both families and all attributes are in one lab.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Extended, ExtendedKind, Instance, Peer, Route, SETTLED, Session};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, node_v4, router_v4, router_v6};
use crate::speaker::Speaker;

#[test]
fn bird_hears_our_speaker() {
    heard_by(RouterProgram::Bird, Waits::Router, Rotation::Tried);
}

#[test]
fn frr_hears_our_speaker() {
    heard_by(RouterProgram::Frr, Waits::Router, Rotation::Tried);
}

#[test]
fn gobgp_hears_our_speaker() {
    heard_by(RouterProgram::GoBgp, Waits::Router, Rotation::NotTried);
}

/// OpenBGPD 7.7 on Linux answers no connection with MD5, though it makes them: here the speaker waits over IPv4.
#[test]
fn openbgpd_hears_our_speaker() {
    heard_by(RouterProgram::OpenBgpd, Waits::Speaker, Rotation::NotTried);
}

#[test]
fn exabgp_hears_our_speaker() {
    heard_by(RouterProgram::ExaBgp, Waits::Router, Rotation::NotTried);
}

/// Who waits over IPv4; over IPv6 it is the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Router,
    Speaker,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rotation {
    Tried,
    NotTried,
}

fn heard_by(program: RouterProgram, waits: Waits, rotation: Rotation) {
    let rig = Rig::up(&format!("ours-{}", program.name()), 1, 1);
    let router = |password: &str| {
        let v4 = Session {
            password: Some(password.into()),
            passive: waits == Waits::Router,
            ttl_security: true,
            ..Session::new(router_v4(1), node_v4(1), OWN)
        };
        let v6 = Session { passive: waits == Waits::Speaker, ..Session::new(router_v6(1), NODE_V6, OTHER) };
        Instance::new(OTHER, router_v4(1), &[v4, v6])
    };
    let instance = router("correct-horse");
    let [v4, v6] = [0, 1].map(|number| instance.sessions[number].remote.clone());
    let mut peer = Peer::start(&rig, "r1", program, instance);
    let secret = secret("correct-horse");
    let peers = peers(waits);
    let manifests =
        [("secret.yaml", secret.as_str()), ("peers.yaml", &peers), ("all.yaml", ALL), ("some.yaml", SOME)];
    let mut speaker = Speaker::start(&rig, "n1", &manifests);

    let (full_v4, plain_v4) = (full(program, true), plain(program));
    let both = [(net("203.0.113.7/32"), full_v4.clone()), (net("198.18.0.0/24"), plain_v4)];
    let inside = [(net("2001:db8:ffff::7/128"), full(program, false))];
    let told = |peer: &Peer| {
        peer.hears(&v4, &both);
        peer.hears(&v6, &inside);
    };
    told(&peer);

    speaker.remove("some.yaml");
    peer.hears(&v4, &both[..1]);
    speaker.write("some.yaml", SOME);
    told(&peer);

    if rotation == Rotation::Tried {
        speaker.write("secret.yaml", &self::secret("battery-staple"));
        wait("the session with the old password ends", SETTLED, || !peer.is_established(&v4)).unwrap();
        assert!(peer.is_established(&v6), "the session without a password stays");
        peer.reconfigure(router("battery-staple"));
        told(&peer);
    }

    speaker.stop();
    for remote in [&v4, &v6] {
        wait("the session is over", SETTLED, || !peer.is_established(remote)).unwrap();
        peer.hears(remote, &[]);
    }
    speaker.start_again();
    told(&peer);
}

fn full(program: RouterProgram, external: bool) -> Route {
    let target = Extended { kind: ExtendedKind::RouteTarget, administrator: 64496, number: 7 };
    let route = Route {
        med: Some(50),
        communities: BTreeSet::from([(64496, 1), (65535, 65281)]),
        extended: BTreeSet::from([target]),
        large: BTreeSet::from([(4_200_000_000, 1, 2)]),
        ..plain(program)
    };
    if external {
        return Route { as_path: vec![OWN; 3], ..route };
    }
    // Of a next hop that is told with its link-local address (RFC 2545) ExaBGP shows that.
    let next_hop = if program == RouterProgram::ExaBgp { NODE_LINK_LOCAL } else { NODE_V6 };
    Route { next_hop: next_hop.into(), as_path: Vec::new(), local_pref: Some(200), ..route }
}

/// As a peer of another AS hears it: without our preference, in whose place most programs put their own.
pub(crate) fn plain(program: RouterProgram) -> Route {
    let local_pref = match program {
        RouterProgram::Bird | RouterProgram::OpenBgpd => Some(100),
        RouterProgram::Frr | RouterProgram::GoBgp | RouterProgram::ExaBgp => None,
    };
    Route { as_path: vec![OWN], local_pref, ..Route::to(IpAddr::V4(node_v4(1))) }
}

pub(crate) fn secret(password: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: word}}\ntype: Opaque\nstringData: {{password: {password}}}\n"
    )
}

fn peers(waits: Waits) -> String {
    let (v4, v6) = (router_v4(1), router_v6(1));
    let peer = |name: &str, mine: u32, waits: bool, more: &str| {
        format!(
            "apiVersion: ferrolb.io/v1beta1\nkind: BGPPeer\nmetadata: {{name: {name}}}\n\
             spec: {{myASN: {mine}, peerASN: {OTHER}, passive: {waits}, {more}}}\n"
        )
    };
    let protected = format!("peerAddress: {v4}, passwordSecret: {{name: word}}, ttlSecurity: 1");
    let v4 = peer("v4", OWN, waits == Waits::Speaker, &protected);
    v4 + "---\n" + &peer("v6", OTHER, waits == Waits::Router, &format!("peerAddress: '{v6}'"))
}

pub(crate) const NODE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x11);

pub(crate) const NODE_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0xb);

const ALL: &str = "\
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: full}
spec:
  localPref: 200
  med: 50
  asPathPrepend: 2
  communities: ['64496:1', 'no-export', 'large:4200000000:1:2', 'rt:64496:7']
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: net}
spec: {aggregationLength: 24}
---
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: all}
spec:
  vips:
    - {ip: 203.0.113.7, bgp: {advertisements: [{name: full}]}}
    - {ip: '2001:db8:ffff::7', bgp: {advertisements: [{name: full}]}}
";

const SOME: &str = "\
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: some}
spec: {vips: [{ip: 198.18.0.5, bgp: {advertisements: [{name: net}]}}]}
";

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}
