//! Which nodes are told of, and that traffic comes by them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::Peer;

use super::rack::{at, host, node_v4, plain, router, told_by};
use crate::client::http;
use crate::cluster::NODES;
use crate::scene::Scene;
use crate::wait::{PATIENCE, wait_for};
use crate::workload::{agnhost, agnhost_called};

/// Each flow goes by the node that a hash of it names; of so many no node that is told of gets none.
const FLOWS: usize = 60;
const FEW: usize = 8;
/// So many that nodes of one and of two endpoints are told apart.
const MANY_FLOWS: usize = 180;

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
    all_answered(&frr, address, FLOWS)?;
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
    let counts = all_answered(&frr, address, FLOWS)?;
    ensure!(
        counts.len() == 2 && counts.values().all(|count| *count >= FEW),
        "flows came by {counts:?}, not by both nodes"
    );

    // Weighted: of two nodes the one with two pods gets two thirds.
    agnhost_called(scene, &["n3"], "second")?;
    let advertisement = format!("{}-all", scene.namespace);
    scene.kubectl(&[
        "patch",
        "bgpadvertisement",
        &advertisement,
        "--type=merge",
        "-p",
        r#"{"spec": {"weighted": true}}"#,
    ])?;
    weights(&frr, address, &[("n1", 1), ("n3", 2)])?;
    let counts = all_answered(&frr, address, MANY_FLOWS)?;
    let by_n3: usize = counts.iter().filter(|(pod, _)| pod.starts_with("n3-")).map(|(_, count)| count).sum();
    ensure!(
        counts.len() == 3 && by_n3 > MANY_FLOWS / 2,
        "flows came by {counts:?}, not by n3 as often again"
    );
    scene.kubectl(&["delete", "pod", "n3-second", "--wait"])?;
    weights(&frr, address, &[("n1", 1), ("n3", 1)])?;

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

/// Waits until the router's kernel shares flows among these nodes by these weights. It counts in its own, to a hundred or so.
fn weights(router: &Peer, address: IpAddr, wanted: &[(&str, u32)]) -> Result<()> {
    wait_for(&format!("the router weighs {wanted:?}"), PATIENCE, || {
        let shown = router.router.space().check(["ip", "route", "show", &address.to_string()])?;
        let of = |node: &str| {
            let way = format!("via {} ", node_v4(node));
            let line = shown.lines().find(|line| line.contains(&way))?;
            line.split_once("weight ")?.1.split_whitespace().next()?.parse::<u32>().ok()
        };
        let found: Option<Vec<u32>> = wanted.iter().map(|(node, _)| of(node)).collect();
        let found = found.with_context(|| format!("not all have a weight: {shown}"))?;
        let unit = found[0].div_ceil(wanted[0].1);
        let is_so =
            |((_, wanted), found): (&(&str, u32), &u32)| 10 * (wanted * unit).abs_diff(*found) <= *found;
        ensure!(wanted.iter().zip(&found).all(is_so), "{shown}");
        Ok(())
    })
}

/// Waits until many flows from the router are all answered, which the service proxies need a moment for; how many each pod
/// answered.
fn all_answered(router: &Peer, address: IpAddr, flows: usize) -> Result<BTreeMap<String, usize>> {
    wait_for("every flow is answered", PATIENCE, || {
        let mut counts = BTreeMap::new();
        for _ in 0..flows {
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
