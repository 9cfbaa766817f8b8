//! Nodes with cables to two segments, and one with a cable to the first only: a VIP is answered where its network is.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::{Lab, Space};
use ferrolb_tests::tshark::Capture;
use libtest_mimic::Trial;

use crate::client::{answering, http, owner_near, some_owner};
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

/// A node without a cable to the second segment.
const ABSENT: &str = "n1";
/// Addresses of the second segment.
const FAR: &str = "203.0.113.128/31, '2001:db8:3::1080/127'";
/// Long enough for a move that should not happen.
const A_WHILE: Duration = Duration::from_secs(1);

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_vip_is_answered_on_its_own_segment_by_nodes_that_are_there",
        Disturbs::Nobody,
        two_segments,
    )]
}

fn two_segments(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let (near_client, far_client) = (lab.client(), lab.client_second());
    pull_out(lab)?;
    routed(scene)?;
    let pools = [("near", scene.pool("near", 1)?.name), ("far", advertised_pool(scene, "far", FAR, "")?)];
    agnhost(scene, &[ABSENT])?;
    for (name, pool) in pools {
        let annotation = format!("ferrolb.io/address-pool: {pool}");
        scene.annotated_load_balancer(name, &annotation, "ipFamilyPolicy: RequireDualStack")?;
    }
    let (near, far) = (scene.addresses("near")?, scene.addresses("far")?);
    ensure!(near.len() == 2 && far.len() == 2, "{near:?} and {far:?} are not one of each family");

    for address in &near {
        some_owner(lab, *address)?;
        are_candidates(scene, *address, &["n1", "n2", "n3"])?;
        served_only_to(lab, *address, &near_client, &far_client)?;
    }
    for address in &far {
        let node = some_far_owner(lab, *address)?;
        are_candidates(scene, *address, &["n2", "n3"])?;
        served_only_to(lab, *address, &far_client, &near_client)?;
        wait_for("the condition says where it is", PATIENCE, || {
            let service = scene.service("far")?;
            let said = service.announced().map(|(_, _, message)| message.to_owned()).unwrap_or_default();
            ensure!(said.contains(&format!("{address} on node {node} (eth1)")), "it says {said:?}");
            Ok(())
        })?;
    }
    follows_its_network(lab, &near, &far)
}

/// A VIP in no network is answered on the interface that its advertisement names, where no VIP was before.
fn routed(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = advertised_pool(scene, "routed", "198.18.7.0/31", "interfaces: [eth1]")?;
    scene.annotated_load_balancer("routed", &format!("ferrolb.io/address-pool: {pool}"), "")?;
    let address = scene.address("routed")?;
    some_far_owner(lab, address)?;
    are_candidates(scene, address, &["n2", "n3"])?;
    unanswered(lab, address, &lab.client())
}

/// The owner has no address in the second segment's network any more: what it answered for there moves to the other node that has
/// one, and at no time anybody answers for it elsewhere.
fn follows_its_network(lab: &Lab, near: &[IpAddr], far: &[IpAddr]) -> Result<()> {
    let owners = || near.iter().map(|address| some_owner(lab, *address)).collect::<Result<Vec<_>>>();
    let before = owners()?;
    let left = some_far_owner(lab, far[0])?;
    let node = lab.node(&left);
    let elsewhere = Capture::start(&lab.client(), "eth0")?;
    node.check(["ip", "address", "flush", "dev", "eth1", "scope", "global"])?;
    let moved = far.iter().try_for_each(|address| {
        wait_for(&format!("another node than {left} answers for {address}"), PATIENCE, || {
            let now = owner_near(lab, &lab.client_second(), *address)?;
            ensure!(now != left && now != ABSENT, "{now} does");
            http(&lab.client_second(), *address, "hostname").map(drop)
        })
    });
    std::thread::sleep(A_WHILE);
    let after = owners();
    for own in [left.replace('n', "203.0.113.1") + "/24", left.replace('n', "2001:db8:3::1") + "/64"] {
        node.check(["ip", "address", "add", &own, "dev", "eth1"])?;
    }
    moved?;
    let after = after?;
    ensure!(before == after, "{near:?} went from {before:?} to {after:?}, where nothing happened");
    let claim = |address: &IpAddr| match address {
        IpAddr::V4(address) => format!("arp.src.proto_ipv4 == {address}"),
        IpAddr::V6(address) => format!("icmpv6.nd.na.target_address == {address}"),
    };
    let claims: Vec<String> = far.iter().map(claim).collect();
    let claims = elsewhere.frames(&claims.join(" || "))?;
    ensure!(claims.is_empty(), "on the first segment somebody said that {far:?} are there: {claims:?}");
    Ok(())
}

/// The node has no such cable any more, and its speaker has said so. No other test needs it.
fn pull_out(lab: &Lab) -> Result<()> {
    let node = lab.node(ABSENT);
    if node.run(["ip", "link", "show", "eth1"])?.success {
        node.check(["ip", "link", "delete", "eth1"])?;
    }
    wait_for(&format!("the speaker on {ABSENT} says that it has one cable"), PATIENCE, || {
        let names = "jsonpath={.status.interfaces[*].name}";
        let names = lab.kubectl(&["get", "speakerstate", ABSENT, "-o", names])?;
        ensure!(names.split_whitespace().eq(["eth0"]), "it says {names}");
        Ok(())
    })
}

/// A pool for this namespace, announced as `more` of the advertisement's spec says; its name.
fn advertised_pool(scene: &Scene<'_>, suffix: &str, addresses: &str, more: &str) -> Result<String> {
    let name = format!("{}-{suffix}", scene.namespace);
    scene.cluster.lab.apply(&format!(
        "apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{addresses: [{addresses}], serviceAllocation: {{namespaces: [{namespace}]}}}}
---
apiVersion: ferrolb.io/v1beta1
kind: L2Advertisement
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{ipAddressPools: [{name}], {more}}}
",
        namespace = scene.namespace
    ))?;
    Ok(name)
}

fn some_far_owner(lab: &Lab, address: IpAddr) -> Result<String> {
    wait_for(&format!("one node answers for {address} on the second segment"), PATIENCE, || {
        owner_near(lab, &lab.client_second(), address)
    })
}

fn are_candidates(scene: &Scene<'_>, address: IpAddr, wanted: &[&str]) -> Result<()> {
    wait_for(&format!("{address} has the candidates {wanted:?}"), PATIENCE, || {
        let mut found = scene.candidates(address)?;
        found.sort();
        ensure!(found == wanted, "they are {found:?}");
        Ok(())
    })
}

/// One client gets an answer by way of the VIP, and the other's segment none from anybody.
fn served_only_to(lab: &Lab, address: IpAddr, client: &Space, other: &Space) -> Result<()> {
    wait_for(&format!("{address} answers {}", client.name()), PATIENCE, || {
        http(client, address, "hostname")
    })?;
    unanswered(lab, address, other)
}

/// Nobody answers for the address on the segment of the client.
fn unanswered(lab: &Lab, address: IpAddr, client: &Space) -> Result<()> {
    let strange = answering(lab, client, address)?;
    ensure!(strange.is_empty(), "{strange:?} answer for {address} to {}", client.name());
    Ok(())
}
