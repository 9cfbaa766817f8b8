//! A speaker that starts while the API server is away works from what its last run left.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_api::{Layer2Announcement, TrafficPolicy, VipAnnouncement};
use ferrolb_ownership::ClusterId;
use ferrolb_speaker::snapshot::Snapshot;
use ferrolb_speaker::source::{NodeFacts, Slice};
use rig::Rig;

#[test]
fn the_last_good_configuration_is_announced_without_the_api_server() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("restart", 1);
    let vip = IpAddr::from([192, 0, 2, 200]);
    let (state, keys) = (rig.folder().join("state"), rig.folder().join("keys"));
    std::fs::create_dir(&keys).unwrap();
    let layer2 =
        Layer2Announcement { nodes: vec!["node-0".to_owned()], revision: 1, ..Layer2Announcement::default() };
    let announcement = VipAnnouncement {
        ip: vip.to_string(),
        pool: String::new(),
        services: Vec::new(),
        traffic_policy: TrafficPolicy::Cluster,
        layer2: Some(layer2),
    };
    let slice = Slice { name: "one".to_owned(), revision: 7, vips: vec![announcement] };
    let facts = NodeFacts { uid: "u".to_owned(), ..NodeFacts::default() };
    Snapshot::new(ClusterId::of("uid"), "node-0", facts, vec![slice]).save(&state).unwrap();
    rig.start_without_api(0, &state, &keys);

    std::thread::sleep(Duration::from_millis(300));
    let waiting = rig.get(0, "/readyz");
    assert!(waiting.starts_with("HTTP/1.1 503") && waiting.contains("heartbeat key"), "{waiting}");
    std::fs::write(keys.join("key-1"), [5; 32]).unwrap();
    let answer = rig.at_client(|client| client.until(vip, Duration::from_secs(3), |_| true));
    assert_eq!(answer.map(|(_, mac)| mac), Some(rig.mac(0)));
    rig.wait_ready(0, Duration::from_secs(3));
    assert!(rig.get(0, "/metrics").contains("ferrolb_speaker_configuration_stale 1"));
}
