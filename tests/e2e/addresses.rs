//! Which address a Service gets, and which Services get none.

use std::net::IpAddr;

use anyhow::{Result, bail, ensure};
use libtest_mimic::Trial;

use crate::cluster::NAMESPACE;
use crate::scene::Scene;
use crate::service::Service;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("requested_addresses_are_given_or_refused_with_the_cause", Disturbs::Nobody, requested),
        trial("only_services_of_our_class_are_served", Disturbs::Nobody, classes),
        trial("a_foreign_ingress_is_left_alone", Disturbs::Nobody, foreign_ingress),
        trial("an_address_survives_a_change_of_type_and_back", Disturbs::Nobody, type_and_back),
        trial("the_class_flag_turned_off_leaves_status_alone", Disturbs::Everybody, class_flag_off),
    ]
}

fn requested(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 6)?;
    let [first, second, third] = [pool.v4[3], pool.v4[2], pool.v4[4]].map(IpAddr::from);
    scene.annotated_load_balancer("annotated", &format!("ferrolb.io/load-balancer-ips: {first}"), "")?;
    scene.load_balancer("field", &format!("loadBalancerIP: {second}"))?;
    scene.annotated_load_balancer("twin", &format!("metallb.io/loadBalancerIPs: {third}"), "")?;
    scene.annotated_load_balancer("named", &format!("ferrolb.io/address-pool: {}", pool.name), "")?;
    for (name, wanted) in [("annotated", first), ("field", second), ("twin", third)] {
        let address = scene.address(name)?;
        ensure!(address == wanted, "{name} has {address}, not {wanted}");
    }
    let named = scene.address("named")?;
    ensure!(pool.v4.iter().any(|own| named == *own), "{named} is not of {}", pool.name);

    scene.annotated_load_balancer("taken", &format!("ferrolb.io/load-balancer-ips: {first}"), "")?;
    let message = scene.refusal("taken", "AddressTaken")?;
    ensure!(message.contains(&format!("{}/annotated", scene.namespace)), "who has it is not told: {message}");
    scene.load_balancer("outside", "loadBalancerIP: 203.0.113.77")?;
    let message = scene.refusal("outside", "AddressInNoPool")?;
    ensure!(message.contains("203.0.113.77"), "the address is not told: {message}");
    scene.annotated_load_balancer("nowhere", "ferrolb.io/address-pool: nowhere", "")?;
    let message = scene.refusal("nowhere", "PoolNotFound")?;
    ensure!(message.contains("nowhere"), "the pool is not told: {message}");
    scene.annotated_load_balancer("garbled", "ferrolb.io/load-balancer-ips: near-the-door", "")?;
    let message = scene.refusal("garbled", "InvalidRequest")?;
    ensure!(message.contains("near-the-door"), "what cannot be understood is not told: {message}");

    scene.kubectl(&["delete", "service", "annotated"])?;
    ensure!(scene.address("taken")? == first, "the address that was asked for became free and is not given");
    Ok(())
}

fn classes(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 4)?;
    scene.load_balancer("theirs", "loadBalancerClass: example.com/other")?;
    scene.load_balancer("ours", "loadBalancerClass: ferrolb.io/lb")?;
    scene.load_balancer("none", "")?;
    for (name, kind) in [("cluster-ip", "ClusterIP"), ("node-port", "NodePort")] {
        scene.apply(&format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{type: {kind}, selector: {{app: web}}, ports: [{{port: 80}}]}}}}"
        ))?;
    }
    scene.address("ours")?;
    scene.address("none")?;
    // Whoever came later has been served by now, so those that came before never will be.
    scene.load_balancer("last", "")?;
    scene.address("last")?;
    for name in ["theirs", "cluster-ip", "node-port"] {
        let service = scene.service(name)?;
        ensure!(
            service.addresses().is_empty() && service.allocated().is_none(),
            "{name} was touched: {service:?}"
        );
    }
    Ok(())
}

