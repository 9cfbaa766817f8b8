//! Which nodes are told of, and that traffic comes by them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::Peer;

use super::rack::{at, host, plain, router, told_by};
use crate::client::http;
use crate::cluster::NODES;
use crate::scene::Scene;
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

/// Each flow goes by the node that a hash of it names; of so many no node that is told of gets none.
const FLOWS: usize = 60;
const FEW: usize = 8;

pub(super) fn spreads_over_those_that_serve(scene: &Scene<'_>) -> Result<()> {
    let frr = router(scene, 1, RouterProgram::Frr, &NODES, |session| session);
    // Flows of one client are told apart by their ports.
    frr.router.space().check(["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1"])?;
    let peer = scene.bgp_peer(1, "")?;
    agnhost(scene, &["n1", "n3"])?;
    let address = scene.told_service("198.18.1.0/28", &[&peer])?;
    let prefix = host(address);

    // Cluster: every node can pass it on, with a pod or without.
    for node in NODES {
        frr.hears(&at(1, node), &[(prefix, plain(node, RouterProgram::Frr))]);
    }
    ways(&frr, address, NODES.len())?;
    all_answered(&frr, address)?;
    announced(scene, "3 nodes")?;
    let told = scene.plugin_json(0, &["bgp", "peers", &peer], "")?;
    let items = told["items"].as_array().context("no items")?;
    ensure!(
        items.len() == 3 && items.iter().all(|item| item["state"] == "Established"),
        "kubectl ferrolb bgp peers: {told}"
    );

    // Local: those with a ready pod only; which pod answers says by which node a flow came.
    scene.kubectl(&["patch", "service", "web", "-p", r#"{"spec": {"externalTrafficPolicy": "Local"}}"#])?;
    told_by(&frr, 1, prefix, &["n1", "n3"])?;
    ways(&frr, address, 2)?;
    let counts = all_answered(&frr, address)?;
    ensure!(
        counts.len() == 2 && counts.values().all(|count| *count >= FEW),
        "flows came by {counts:?}, not by both nodes"
    );
    scene.kubectl(&["delete", "pod", "n1-web", "--wait"])?;
    told_by(&frr, 1, prefix, &["n3"])?;
    announced(scene, "1 node ")?;

    scene.kubectl(&["delete", "service", "web"])?;
    told_by(&frr, 1, prefix, &[])
}

/// Waits until the router's kernel has so many ways to the address.
fn ways(router: &Peer, address: IpAddr, count: usize) -> Result<()> {
    wait_for(&format!("the router has {count} ways"), PATIENCE, || {
        let shown = router.router.space().check(["ip", "route", "show", &address.to_string()])?;
        ensure!(shown.matches("via ").count() == count, "{shown}");
        Ok(())
    })
}

/// Waits until many flows from the router are all answered, which the service proxies need a moment for; how many each pod
/// answered.
fn all_answered(router: &Peer, address: IpAddr) -> Result<BTreeMap<String, usize>> {
    wait_for("every flow is answered", PATIENCE, || {
        let mut counts = BTreeMap::new();
        for _ in 0..FLOWS {
            *counts.entry(http(router.router.space(), address, "hostname")?).or_default() += 1;
        }
        Ok(counts)
    })
}

/// Waits until the Service's condition says that it is announced by BGP, by so many.
fn announced(scene: &Scene<'_>, by: &str) -> Result<()> {
    wait_for("the condition says by whom it is announced", PATIENCE, || {
        let service = scene.kubectl(&["get", "service", "web", "-o", "json"])?;
        let service: serde_json::Value = serde_json::from_str(&service)?;
        let conditions = service["status"]["conditions"].as_array().context("it has no conditions")?;
        let condition = conditions.iter().find(|condition| condition["type"] == "ferrolb.io/Announced");
        let condition = condition.context("it has no such condition")?;
        let message = condition["message"].as_str().unwrap_or_default();
        ensure!(condition["reason"] == "BGP" && message.contains(by), "{condition}");
        Ok(())
    })
}
