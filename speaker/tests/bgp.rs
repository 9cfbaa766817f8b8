//! A real speaker and a router written by hand, byte by byte: the session comes up, and routes come and go with manifests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;
use rig::Rig;
use rig::router::{NOTIFICATION, OPEN, PATIENCE, Router};

fn manifests(rig: &Rig, vips: &[&str]) {
    advertised(rig, "{med: 7}", vips);
}

/// The same with another advertisement.
fn advertised(rig: &Rig, advertisement: &str, vips: &[&str]) {
    let mut text = "\
apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 64500, peerASN: 64501, peerAddress: 192.0.2.100}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all}
spec: ADVERTISEMENT
---
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: vips}
spec:
  vips:
"
    .replace("ADVERTISEMENT", advertisement);
    for vip in vips {
        text += &format!("  - {{ip: {vip}, bgp: {{advertisements: [{{name: all}}]}}}}\n");
    }
    let new = rig.folder().join("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, rig.folder().join("bgp.yaml")).unwrap();
}

#[test]
fn routes_come_and_go_with_manifests_and_are_taken_back_before_a_restart() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("bgp", 1);
    let listener = rig.within("client", || TcpListener::bind("192.0.2.100:179").unwrap());
    manifests(&rig, &["198.51.100.7"]);
    rig.start(0);
    let mut router = Router::accept(&listener);
    let (withdrawn, attributes, announced) = router.update();
    assert_eq!((withdrawn, announced), (vec![], vec![32, 198, 51, 100, 7]));
    // ORIGIN IGP; AS_PATH 64500 in two octets; NEXT_HOP; MULTI_EXIT_DISC.
    let expected = [
        &[0x40, 1, 1, 0][..],
        &[0x40, 2, 4, 2, 1, 0xfb, 0xf4],
        &[0x40, 3, 4, 192, 0, 2, 11],
        &[0x80, 4, 4, 0, 0, 0, 7],
    ];
    assert_eq!(attributes, expected.concat());
    assert_eq!(router.update(), (vec![], vec![], vec![]), "End-of-RIB (RFC 4724 §2)");

    manifests(&rig, &["198.51.100.8"]);
    assert_eq!(router.update().0, [32, 198, 51, 100, 7]);
    assert_eq!(router.update().2, [32, 198, 51, 100, 8]);
    std::thread::sleep(Duration::from_millis(1_500));
    let metrics = rig.get(0, "/metrics");
    for line in [
        "ferrolb_speaker_bgp_session_up{peer=\"router\"} 1",
        "ferrolb_speaker_bgp_prefixes_told{peer=\"router\",family=\"ipv4\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in:\n{metrics}");
    }

    rig.signal(0, Signal::SIGTERM);
    assert_eq!(router.update().0, [32, 198, 51, 100, 8]);
    let (kind, body) = router.read();
    // Cease, Administrative Reset (RFC 9003).
    assert_eq!((kind, &body[..2]), (NOTIFICATION, &[6, 4][..]));
    assert!(rig.wait(0), "it ended by itself");
}

/// The address that `sourceAddress` names is that of the session, whoever connects.
#[test]
fn a_passive_peer_comes_in_at_its_source_address_only() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("source", 1);
    rig.ip(0, &["addr", "add", "192.0.2.13/24", "dev", "eth0"]);
    let passive = "\
apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {name: router}
spec: {myASN: 64500, peerASN: 64501, peerAddress: 192.0.2.100, passive: true, sourceAddress: 192.0.2.13}
";
    std::fs::write(rig.folder().join("bgp.yaml"), passive).unwrap();
    rig.start(0);
    let until = std::time::Instant::now() + PATIENCE;
    let connect = |address: &str| loop {
        match rig.within("client", || TcpStream::connect((address, 179))) {
            Ok(stream) => return stream,
            Err(error) => assert!(std::time::Instant::now() < until, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut router = Router::over(connect("192.0.2.11"));
    // Cease, Connection Rejected (RFC 4486 §4).
    assert_eq!(router.read(), (NOTIFICATION, vec![6, 5]));
    assert_eq!(Router::over(connect("192.0.2.13")).read().0, OPEN);
    // The thread does not wait for who writes.
    loop {
        let log = std::fs::read_to_string(rig.folder().join("node-0.log")).unwrap();
        if log.contains("it came to 192.0.2.11, and sourceAddress says 192.0.2.13") {
            break;
        }
        assert!(std::time::Instant::now() < until, "{log}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A prefix that is announced draws the traffic of all its addresses; what no Service has must not go back where it came from.
#[test]
fn what_no_service_has_of_an_aggregate_is_refused() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("reject", 1);
    let refused = |rig: &Rig| {
        let all = [["-4", "route"], ["-6", "route"]]
            .map(|family| rig.ip(0, &[&family[..], &["show", "type", "unreachable"]].concat()));
        let first = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        all.concat().lines().map(first).collect::<Vec<_>>()
    };
    // One that an earlier run left behind, and one of somebody else's.
    rig.ip(0, &["route", "add", "unreachable", "203.0.113.0/28", "proto", "114"]);
    rig.ip(0, &["route", "add", "unreachable", "203.0.113.16/28"]);
    let listener = rig.within("client", || TcpListener::bind("192.0.2.100:179").unwrap());
    let wide = "{aggregationLength: 28, aggregationLengthV6: 64}";
    advertised(&rig, wide, &["198.51.100.7", "'2001:db8:9::7'"]);
    rig.start(0);
    let mut router = Router::accept(&listener);
    assert_eq!(router.update().2, [28, 198, 51, 100, 0], "the aggregate is announced");
    assert_eq!(refused(&rig), ["198.51.100.0/28", "203.0.113.16/28", "2001:db8:9::/64"]);

    let until = |rig: &Rig, wanted: &[&str]| {
        let end = std::time::Instant::now() + PATIENCE;
        while refused(rig) != wanted {
            assert!(std::time::Instant::now() < end, "{:?} are refused, not {wanted:?}", refused(rig));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    advertised(&rig, "{}", &["198.51.100.7"]);
    until(&rig, &["203.0.113.16/28"]);
    advertised(&rig, wide, &["198.51.100.7"]);
    until(&rig, &["198.51.100.0/28", "203.0.113.16/28"]);
    rig.signal(0, Signal::SIGTERM);
    assert!(rig.wait(0), "it ended by itself");
    assert_eq!(refused(&rig), ["203.0.113.16/28"]);
}
