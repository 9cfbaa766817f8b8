//! What the VIPs of a cluster weigh. A binary of its own, since memory is counted by process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use ferrolb_api::VipAnnouncement;
use ferrolb_ownership::NodeName;
use ferrolb_runtime::kinds::EndpointSlice;
use ferrolb_runtime::watch::Change;
use ferrolb_speaker::bgp;
use ferrolb_speaker::index::Index;
use ferrolb_speaker::source::{Common, EndpointGroup};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const VIPS: u32 = 10_000;
const NODE: &str = "node-a";
/// Of the 15 MiB that a speaker may have with these.
const MOST_KIB: u64 = 8 * 1024;

#[test]
fn ten_thousand_vips_with_endpoints_and_routes_weigh_little() {
    let mut index = Index::new(NodeName::new(NODE).unwrap());
    let peer = json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"});
    index.apply_bgp(bgp::Change::Peers(Change::All(vec![object("BGPPeer", &peer)])));
    index.apply_bgp(bgp::Change::Advertisements(Change::All(vec![object("BGPAdvertisement", &json!({}))])));
    index.apply_bgp(bgp::Change::Profiles(Change::All(Vec::new())));
    index.apply_bgp(bgp::Change::Communities(Change::All(Vec::new())));

    let before = resident();
    let mut common = Common::default();
    let slices = (0..VIPS / 8).map(|slice| {
        common.slice(format!("vips-{slice}"), 1, (0..8).map(|place| announcement(slice * 8 + place)))
    });
    index.apply_slices(Change::All(slices.collect()));
    let groups = (0..VIPS).map(|vip| EndpointGroup::read(&endpoints(vip), NODE).unwrap());
    index.apply_endpoints(Change::All(groups.collect()));
    let desired = index.bgp();
    let grown = resident().saturating_sub(before);
    println!("{VIPS} VIPs: {grown} KiB");
    assert_eq!(desired.routes["all"].len(), VIPS as usize);
    assert!(grown < MOST_KIB, "{grown} KiB");
}

fn object<K: DeserializeOwned>(kind: &str, spec: &Value) -> K {
    let object = json!({
        "apiVersion": "ferrolb.io/v1beta1", "kind": kind, "metadata": {"name": "all"}, "spec": spec,
    });
    serde_json::from_value(object).unwrap()
}

fn announcement(vip: u32) -> VipAnnouncement {
    let announcement = json!({
        "ip": std::net::Ipv4Addr::from(0xC612_0000 + vip),
        "pool": "far",
        "services": [{
            "namespace": "default", "name": format!("service-{vip:05}"),
            "uid": format!("00000000-0000-4000-8000-{vip:012}"),
        }],
        "bgp": {"advertisements": [{"name": "all"}]},
    });
    serde_json::from_value(announcement).unwrap()
}

fn endpoints(vip: u32) -> EndpointSlice {
    let slice = json!({
        "metadata": {
            "namespace": "default", "name": format!("service-{vip:05}-x7k2p"),
            "labels": {"kubernetes.io/service-name": format!("service-{vip:05}")},
        },
        "endpoints": [{"nodeName": NODE}],
    });
    serde_json::from_value(slice).unwrap()
}

/// KiB that this process occupies.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
