//! A cluster that has no IPv4 at all, and whose kube-proxy makes iptables rules. It ends with its storage set back, which
//! confuses more than FerroLB.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use ferrolb_lab::{Families, KubeProxy, Options};
use libtest_mimic::Trial;

use crate::client::{http, owner, settled_owner, udp};
use crate::cluster::Cluster;
use crate::proxy::iptables_know;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "a_cluster_without_ipv4_is_served_and_survives_an_older_backup",
        Disturbs::Everybody,
        without_ipv4,
    )]
}

fn without_ipv4(_: &Scene<'_>) -> Result<()> {
    let options = Options {
        name: "e2e-ipv6".into(),
        nodes: 2,
        families: Families::Ipv6,
        kube_proxy: KubeProxy::Iptables,
        ..Options::default()
    };
    let cluster = Cluster::of(&options)?;
    let scene = Scene::new(&cluster, "ipv6")?;
    let served = served(&scene)
        .and_then(|()| restored(&scene))
        .map_err(|error| anyhow::anyhow!("{}\n{error:#}", scene.diagnosis()));
    cluster.lab.down()?;
    served
}

fn served(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = scene.pool("lan", 2)?;
    scene.load_balancer("web", "")?;
    agnhost(scene, &["n1", "n2"])?;
    let address = scene.address("web")?;
    ensure!(pool.v6.iter().any(|own| address == *own), "{address} is not of {:?}", pool.v6);
    for client in [lab.client(), lab.client_routed()] {
        let what = format!("{address} answers {}", client.name());
        wait_for(&what, PATIENCE, || http(&client, address, "hostname"))?;
        wait_for(&what, PATIENCE, || udp(lab, &client, SocketAddr::new(address, 81), "hostname"))?;
    }
    iptables_know(&lab.node("n1"), address)?;
    // What cannot be had is said, and costs nothing else.
    scene.load_balancer("four", &format!("loadBalancerIP: {}", pool.v4[0]))?;
    scene.refusal("four", "FamilyMismatch")?;

    let first = settled_owner(scene.cluster, address)?;
    lab.silence(&first)?;
    wait_for("the other node answers", PATIENCE, || {
        let now = owner(lab, address)?;
        ensure!(now != first, "{now} still does");
        Ok(())
    })?;
    wait_for(&format!("{address} answers after it moved"), PATIENCE, || {
        http(&lab.client_routed(), address, "hostname")
    })?;
    lab.unsilence(&first)
}

/// etcd gets a copy from before a Service was deleted and another one made, while the controllers run.
fn restored(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    scene.remote_pool("far", "2001:db8:7::/125")?;
    far(scene, "deleted")?;
    let deleted = scene.address("deleted")?;
    lab.save_store()?;
    scene.kubectl(&["delete", "service", "deleted"])?;
    far(scene, "forgotten")?;
    scene.address("forgotten")?;
    lab.restore_store()?;

    // It is back, with its address; the one made since is gone, and its address is free.
    let back = wait_for("the deleted Service is back", PATIENCE, || scene.service("deleted"))?;
    ensure!(back.addresses() == [deleted], "it had {deleted} and has {:?}", back.addresses());
    ensure!(scene.service("forgotten").is_err(), "the storage was not set back");
    let rest = FAR_ADDRESSES - 1;
    for number in 0..rest {
        far(scene, &format!("next-{number}"))?;
    }
    let mut all = vec![deleted];
    for number in 0..rest {
        all.push(scene.address(&format!("next-{number}"))?);
    }
    let distinct: BTreeSet<IpAddr> = all.iter().copied().collect();
    ensure!(distinct.len() == FAR_ADDRESSES, "not all of these are different: {all:?}");
    ensure!(scene.address("deleted")? == deleted, "{deleted} was taken from the Service that came back");
    far(scene, "one-too-many")?;
    scene.refusal("one-too-many", "PoolExhausted").map(drop)
}

const FAR_ADDRESSES: usize = 8;

fn far(scene: &Scene<'_>, name: &str) -> Result<()> {
    let annotation = format!("ferrolb.io/address-pool: {}-far", scene.namespace);
    scene.annotated_load_balancer(name, &annotation, "allocateLoadBalancerNodePorts: false")
}
