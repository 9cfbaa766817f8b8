//! Fields of a Service's spec, given and changed while it is served; its status changed by hand.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::client::{http, udp};
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("one_port_serves_tcp_and_udp_without_node_ports", Disturbs::Nobody, mixed_without_node_ports),
        trial("the_family_policy_of_a_served_service_changes", Disturbs::Nobody, family_policy),
        trial("the_traffic_policy_of_a_served_service_changes", Disturbs::Nobody, traffic_policy),
        trial("a_status_edited_by_hand_is_put_right", Disturbs::Nobody, edited_status),
    ]
}

fn mixed_without_node_ports(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    scene.pool("lan", 1)?;
    agnhost(scene, &["n2"])?;
    scene.apply(
        "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  allocateLoadBalancerNodePorts: false
  selector: {app: web}
  ports:
  - {name: tcp, port: 80, targetPort: web-tcp}
  - {name: udp, port: 80, protocol: UDP, targetPort: web-udp}
",
    )?;
    let address = scene.address("web")?;
    let ports = scene.kubectl(&["get", "service", "web", "-o", "jsonpath={.spec.ports[*].nodePort}"])?;
    ensure!(ports.is_empty(), "it has node ports: {ports}");
    let client = lab.client();
    let what = format!("{address} answers on port 80");
    wait_for(&what, PATIENCE, || http(&client, address, "hostname"))?;
    wait_for(&what, PATIENCE, || udp(lab, &client, SocketAddr::new(address, 80), "hostname"))?;
    Ok(())
}

fn family_policy(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 2)?;
    scene.load_balancer("web", "ipFamilyPolicy: SingleStack, ipFamilies: [IPv4]")?;
    let first = scene.address("web")?;
    let becomes = |policy: &str, count: usize| -> Result<Vec<IpAddr>> {
        patch(scene, "web", &format!(r#"{{"spec":{{"ipFamilyPolicy":"{policy}"}}}}"#))?;
        wait_for(&format!("{policy} gives {count} addresses"), PATIENCE, || {
            let service = scene.service("web")?;
            let addresses = service.addresses();
            ensure!(addresses.len() == count, "it has {addresses:?}");
            ensure!(service.allocated().is_some_and(|(status, ..)| status == "True"), "{service:?}");
            ensure!(addresses[0] == first, "the first address was {first} and is {}", addresses[0]);
            Ok(addresses)
        })
    };
    let both = becomes("PreferDualStack", 2)?;
    let required = becomes("RequireDualStack", 2)?;
    ensure!(both == required, "{both:?} became {required:?}");
    becomes("SingleStack", 1)?;
    becomes("RequireDualStack", 2).map(drop)
}

fn traffic_policy(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    scene.pool("lan", 2)?;
    agnhost(scene, &["n2"])?;
    scene.load_balancer("web", "")?;
    let before = scene.address("web")?;
    let client = lab.client();
    for policy in ["Local", "Cluster"] {
        patch(scene, "web", &format!(r#"{{"spec":{{"externalTrafficPolicy":"{policy}"}}}}"#))?;
        wait_for(&format!("{before} answers under {policy}"), PATIENCE, || {
            let seen = http(&client, before, "clientip")?;
            let kept = seen.starts_with("192.0.2.100:");
            ensure!(kept || policy == "Cluster", "the pod sees {seen}");
            Ok(())
        })?;
        let now = scene.address("web")?;
        ensure!(now == before, "{before} became {now} under {policy}");
    }
    Ok(())
}

fn edited_status(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 3)?;
    scene.load_balancer("web", "")?;
    scene.load_balancer("other", "")?;
    let [before, others] = [scene.address("web")?, scene.address("other")?];
    let free = pool.v4.iter().map(|own| IpAddr::from(*own)).find(|own| *own != before && *own != others);
    let free = free.expect("two of three are taken");
    let edits = [
        ("removed", r#"{"status":{"loadBalancer":{"ingress":null}}}"#.to_owned()),
        ("changed to a free one", ingress(&[free])),
        ("changed to another's", ingress(&[others])),
        ("doubled", ingress(&[before, others])),
        ("joined by a stranger", ingress(&[before, "203.0.113.9".parse()?])),
    ];
    for (what, edit) in edits {
        let arguments = ["patch", "service", "web", "--subresource=status", "--type=merge", "-p", &edit];
        scene.kubectl(&arguments)?;
        wait_for(&format!("an address that was {what} is put right"), PATIENCE, || {
            let service = scene.service("web")?;
            let addresses = service.addresses();
            ensure!(addresses == [before], "the ingress is {addresses:?}, not {before}");
            Ok(())
        })?;
    }
    ensure!(scene.address("other")? == others, "the edits moved another Service");
    Ok(())
}

fn ingress(addresses: &[IpAddr]) -> String {
    let points: Vec<String> = addresses.iter().map(|address| format!(r#"{{"ip":"{address}"}}"#)).collect();
    format!(r#"{{"status":{{"loadBalancer":{{"ingress":[{}]}}}}}}"#, points.join(","))
}

fn patch(scene: &Scene<'_>, name: &str, patch: &str) -> Result<()> {
    scene.kubectl(&["patch", "service", name, "--type=merge", "-p", patch]).map(drop)
}
