//! Our own speaker and FRR at the two ends of a cable, without addresses: each finds the other by router advertisements.

use std::net::Ipv6Addr;
use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Instance, Peer, Remote, Route, SETTLED, Session};
use ferrolb_tests::tshark::{Capture, Frame};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, router_v4};
use crate::speaker::Speaker;
use crate::trouble::{net, told_of};

const VIPS: [&str; 2] = ["203.0.113.7", "2001:db8:ffff::7"];

/// RFC 8950: the IPv4 VIP has the node's link-local address for its next hop, too. What ends a session from outside, a router that
/// restarts and a cable that is pulled, does not keep it from coming back; and BFD watches the path all the while.
#[test]
fn frr_and_our_speaker_find_each_other_on_a_cable() {
    let rig = Rig::up("ours-unnumbered", 1, 1);
    rig.cable("r1", "n1", &[]).unwrap();
    let session = Session { bfd: true, ..Session::with(Remote::Unnumbered { interface: "n1".into() }, OWN) };
    let remote = session.remote.clone();
    let mut frr = Peer::start(&rig, "r1", RouterProgram::Frr, Instance::new(OTHER, router_v4(1), &[session]));
    let speaker = Speaker::start(&rig, "n1", &[("all.yaml", &manifest(""))]);

    let vips = vips(&rig);
    let heard = |frr: &Peer| {
        frr.hears(&remote, &vips);
        let up =
            || speaker.metrics().is_ok_and(|known| known.sum("ferrolb_speaker_bfd_session_up", &[]) == 1.0);
        wait("BFD is up", SETTLED, up).unwrap();
    };
    heard(&frr);

    frr.router.stop().unwrap();
    frr.router.start_again().unwrap();
    heard(&frr);
    frr.router.kill().unwrap();
    frr.router.start_again().unwrap();
    heard(&frr);

    let pull =
        |state: &str| rig.space("r1").unwrap().check(["ip", "link", "set", "n1", state]).map(drop).unwrap();
    pull("down");
    wait("the session is over", SETTLED, || !frr.is_established(&remote)).unwrap();
    pull("up");
    heard(&frr);
}

/// RFC 5082: a router that takes nothing but what crossed no other hears the node without being told of it, and the node may
/// demand the same of the router.
#[test]
fn frr_and_our_speaker_may_both_demand_that_the_other_is_near() {
    let rig = Rig::up("ours-near", 1, 1);
    rig.cable("r1", "n1", &[]).unwrap();
    let remote = Remote::Unnumbered { interface: "n1".into() };
    let session = Session { ttl_security: true, ..Session::with(remote.clone(), OWN) };
    let frr = Peer::start(&rig, "r1", RouterProgram::Frr, Instance::new(OTHER, router_v4(1), &[session]));
    let mut speaker = Speaker::start(&rig, "n1", &[("all.yaml", &manifest(""))]);
    let vips = vips(&rig);
    frr.hears(&remote, &vips);
    speaker.stop();
    wait("the session is over", SETTLED, || !frr.is_established(&remote)).unwrap();
    speaker.write("all.yaml", &manifest("ttlSecurity: 1, "));
    speaker.start_again();
    frr.hears(&remote, &vips);
}

