//! A real speaker and a router written by hand, byte by byte: the session comes up, and routes come and go with manifests.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use nix::sys::signal::Signal;
use rig::Rig;

const PATIENCE: Duration = Duration::from_secs(10);
const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;

/// The router's end of a session (RFC 4271 §4).
struct Router(TcpStream);

impl Router {
    /// Waits for the speaker, and brings the session up as AS 64501, 192.0.2.100, hold time 90 s, without capabilities but
    /// IPv4 unicast.
    fn accept(listener: &TcpListener) -> Self {
        let (stream, from) = listener.accept().unwrap();
        assert_eq!(from.ip().to_string(), "192.0.2.11");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut router = Self(stream);
        let (kind, open) = router.read();
        assert_eq!((kind, open[0], &open[1..3]), (OPEN, 4, &64500_u16.to_be_bytes()[..]));
        assert_eq!(&open[5..9], [192, 0, 2, 11], "its own address is its identifier");
        let (asn, hold) = (64501_u16.to_be_bytes(), 90_u16.to_be_bytes());
        let capability = [2, 6, 1, 4, 0, 1, 0, 1];
        router.write(OPEN, &[&[4], &asn[..], &hold[..], &[192, 0, 2, 100, 8], &capability[..]].concat());
        router.write(KEEPALIVE, &[]);
        assert_eq!(router.read().0, KEEPALIVE);
        router
    }

    fn write(&mut self, kind: u8, body: &[u8]) {
        let length = u16::try_from(19 + body.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&[0xff; 16], &length[..], &[kind], body].concat()).unwrap();
    }

    fn read(&mut self) -> (u8, Vec<u8>) {
        let mut header = [0; 19];
        self.0.read_exact(&mut header).unwrap();
        let mut body = vec![0; usize::from(u16::from_be_bytes([header[16], header[17]])) - 19];
        self.0.read_exact(&mut body).unwrap();
        (header[18], body)
    }

    /// The next UPDATE: host routes withdrawn, attributes, host routes announced.
    fn update(&mut self) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        loop {
            let (kind, body) = self.read();
            if kind == KEEPALIVE {
                continue;
            }
            assert_eq!(kind, UPDATE, "{body:?}");
            let withdrawn = usize::from(u16::from_be_bytes([body[0], body[1]]));
            let rest = &body[2 + withdrawn..];
            let attributes = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let (attributes, announced) = rest[2..].split_at(attributes);
            return (body[2..2 + withdrawn].to_vec(), attributes.to_vec(), announced.to_vec());
        }
    }
}

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
