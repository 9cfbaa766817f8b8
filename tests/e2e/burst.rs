//! The API server and its store killed in the middle of a thousand allocations.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_tests::audit::Audit;
use libtest_mimic::Trial;

use crate::scene::Scene;
use crate::service::Service;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

const SERVICES: usize = 1000;
/// kubectl sends this many requests before it begins to pace itself.
const PER_KUBECTL: usize = 250;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("an_api_server_killed_amid_a_thousand_allocations_loses_none", Disturbs::Everybody, killed)]
}

fn killed(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    create(scene)?;
    wait_for("every Service waits for a pool", PATIENCE, || {
        let waiting = scene.services()?.iter().filter(|service| service.allocated().is_some()).count();
        ensure!(waiting == SERVICES, "{waiting} do");
        Ok(())
    })?;
    let audit = Audit::now(lab)?;
    scene.remote_pool("burst", "2001:db8:5::/112")?;
    let amid = || -> Result<usize> {
        let given = audit.changes()?.iter().filter(|change| change.sets_ingress()).count();
        ensure!(given > SERVICES / 10, "{given} have an address");
        Ok(given)
    };
    let end = Instant::now() + PATIENCE;
    while let Err(error) = amid() {
        ensure!(Instant::now() < end, "the burst does not begin: {error:#}");
        thread::sleep(Duration::from_millis(5));
    }
    lab.stop_apiserver()?;
    lab.stop_control_plane("etcd")?;
    let before_start = audit.changes()?;
    let at_the_kill = before_start.iter().filter(|change| change.sets_ingress()).count();
    ensure!(at_the_kill < SERVICES, "all were served before the API server was killed");
    lab.start_control_plane("etcd")?;
    lab.start_apiserver()?;

    let after_start = by_id(scene)?;
    let all = wait_for("every Service has its address", PATIENCE, || {
        let services = by_id(scene)?;
        let served = services.values().filter(|addresses| addresses.len() == 1).count();
        ensure!(served == SERVICES, "{served} have");
        Ok(services)
    })?;
    println!("burst: killed when {at_the_kill} of {SERVICES} had their address");
    let distinct: BTreeSet<&IpAddr> = all.values().flatten().collect();
    ensure!(distinct.len() == SERVICES, "{} different addresses for {SERVICES} Services", distinct.len());
    for (id, before) in &after_start {
        ensure!(before.is_empty() || all[id] == *before, "{id} had {before:?} and has {:?}", all[id]);
    }
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    for change in audit.changes()?.into_iter().filter(|change| change.sets_ingress()) {
        *given.entry(change.object).or_default() += 1;
    }
    let twice: Vec<_> = given.iter().filter(|(_, times)| **times > 1).collect();
    ensure!(twice.is_empty(), "these were given addresses more than once: {twice:?}");
    // One by one, as `kubectl delete --all` does it, would take as long as the test.
    lab.kubectl(&["delete", "--raw", &format!("/api/v1/namespaces/{}/services", scene.namespace)]).map(drop)
}

fn by_id(scene: &Scene<'_>) -> Result<BTreeMap<String, Vec<IpAddr>>> {
    let services = scene.services()?;
    Ok(services.iter().map(|service| (service.id(), Service::addresses(service))).collect())
}

fn create(scene: &Scene<'_>) -> Result<()> {
    let parts: Vec<String> = (0..SERVICES / PER_KUBECTL).map(manifests).collect();
    thread::scope(|scope| {
        let threads: Vec<_> = parts.iter().map(|part| scope.spawn(|| scene.create(part))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("kubectl does not panic"))
    })
}

/// Services that only FerroLB cares for: kube-proxy makes no rules for them, nobody looks for endpoints.
fn manifests(part: usize) -> String {
    let numbers = part * PER_KUBECTL..(part + 1) * PER_KUBECTL;
    let one = |number: usize| {
        format!(
            "---
apiVersion: v1
kind: Service
metadata: {{name: s{number:04}, labels: {{service.kubernetes.io/service-proxy-name: none}}}}
spec: {{type: LoadBalancer, ipFamilies: [IPv6], allocateLoadBalancerNodePorts: false, ports: [{{port: 80}}]}}
"
        )
    };
    numbers.map(one).collect()
}