/// Where nobody advertises himself the speaker says so, and what it sends makes the node nobody's default router. tshark, a
/// decoder that is not ours, sees every kind of that.
#[test]
fn a_speaker_without_a_router_waits_and_is_no_router() {
    let rig = Rig::up("ours-alone", 1, 1);
    rig.cable("r1", "n1", &[]).unwrap();
    let host = rig.space("r1").unwrap();
    for (name, value) in [("forwarding", "0"), ("accept_ra", "2")] {
        host.check(["sysctl", "-qw", &format!("net.ipv6.conf.n1.{name}={value}")]).unwrap();
    }
    let capture = Capture::start(&host, "n1").unwrap();
    let speaker = Speaker::start(&rig, "n1", &[("all.yaml", &manifest(""))]);
    let says = || speaker.log().contains("no router advertises itself on r1");
    wait("the speaker says what it waits for", SETTLED, says).unwrap();
    let heard = |counter: &str| -> u64 {
        let all = host.check(["cat", "/proc/net/snmp6"]).unwrap();
        let line = all.lines().find(|line| line.split_whitespace().next() == Some(counter)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    wait("the host hears the node", SETTLED, || heard("Icmp6InRouterAdvertisements") > 0).unwrap();
    let asked = host.run(["rdisc6", "-1", "-r", "1", "-w", "3000", "n1"]).unwrap();
    assert!(asked.success, "the node does not answer a host that asks for routers: {asked:?}");
    sleep(Duration::from_secs(1));
    let routes = host.check(["ip", "-6", "route", "show", "default", "dev", "n1"]).unwrap();
    assert_eq!(routes.trim(), "", "the node is a default router");
    read_by_tshark(&rig, capture);
}

/// RFC 4861 §4.1 and §4.2: all routers are asked; all nodes are told, and whoever asks.
fn read_by_tshark(rig: &Rig, capture: Capture) {
    let mac = |host: &str, device: &str| {
        let file = format!("/sys/class/net/{device}/address");
        rig.space(host).unwrap().check(["cat", &file]).unwrap().trim().to_owned()
    };
    let (node, host) = (mac("n1", "r1"), mac("r1", "n1"));
    let frames = capture.frames(&format!("eth.src == {node} && icmpv6.type in {{133, 134}}")).unwrap();
    let sent = |kind: &str, station: &str, group: &str| -> Vec<&Frame> {
        let is = |frame: &&Frame| frame.are(&[("icmpv6.type", kind), ("eth.dst", station)]).is_ok();
        let found: Vec<&Frame> = frames.iter().filter(is).collect();
        assert!(!found.is_empty(), "of type {kind} nothing went to {station}: {frames:?}");
        assert!(found.iter().all(|frame| frame.get("ipv6.dst").starts_with(group)), "{found:?}");
        found
    };
    let kinds = [
        sent("133", "33:33:00:00:00:02", "ff02::2"),
        sent("134", "33:33:00:00:00:01", "ff02::1"),
        sent("134", &host, "fe80::"),
    ];
    assert_eq!(kinds.iter().map(Vec::len).sum::<usize>(), frames.len(), "{frames:?}");
    let own = link_local(rig).to_string();
    for frame in &frames {
        let lifetime = if frame.get("icmpv6.type") == "134" { "0" } else { "" };
        let common = [
            ("ipv6.src", own.as_str()),
            ("ipv6.hlim", "255"),
            ("icmpv6.code", "0"),
            ("icmpv6.checksum.status", "1"),
            ("icmpv6.opt.type", "1"),
            ("icmpv6.opt.length", "1"),
            ("icmpv6.opt.linkaddr", &node),
            ("icmpv6.nd.ra.router_lifetime", lifetime),
        ];
        frame.are(&common).unwrap();
    }
}

fn vips(rig: &Rig) -> [(IpNet, Route); 2] {
    let route = Route { as_path: vec![OWN], ..Route::to(link_local(rig).into()) };
    VIPS.map(|vip| (net(vip), route.clone()))
}

fn link_local(rig: &Rig) -> Ipv6Addr {
    let shown = rig.space("n1").unwrap();
    let shown = shown.check(["ip", "-6", "-j", "address", "show", "dev", "r1", "scope", "link"]).unwrap();
    shown.split('"').find(|word| word.starts_with("fe80::")).unwrap().parse().unwrap()
}

fn manifest(more: &str) -> String {
    format!(
        "\
apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {{name: cable}}
spec: {{myASN: {OWN}, peerASN: {OTHER}, interface: r1, {more}bfdProfile: usual}}
---
apiVersion: ferrolb.io/v1beta1
kind: BFDProfile
metadata: {{name: usual}}
spec: {{}}
---
{}",
        told_of(&VIPS.map(str::to_owned))
    )
}
