//! More than a hundred Services made at once: every address is answered for, by one node each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_tests::arp::Asker;
use ferrolb_tests::mac_text;
use libtest_mimic::Trial;

use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

const SERVICES: usize = 120;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("a_hundred_services_made_at_once_are_all_answered", Disturbs::Nobody, made)]
}

fn made(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let name = format!("{}-many", scene.namespace);
    // No interface has this network, so the VIPs live on that of the default route.
    lab.apply(&format!(
        "apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{addresses: [198.18.0.0/24], serviceAllocation: {{namespaces: [{namespace}]}}}}
---
apiVersion: ferrolb.io/v1beta1
kind: L2Advertisement
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{ipAddressPools: [{name}]}}
",
        namespace = scene.namespace
    ))?;
    let start = Instant::now();
    scene.create(&(0..SERVICES).map(manifest).collect::<String>())?;
    let vips = wait_for("every Service has its address", PATIENCE, || {
        let services = scene.services()?;
        let vips: Vec<IpAddr> = services.iter().flat_map(|service| service.addresses()).collect();
        ensure!(vips.len() == SERVICES, "{} have", vips.len());
        Ok(vips)
    })?;
    let given = start.elapsed();
    let asker = Asker::open(lab, "client", Ipv4Addr::new(192, 0, 2, 100))?;
    let owners = wait_for("one node answers for each", PATIENCE, || {
        let owners = ask_all(&asker, &vips)?;
        let one = owners.values().filter(|owners| owners.len() == 1).count();
        ensure!(one == SERVICES, "{one} of {SERVICES} are answered for by one station");
        Ok(owners)
    })?;
    println!("many: {SERVICES} addresses after {given:.1?}, answered after {:.1?}", start.elapsed());
    for owners in owners.values() {
        ensure!(lab.node_with_mac(&owners[0]).is_some(), "{owners:?} is no node");
    }
    lab.kubectl(&["delete", "--raw", &format!("/api/v1/namespaces/{}/services", scene.namespace)]).map(drop)
}

/// Who answers for each, asked one after the other.
fn ask_all(asker: &Asker, vips: &[IpAddr]) -> Result<BTreeMap<IpAddr, Vec<String>>> {
    let mut owners: BTreeMap<IpAddr, Vec<String>> = vips.iter().map(|vip| (*vip, Vec::new())).collect();
    for vip in vips {
        if let IpAddr::V4(vip) = vip {
            asker.ask(*vip)?;
        }
    }
    let end = Instant::now() + Duration::from_millis(500);
    while let Some(answer) = asker.answer(end.saturating_duration_since(Instant::now()))? {
        let mac = mac_text(answer.mac);
        if let Some(known) = owners.get_mut(&answer.address.into()).filter(|known| !known.contains(&mac)) {
            known.push(mac);
        }
    }
    Ok(owners)
}

/// A Service that kube-proxy makes no rules for.
fn manifest(number: usize) -> String {
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: s{number:03}, labels: {{service.kubernetes.io/service-proxy-name: none}}}}
spec: {{type: LoadBalancer, ipFamilies: [IPv4], allocateLoadBalancerNodePorts: false, ports: [{{port: 80}}]}}
"
    )
}
