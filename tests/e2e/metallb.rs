//! Beside what a MetalLB that is gone left behind: its kinds and objects, and its Services' annotations and statuses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use ferrolb_lab::Checkout;
use libtest_mimic::Trial;

use crate::leader::{dismiss, recall};
use crate::scene::{Pool, Scene};
use crate::trial::{Disturbs, trial};

/// Their definitions, by the names of their files.
const CRDS: [&str; 3] = [
    "metallb.io_ipaddresspools.yaml",
    "metallb.io_l2advertisements.yaml",
    "metallb.io_servicel2statuses.yaml",
];
const KINDS: &str = "ipaddresspools.metallb.io,l2advertisements.metallb.io,servicel2statuses.metallb.io";
const FOREIGN: &str = "203.0.113.20";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("what_metallb_left_is_not_touched", Disturbs::Everybody, left_alone)]
}

fn left_alone(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let names = KINDS.split(',');
    let folder = definitions()?;
    for (file, name) in CRDS.iter().zip(names.clone()) {
        lab.kubectl(&["apply", "--server-side", "-f", &format!("{folder}/{file}")])?;
        lab.kubectl(&["wait", "--for=condition=Established", "crd", name, "--timeout=60s"])?;
    }
    let checked = moved_in_beside(scene);
    for name in names {
        lab.kubectl(&["delete", "crd", name, "--timeout=120s"])?;
    }
    checked
}

/// The folder with MetalLB's own, from its public Go module.
fn definitions() -> Result<String> {
    let script = Checkout::find()?.root().join("hack/rivals/crds.sh");
    let output = Command::new(&script).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{} failed", script.display());
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn moved_in_beside(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    // MetalLB served these before any of our controllers ran.
    dismiss(scene.cluster)?;
    let pool = scene.pool("lan", 3)?;
    leave(scene, &pool)?;
    let before = versions(scene)?;
    recall(scene.cluster)?;

    // It is served when everything else has been looked at.
    scene.load_balancer("new", "")?;
    let new = scene.address("new")?;
    let [inside, other] = [pool.v4[1], pool.v4[2]].map(IpAddr::from);
    ensure!(scene.address("inside")? == inside, "an address that lies in our pools was not adopted as it is");
    ensure!(new != inside && new != other, "{new} was another's and is given to a new Service");
    let annotation = "jsonpath={.metadata.annotations.metallb\\.io/ip-allocated-from-pool}";
    let kept = scene.kubectl(&["get", "service", "inside", "-o", annotation])?;
    ensure!(kept == "theirs", "MetalLB's annotation became {kept:?}");

    let check = || -> Result<()> {
        let mut after = versions(scene)?;
        // These are ours now.
        let adopted = after.remove("service/inside");
        ensure!(adopted.is_some(), "the adopted Service is gone");
        for (name, before) in before.iter().filter(|(name, _)| *name != "service/inside") {
            ensure!(
                after.get(name) == Some(before),
                "{name} was changed: {before} became {:?}",
                after.get(name)
            );
        }
        Ok(())
    };
    check()?;
    // Neither does a new leader touch anything, nor Services around it that come and go.
    scene.kubectl(&["delete", "service", "new"])?;
    dismiss(scene.cluster)?;
    recall(scene.cluster)?;
    scene.load_balancer("newer", "ipFamilies: [IPv6]")?;
    scene.address("newer")?;
    check()?;
    lab.kubectl(&["-n", &scene.namespace, "delete", KINDS, "--all", "--timeout=60s"]).map(drop)
}

/// A pool of MetalLB's, its advertisement, a status, and Services as it leaves them: in our pools, outside, and half.
fn leave(scene: &Scene<'_>, pool: &Pool) -> Result<()> {
    scene.apply(
        "apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: theirs}
spec: {addresses: [192.0.2.0/24, 203.0.113.0/24]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: theirs}
spec: {ipAddressPools: [theirs]}
---
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: l2-left, labels: {metallb.io/node: n1, metallb.io/service-name: inside}}
spec: {}
",
    )?;
    let (inside, half) = (pool.v4[1].to_string(), pool.v4[2].to_string());
    let served: [(&str, &str, &[&str]); 3] = [
        ("inside", "", &[inside.as_str()]),
        ("outside", "", &[FOREIGN]),
        ("half", "ipFamilyPolicy: RequireDualStack", &[half.as_str(), "2001:db8:dead::1"]),
    ];
    for (name, spec, addresses) in served {
        let annotations = "metallb.io/ip-allocated-from-pool: theirs";
        scene.annotated_load_balancer(name, annotations, spec)?;
        let points: Vec<String> =
            addresses.iter().map(|address| format!(r#"{{"ip":"{address}","ipMode":"VIP"}}"#)).collect();
        let patch = format!(r#"{{"status":{{"loadBalancer":{{"ingress":[{}]}}}}}}"#, points.join(","));
        scene.kubectl(&["patch", "service", name, "--subresource=status", "--type=merge", "-p", &patch])?;
    }
    let status = r#"{"status":{"node":"n1","serviceName":"inside","serviceNamespace":"x"}}"#;
    let arguments =
        ["patch", "servicel2status", "l2-left", "--subresource=status", "--type=merge", "-p", status];
    scene.kubectl(&arguments).map(drop)
}

/// The version of everything that MetalLB left, by name.
fn versions(scene: &Scene<'_>) -> Result<BTreeMap<String, String>> {
    let template =
        "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    let mut versions = BTreeMap::new();
    for kinds in [KINDS, "services"] {
        for line in scene.kubectl(&["get", kinds, "-o", template])?.lines() {
            if let Some((name, version)) = line.split_once(' ') {
                let name = name.replace("Service/", "service/");
                let theirs = !name.starts_with("service/new");
                versions.extend(theirs.then(|| (name, version.to_owned())));
            }
        }
    }
    ensure!(versions.len() >= 6, "MetalLB left only {versions:?}");
    Ok(versions)
}
