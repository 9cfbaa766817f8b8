//! Every attribute of a route is read back from each program as it was sent.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::{Extended, ExtendedKind, Instance, Origin, Peer, Route, Session};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, router_v4, router_v6};

#[test]
fn routers_bird_reads_every_attribute() {
    every_attribute(RouterProgram::Bird);
}

#[test]
fn routers_frr_reads_every_attribute() {
    every_attribute(RouterProgram::Frr);
}

#[test]
fn routers_gobgp_reads_every_attribute() {
    every_attribute(RouterProgram::GoBgp);
}

#[test]
fn routers_openbgpd_reads_every_attribute() {
    every_attribute(RouterProgram::OpenBgpd);
}

#[test]
fn routers_exabgp_reads_every_attribute() {
    every_attribute(RouterProgram::ExaBgp);
}

/// ExaBGP announces inside the AS over IPv4, BIRD from another AS over IPv6: what one wrote the program reads, from either.
fn every_attribute(program: RouterProgram) {
    let rig = Rig::up(&format!("attributes-{}", program.name()), 0, 3);
    let inside = Session::new(router_v4(3), router_v4(1), OWN);
    let outside = Session::new(router_v6(3), router_v6(2), OTHER);
    let reader = Instance::new(OWN, router_v4(3), &[inside.clone(), outside.clone()]);
    let reader = Peer::start(&rig, "r3", program, reader);

    let session = Session::new(router_v4(1), router_v4(3), OWN);
    let exabgp = Instance::new(OWN, router_v4(1), &[session]).announcing(&inside_routes());
    let _exabgp = Peer::start(&rig, "r1", RouterProgram::ExaBgp, exabgp);
    let session = Session::new(router_v6(2), router_v6(3), OWN);
    let bird = Instance::new(OTHER, router_v4(2), &[session]).announcing(&outside_routes());
    let bird = Peer::start(&rig, "r2", RouterProgram::Bird, bird);

    reader.hears(&inside.remote, &inside_routes());
    let mut wanted = outside_routes();
    for (_, route) in &mut wanted {
        route.as_path.insert(0, OTHER);
        // What comes from another AS has no preference; most programs give it their own.
        route.local_pref = reader_preference(program);
    }
    reader.hears(&outside.remote, &wanted);
    reader.establishes();

    // What is withdrawn is gone, and the rest stays.
    let mut less = bird.instance().clone();
    let gone = less.announced.pop().unwrap().0;
    let kept = less.announced[0].0;
    let mut bird = bird;
    bird.reconfigure(less);
    wanted.pop();
    reader.hears(&outside.remote, &wanted);
    assert!(reader.has(&outside.remote, kept) && !reader.has(&outside.remote, gone));
    reader.hears(&inside.remote, &inside_routes());
}

fn reader_preference(program: RouterProgram) -> Option<u32> {
    match program {
        RouterProgram::Bird | RouterProgram::OpenBgpd => Some(100),
        RouterProgram::Frr | RouterProgram::GoBgp | RouterProgram::ExaBgp => None,
    }
}

/// All attributes in both families, AS numbers of four bytes among them, and a route with nothing of its own.
fn inside_routes() -> Vec<(IpNet, Route)> {
    let full = Route {
        origin: Origin::Egp,
        as_path: vec![64496, 64497, 64496],
        med: Some(50),
        local_pref: Some(200),
        communities: BTreeSet::from([(64496, 1), (65535, 0)]),
        extended: BTreeSet::from([
            target(64496, 7),
            Extended { kind: ExtendedKind::RouteOrigin, ..target(64496, 8) },
        ]),
        large: BTreeSet::from([(4_200_000_000, 1, 2), (64496, 0, u32::MAX)]),
        ..Route::to([192, 0, 2, 99].into())
    };
    let v6 = Route {
        origin: Origin::Incomplete,
        as_path: vec![64496, 4_200_000_001],
        med: Some(u32::MAX),
        local_pref: Some(201),
        communities: BTreeSet::from([(64496, 2)]),
        extended: BTreeSet::from([target(64496, 9)]),
        large: BTreeSet::from([(64496, 3, 4)]),
        ..Route::to(v6_hop())
    };
    let plain = Route { local_pref: Some(100), ..Route::to([192, 0, 2, 98].into()) };
    vec![(net("203.0.113.0/25"), full), (net("2001:db8:ffff::/64"), v6), (net("203.0.113.128/32"), plain)]
}

fn outside_routes() -> Vec<(IpNet, Route)> {
    let full = Route {
        origin: Origin::Incomplete,
        as_path: vec![OTHER, OTHER, 4_200_000_002],
        med: Some(7),
        communities: BTreeSet::from([(65535, 65281), (OTHER as u16, 3)]),
        extended: BTreeSet::from([target(64513, 70)]),
        large: BTreeSet::from([(OTHER, 5, 6)]),
        ..Route::to([192, 0, 2, 97].into())
    };
    let v6 = Route { communities: BTreeSet::from([(OTHER as u16, 4)]), ..Route::to(v6_hop()) };
    vec![
        (net("198.18.0.0/24"), full.clone()),
        (net("2001:db8:fffe::1/128"), v6),
        (net("198.18.1.0/24"), full),
    ]
}

fn v6_hop() -> IpAddr {
    "2001:db8:1::99".parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn target(administrator: u32, number: u32) -> Extended {
    Extended { kind: ExtendedKind::RouteTarget, administrator, number }
}
