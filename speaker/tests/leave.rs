//! The order in which a speaker on a node that leaves takes its leave of a router.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use ferrolb_bfd::{Change, Hops, Profile};
use ferrolb_ownership::{ClusterId, Key, Keys, NodeName, Settings, Timing, Uid};
use ferrolb_speaker::bgp::Kept;
use ferrolb_speaker::snapshot::Snapshot;
use ferrolb_speaker::source::NodeFacts;
use ferrolb_speaker::wire::{Command, Identity, Output, Wire};
use nix::sys::signal::Signal;
use rig::Rig;
use rig::router::{NOTIFICATION, PATIENCE, Router};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};

/// RFC 5882 §4.2 has AdminDown say nothing of BGP, but there are routers that take it for a path that is down: they must have
/// had the grace, and the end of the session, before.
#[test]
fn bfd_is_switched_off_only_after_bgp_has_left() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("leave", 1);
    let (state, keys) = (rig.folder().join("state"), rig.folder().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    std::fs::write(keys.join("key-1"), [5; 32]).unwrap();
    keep_cordoned(&state);
    let listener = rig.within("client", || TcpListener::bind("192.0.2.100:179").unwrap());
    let (bfd, mut heard) = rig.within("client", watcher);
    rig.start_without_api(0, &state, &keys);
    let mut router = Router::accept(&listener);
    while !matches!(heard.blocking_recv().unwrap(), Output::Bfd(event) if event.change == Change::Up) {}

    let capture = rig.within("client", || Socket::new(Domain::PACKET, Type::RAW, Some(ip())).unwrap());
    rig.signal(0, Signal::SIGTERM);
    assert_eq!(farewells(&capture), ["Cease", "AdminDown"]);
    let (kind, body) = router.read();
    // Administrative Shutdown with its reason (RFC 9003).
    assert_eq!((kind, &body[..2]), (NOTIFICATION, &[6, 2][..]));
    assert!(body.ends_with(b"the node is cordoned"), "{body:?}");
    while !matches!(heard.blocking_recv().unwrap(), Output::Bfd(event) if event.change == Change::PeerAdminDown)
    {
    }
    assert!(rig.wait(0), "it ended by itself");
    rig.within("client", || runtime().block_on(bfd.stop()));
}

/// What the last run on node 0 left: the node is cordoned, and the router is a peer with BFD.
fn keep_cordoned(state: &Path) {
    let facts = NodeFacts { uid: "u".into(), leaving: Some("cordoned".into()), ..NodeFacts::default() };
    let api = "ferrolb.io/v1beta1";
    let kept: Kept = serde_json::from_value(json!({
        "peers": [{"apiVersion": api, "kind": "BGPPeer", "metadata": {"name": "router"}, "spec": {
            "myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.100", "bfdProfile": "fast"}}],
        "profiles": [{"apiVersion": api, "kind": "BFDProfile", "metadata": {"name": "fast"}, "spec": {}}],
    }))
    .unwrap();
    let snapshot = Snapshot::new(ClusterId::of("uid"), "node-0", facts, Vec::new(), BTreeSet::new());
    snapshot.with_bgp(kept).save(state).unwrap();
}

/// The router's end of BFD.
fn watcher() -> (Wire, tokio::sync::mpsc::Receiver<Output>) {
    let settings = Settings {
        cluster: ClusterId::of("router"),
        keys: Keys::new(Key::new(&[1; 32]).unwrap(), None),
        node: NodeName::new("router").unwrap(),
        uid: Uid([3; 16]),
        timing: Timing::ORDINARY,
        gratuitous_rate: 100,
        stale_for: Settings::DEFAULT_STALE_FOR,
    };
    let (wire, outputs) = Wire::start(Identity { settings, acquainted: BTreeSet::new(), seed: 7 }).unwrap();
    let node = IpAddr::from([192, 0, 2, 11]);
    let path = ferrolb_bfd::Path::new(Hops::Single, node, None, None).unwrap();
    let interval = Duration::from_millis(300);
    let profile = Profile::new(interval, interval, 3).unwrap();
    runtime().block_on(wire.send(Command::Bfd { path, profile })).unwrap();
    (wire, outputs)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What arrives of the two ways in which the speaker says that it ends, in the order of the wire: each once.
fn farewells(capture: &Socket) -> Vec<&'static str> {
    capture.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut told, until) = (Vec::new(), Instant::now() + PATIENCE);
    let mut frame = [0; 2048];
    while told.len() < 2 && Instant::now() < until {
        let Ok(length) = (&*capture).read(&mut frame) else { continue };
        if let Some(word) = farewell(&frame[14..length])
            && !told.contains(&word)
        {
            told.push(word);
        }
    }
    told
}

/// Of an IPv4 packet, what it says of the end.
fn farewell(packet: &[u8]) -> Option<&'static str> {
    let length = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let (header, rest) = packet[..length].split_at(usize::from(packet[0] & 15) * 4);
    if header[12..16] != [192, 0, 2, 11] {
        return None;
    }
    let port = u16::from_be_bytes([rest[2], rest[3]]);
    match (header[9], port) {
        (6, 179) => {
            let mut messages = &rest[usize::from(rest[12] >> 4) * 4..];
            while messages.len() >= 19 {
                if messages[18] == NOTIFICATION {
                    return Some("Cease");
                }
                messages = &messages[usize::from(u16::from_be_bytes([messages[16], messages[17]]))..];
            }
            None
        }
        // The state is in the upper two bits, and 0 is AdminDown (RFC 5880 §4.1).
        (17, 3784) if rest[9] >> 6 == 0 => Some("AdminDown"),
        _ => None,
    }
}

/// What a packet socket calls IPv4: its type in an Ethernet header, in the order of the network.
fn ip() -> Protocol {
    Protocol::from(i32::from(0x0800_u16.to_be()))
}
