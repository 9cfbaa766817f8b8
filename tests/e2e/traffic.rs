//! From a Service to an answer at its address.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::client::{http, owned_by, udp};
use crate::proxy::iptables_know;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_service_answers_over_both_protocols_and_families_near_and_far",
            Disturbs::Nobody,
            both_of_everything,
        ),
        trial(
            "local_policy_keeps_the_client_address_and_follows_the_endpoint",
            Disturbs::Nobody,
            local_policy,
        ),
        trial("kube_proxy_with_iptables_serves_both_families_and_policies", Disturbs::Nobody, iptables),
    ]
}

fn both_of_everything(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = scene.pool("lan", 2)?;
    scene.load_balancer("web", "ipFamilyPolicy: RequireDualStack")?;
    agnhost(scene, &["n1", "n3"])?;
    let addresses = scene.addresses("web")?;
    ensure!(addresses.len() == 2, "{addresses:?} are not one of each family");
    ensure!(
        addresses.iter().any(|address| pool.v4.iter().any(|own| address == own)),
        "{addresses:?}: no IPv4 of the pool"
    );
    ensure!(
        addresses.iter().any(|address| pool.v6.iter().any(|own| address == own)),
        "{addresses:?}: no IPv6 of the pool"
    );

    let shown = scene.kubectl(&["get", "service", "web"])?;
    ensure!(shown.contains(&addresses[0].to_string()), "EXTERNAL-IP is not shown: {shown}");
    for client in [lab.client(), lab.client_routed()] {
        for address in &addresses {
            let what = format!("{address} answers {}", client.name());
            let pod = wait_for(&what, PATIENCE, || http(&client, *address, "hostname"))?;
            ensure!(pod.ends_with("-web"), "{what}, but it says {pod:?}");
            let pod =
                wait_for(&what, PATIENCE, || udp(lab, &client, SocketAddr::new(*address, 81), "hostname"))?;
            ensure!(pod.trim().ends_with("-web"), "{what} on UDP, but it says {pod:?}");
        }
    }
    Ok(())
}

fn local_policy(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    scene.pool("lan", 1)?;
    agnhost(scene, &["n2"])?;
    scene.load_balancer("web", "externalTrafficPolicy: Local")?;
    let address = scene.address("web")?;
    let clients = [(lab.client(), "192.0.2.100"), (lab.client_routed(), "198.51.100.10")];
    let check = |node: &str| -> Result<()> {
        owned_by(lab, address, node)?;
        for (client, own) in &clients {
            let seen =
                wait_for(&format!("{address} answers"), PATIENCE, || http(client, address, "clientip"))?;
            ensure!(seen.starts_with(&format!("{own}:")), "the pod sees {seen}, not {own}");
        }
        Ok(())
    };
    check("n2")?;

    scene.kubectl(&["delete", "pod", "n2-web", "--wait"])?;
    agnhost(scene, &["n3"])?;
    check("n3")
}

/// On the node that kube-proxy makes rules of iptables on, with a pod there and one elsewhere.
fn iptables(scene: &Scene<'_>) -> Result<()> {
    const NODE: &str = "n3";
    let lab = &scene.cluster.lab;
    scene.pool("lan", 2)?;
    agnhost(scene, &["n1", NODE])?;
    let clients = [
        (lab.client(), ["192.0.2.100", "2001:db8:1::100"]),
        (lab.client_routed(), ["198.51.100.10", "2001:db8:2::10"]),
    ];
    for policy in ["Cluster", "Local"] {
        let (name, both) = (policy.to_lowercase(), "ipFamilyPolicy: RequireDualStack");
        let spec = format!("externalTrafficPolicy: {policy}, {both}");
        scene.annotated_load_balancer(&name, &format!("ferrolb.io/move-to: {NODE}"), &spec)?;
        let addresses = scene.addresses(&name)?;
        ensure!(addresses.len() == 2, "{addresses:?} are not one of each family");
        for address in addresses {
            owned_by(lab, address, NODE)?;
            let what = format!("{address} answers");
            for (client, own) in &clients {
                let seen = wait_for(&what, PATIENCE, || http(client, address, "clientip"))?;
                wait_for(&what, PATIENCE, || udp(lab, client, SocketAddr::new(address, 81), "hostname"))?;
                let kept = own.iter().any(|own| seen.contains(own));
                ensure!(
                    kept == (policy == "Local"),
                    "under {policy} the pod sees {seen}, and the client is one of {own:?}"
                );
            }
            iptables_know(&lab.node(NODE), address)?;
        }
    }
    Ok(())
}
