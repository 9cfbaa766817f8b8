//! Sessions without addresses of their own, and IPv4 routes by IPv6 next hops.

use std::net::Ipv6Addr;

use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::{Instance, Peer, Remote, Route, Session};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, router_v4};

/// FRR asks who is at the other end of its cable (RFC 4861's advertisements), and BIRD announces IPv4 by its link-local address.
#[test]
fn routers_frr_finds_its_unnumbered_peer() {
    let rig = Rig::up("unnumbered", 0, 2);
    rig.cable("r1", "r2", &[]).unwrap();
    let link_local = |host: &str, device: &str| -> Ipv6Addr {
        let shown = rig.space(host).unwrap();
        let shown =
            shown.check(["ip", "-6", "-j", "address", "show", "dev", device, "scope", "link"]).unwrap();
        shown.split('"').find(|word| word.starts_with("fe80::")).unwrap().parse().unwrap()
    };
    let (own, other) = (link_local("r1", "r2"), link_local("r2", "r1"));
    let to_bird = Session {
        extended_next_hop: true,
        ..Session::with(Remote::Unnumbered { interface: "r1".into() }, OTHER)
    };
    let frr = Instance::new(OWN, router_v4(2), std::slice::from_ref(&to_bird));
    let frr = Peer::start(&rig, "r2", RouterProgram::Frr, frr);

    let to_frr = Session {
        extended_next_hop: true,
        ..Session::with(Remote::LinkLocal { remote: other, interface: "r2".into() }, OWN)
    };
    let prefix: IpNet = "203.0.113.1/32".parse().unwrap();
    let route = Route::to(own.into());
    let bird = Instance::new(OTHER, router_v4(1), &[to_frr]).announcing(&[(prefix, route.clone())]);
    let _bird = Peer::start(&rig, "r1", RouterProgram::Bird, bird);
    frr.hears(&to_bird.remote, &[(prefix, Route { as_path: vec![OTHER], ..route })]);
}