fn foreign_ingress(scene: &Scene<'_>) -> Result<()> {
    // No pool serves the namespace yet, so both wait and somebody else can be first.
    for name in ["cloud", "adopted"] {
        scene.load_balancer(name, "")?;
        scene.waiting(name)?;
    }
    let pool = scene.planned_pool("lan", 4)?;
    let ours = IpAddr::from(pool.v4[2]);
    set_ingress(scene, "cloud", "203.0.113.9")?;
    set_ingress(scene, "adopted", &ours.to_string())?;
    scene.cluster.lab.apply(&pool.manifest)?;

    // An ingress whose addresses are all in our pools came from a predecessor and is kept as our own.
    let adopted = scene.address("adopted")?;
    ensure!(adopted == ours, "the predecessor's {ours} became {adopted}");
    scene.load_balancer("last", "")?;
    scene.address("last")?;
    let cloud = scene.service("cloud")?;
    let foreign: IpAddr = "203.0.113.9".parse()?;
    ensure!(cloud.addresses() == [foreign], "the foreign ingress became {:?}", cloud.addresses());
    let allocated = cloud.allocated();
    ensure!(allocated.is_none_or(|(status, ..)| status != "True"), "it is called ours: {allocated:?}");
    wait_for("the foreign ingress is told of", PATIENCE, || {
        let events = scene.kubectl(&["get", "events", "--field-selector", "involvedObject.name=cloud"])?;
        ensure!(events.contains("ForeignIngress"), "the Events are {events}");
        Ok(())
    })
}

/// Writes a Service's ingress as another load balancer would.
fn set_ingress(scene: &Scene<'_>, name: &str, address: &str) -> Result<()> {
    let patch = format!(r#"{{"status":{{"loadBalancer":{{"ingress":[{{"ip":"{address}"}}]}}}}}}"#);
    let arguments = ["patch", "service", name, "--subresource=status", "--type=merge", "-p", &patch];
    scene.kubectl(&arguments).map(drop)
}

fn type_and_back(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 3)?;
    scene.load_balancer("web", "")?;
    let before = scene.address("web")?;
    set_type(scene, "ClusterIP")?;
    wait_for("the ingress is gone", PATIENCE, || {
        let addresses = scene.service("web")?.addresses();
        ensure!(addresses.is_empty(), "it is {addresses:?}");
        Ok(())
    })?;
    scene.load_balancer("other", "")?;
    let other = scene.address("other")?;
    ensure!(other != before, "a freed address went to the next Service though others were never used");
    set_type(scene, "LoadBalancer")?;
    let after = scene.address("web")?;
    ensure!(after == before, "the Service had {before} and came back with {after}");
    Ok(())
}

fn set_type(scene: &Scene<'_>, kind: &str) -> Result<()> {
    let patch = format!(r#"{{"spec":{{"type":"{kind}"}}}}"#);
    scene.kubectl(&["patch", "service", "web", "--type=merge", "-p", &patch]).map(drop)
}

fn class_flag_off(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 4)?;
    scene.load_balancer("before", "")?;
    let before = scene.address("before")?;
    set_default_class(scene, "FERROLB_DEFAULT_CLASS=false")?;
    let checked = (|| -> Result<()> {
        scene.load_balancer("after", "")?;
        scene.load_balancer("ours", "loadBalancerClass: ferrolb.io/lb")?;
        let ours = scene.address("ours")?;
        let [kept, after] = [scene.service("before")?, scene.service("after")?];
        ensure!(kept.addresses() == [before], "its status became {:?}", kept.addresses());
        ensure!(untouched(&after), "a Service without class was served: {after:?}");
        ensure!(ours != before, "the address of a Service that is left alone was given to another");
        Ok(())
    })();
    set_default_class(scene, "FERROLB_DEFAULT_CLASS-")?;
    checked?;
    scene.address("after").map(drop)
}

fn untouched(service: &Service) -> bool {
    service.addresses().is_empty() && service.allocated().is_none()
}

fn set_default_class(scene: &Scene<'_>, variable: &str) -> Result<()> {
    let lab = &scene.cluster.lab;
    lab.kubectl(&["-n", NAMESPACE, "set", "env", "deployment/ferrolb-controller", variable])?;
    let status = ["-n", NAMESPACE, "rollout", "status", "deployment/ferrolb-controller", "--timeout=180s"];
    let output = lab.kubectl(&status)?;
    if !output.contains("successfully rolled out") {
        bail!("the controllers were not replaced: {output}");
    }
    Ok(())
}
