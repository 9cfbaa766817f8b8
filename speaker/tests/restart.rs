//! A speaker that starts while the API server is away works from what its last run left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ferrolb_api::{Layer2Announcement, TrafficPolicy, VipAnnouncement};
use ferrolb_ownership::ClusterId;
use ferrolb_speaker::snapshot::Snapshot;
use ferrolb_speaker::source::{Common, NodeFacts};
use rig::Rig;

const SOON: Duration = Duration::from_secs(3);

fn vip() -> IpAddr {
    IpAddr::from([192, 0, 2, 200])
}

/// What the last run of node-0's speaker left, and where its keys will be.
fn left_behind(rig: &Rig, candidates: &[&str], acquainted: &[&str]) -> (PathBuf, PathBuf) {
    let (state, keys) = (rig.folder().join("state"), rig.folder().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    let nodes = candidates.iter().map(ToString::to_string).collect();
    let layer2 = Layer2Announcement { nodes, revision: 1, ..Layer2Announcement::default() };
    let announcement = VipAnnouncement {
        ip: vip().to_string(),
        pool: String::new(),
        services: Vec::new(),
        traffic_policy: TrafficPolicy::Cluster,
        layer2: Some(layer2),
        bgp: None,
    };
    let slice = Common::default().slice("one".to_owned(), 7, [announcement]);
    let facts = NodeFacts { uid: "u".to_owned(), ..NodeFacts::default() };
    let acquainted: BTreeSet<String> = acquainted.iter().map(ToString::to_string).collect();
    let snapshot = Snapshot::new(ClusterId::of("uid"), "node-0", facts, [&slice], acquainted);
    snapshot.save(&state).unwrap();
    (state, keys)
}

#[test]
fn the_last_good_configuration_is_announced_without_the_api_server() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("restart", 1);
    let (state, keys) = left_behind(&rig, &["node-0"], &[]);
    rig.start_without_api(0, &state, &keys);

    std::thread::sleep(Duration::from_millis(300));
    let waiting = rig.get(0, "/readyz");
    assert!(waiting.starts_with("HTTP/1.1 503") && waiting.contains("heartbeat key"), "{waiting}");
    std::fs::write(keys.join("key-1"), [5; 32]).unwrap();
    let answer = rig.at_client(|client| client.until(vip(), SOON, |_| true));
    assert_eq!(answer.map(|(_, mac)| mac), Some(rig.mac(0)));
    rig.wait_ready(0, SOON);
    assert!(rig.get(0, "/metrics").contains("ferrolb_speaker_configuration_stale 1"));
}

/// The second candidate, alone beside a gateway that answers. On isolated ports the first one would answer unheard; who remembers
/// that others were heard here knows itself to be the last.
#[test]
fn a_survivor_that_restarts_claims_what_a_stranger_leaves_to_the_first_candidate() {
    if !rig::permitted() {
        return;
    }
    for (name, acquainted) in [("stranger", &[][..]), ("survivor", &["eth0"])] {
        let mut rig = Rig::new(name, 1);
        rig.ip(0, &["route", "add", "default", "via", "192.0.2.100"]);
        let (state, keys) = left_behind(&rig, &["node-1", "node-0"], acquainted);
        std::fs::write(keys.join("key-1"), [5; 32]).unwrap();
        rig.start_without_api(0, &state, &keys);
        rig.wait_ready(0, SOON);
        std::thread::sleep(Duration::from_secs(1));
        // One question is not enough for it to answer in place of the first candidate.
        let answers = rig.at_client(|client| client.ask(vip(), Duration::from_millis(200)));
        let wanted = if acquainted.is_empty() { Vec::new() } else { vec![rig.mac(0)] };
        assert_eq!(answers, wanted, "{name}");
    }
}
