//! Beside what a MetalLB that is gone left behind: its kinds and objects, and its Services' annotations and statuses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use ferrolb_lab::Checkout;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::leader::{dismiss, recall};
use crate::scene::{Pool, Scene};
use crate::trial::{Disturbs, trial};

/// All of MetalLB's kinds.
const KINDS: [&str; 9] = [
    "bfdprofiles",
    "bgpadvertisements",
    "bgppeers",
    "communities",
    "configurationstates",
    "ipaddresspools",
    "l2advertisements",
    "servicebgpstatuses",
    "servicel2statuses",
];
/// Services whose addresses lie in our pools, so that they are ours from now on.
const ADOPTED: [&str; 4] = ["inside", "named", "shares-a", "shares-b"];
const FOREIGN: &str = "203.0.113.20";
const OLDER: &str = "203.0.113.21";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("what_metallb_left_is_not_touched", Disturbs::Everybody, left_alone)]
}

fn left_alone(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let folder = definitions()?;
    let names = KINDS.map(|kind| format!("{kind}.metallb.io"));
    for (kind, name) in KINDS.iter().zip(&names) {
        lab.kubectl(&["apply", "--server-side", "-f", &format!("{folder}/metallb.io_{kind}.yaml")])?;
        lab.kubectl(&["wait", "--for=condition=Established", "crd", name, "--timeout=60s"])?;
    }
    let checked = moved_in_beside(scene);
    for name in &names {
        lab.kubectl(&["delete", "crd", name, "--timeout=120s"])?;
    }
    checked
}

/// What kubectl takes for all of them.
fn kinds() -> String {
    KINDS.map(|kind| format!("{kind}.metallb.io")).join(",")
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
    let pool = scene.pool("lan", 5)?;
    leave(scene, &pool)?;
    let (before, had) = (versions(scene)?, annotations(scene)?);
    recall(scene.cluster)?;

    // It is served when everything else has been looked at.
    scene.load_balancer("new", "")?;
    let new = scene.address("new")?;
    let theirs: Vec<IpAddr> = pool.v4[1..].iter().map(|address| IpAddr::from(*address)).collect();
    for (name, address) in ADOPTED.iter().zip([theirs[0], theirs[2], theirs[3], theirs[3]]) {
        ensure!(scene.address(name)? == address, "the address of {name} was not adopted as it is");
    }
    ensure!(!theirs.contains(&new), "{new} was another's and is given to a new Service");
    let kept = annotations(scene)?;
    ensure!(kept == had, "MetalLB's annotations were {had:?} and are {kept:?}");

    let check = || -> Result<()> {
        let mut after = versions(scene)?;
        let adopted = |name: &String| ADOPTED.iter().any(|one| *name == format!("service/{one}"));
        let left: Vec<_> = after.extract_if(.., |name, _| adopted(name)).collect();
        ensure!(left.len() == ADOPTED.len(), "of the adopted Services only {left:?} are there");
        for (name, before) in before.iter().filter(|(name, _)| !adopted(name)) {
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
    lab.kubectl(&["-n", &scene.namespace, "delete", &kinds(), "--all", "--timeout=60s"]).map(drop)
}

/// An object of each of MetalLB's kinds, statuses, and Services as it leaves them: in our pools, outside, and half.
fn leave(scene: &Scene<'_>, pool: &Pool) -> Result<()> {
    let object = |version: &str, kind: &str, name: &str, rest: &str| {
        format!("{{apiVersion: metallb.io/{version}, kind: {kind}, metadata: {{name: {name}}}{rest}}}")
    };
    let objects = [
        ("v1beta1", "IPAddressPool", "theirs", ", spec: {addresses: [192.0.2.0/24, 203.0.113.0/24]}"),
        ("v1beta1", "L2Advertisement", "theirs", ", spec: {ipAddressPools: [theirs]}"),
        ("v1beta1", "BGPAdvertisement", "theirs", ", spec: {ipAddressPools: [theirs], communities: [ours]}"),
        ("v1beta1", "Community", "theirs", ", spec: {communities: [{name: ours, value: '64500:1'}]}"),
        ("v1beta1", "BFDProfile", "theirs", ", spec: {receiveInterval: 300}"),
        ("v1beta2", "BGPPeer", "theirs", ", spec: {myASN: 64500, peerASN: 64501, peerAddress: 198.51.100.1}"),
        ("v1beta1", "ServiceL2Status", "l2-left", ", spec: {}"),
        ("v1beta1", "ServiceBGPStatus", "bgp-left", ", spec: {}"),
        ("v1beta1", "ConfigurationState", "controller", ""),
    ];
    let manifests = objects.map(|(version, kind, name, rest)| object(version, kind, name, rest));
    scene.apply(&manifests.join("\n---\n"))?;
    let of_service = r#""node":"n1","serviceName":"inside","serviceNamespace":"x""#;
    let valid = r#""type":"Valid","status":"True","reason":"Valid","message":"","lastTransitionTime":"2026-01-01T00:00:00Z""#;
    for (kind, name, status) in [
        (
            "ipaddresspools",
            "theirs",
            r#""assignedIPv4":5,"availableIPv4":507,"assignedIPv6":0,"availableIPv6":0"#.to_owned(),
        ),
        ("servicel2statuses", "l2-left", of_service.to_owned()),
        ("servicebgpstatuses", "bgp-left", format!(r#"{of_service},"peers":["theirs"]"#)),
        ("configurationstates", "controller", format!(r#""conditions":[{{{valid}}}]"#)),
    ] {
        write_status(scene, &format!("{kind}.metallb.io"), name, &status)?;
    }

    let [inside, half, named, shared] = [1, 2, 3, 4].map(|number| pool.v4[number].to_string());
    let from = "metallb.io/ip-allocated-from-pool: theirs";
    let asks = format!("{from}, metallb.io/address-pool: theirs, metallb.io/loadBalancerIPs: {named}");
    let shares = format!("{from}, metallb.io/allow-shared-ip: key");
    let old = "metallb.universe.tf/ip-allocated-from-pool: theirs, metallb.universe.tf/address-pool: theirs";
    let served: [(&str, &str, &str, &[&str]); 7] = [
        ("inside", from, "", &[&inside]),
        ("named", &asks, "", &[&named]),
        ("outside", from, "", &[FOREIGN]),
        ("older", old, "", &[OLDER]),
        ("half", from, "ipFamilyPolicy: RequireDualStack", &[&half, "2001:db8:dead::1"]),
        ("shares-a", &shares, "", &[&shared]),
        ("shares-b", &shares, "", &[&shared]),
    ];
    for (name, annotations, spec, addresses) in served {
        scene.annotated_load_balancer(name, annotations, spec)?;
        if name == "shares-b" {
            let ports = r#"[{"op":"replace","path":"/spec/ports","value":[{"name":"other","port":82}]}]"#;
            scene.kubectl(&["patch", "service", name, "--type=json", "-p", ports])?;
        }
        let points: Vec<String> =
            addresses.iter().map(|address| format!(r#"{{"ip":"{address}","ipMode":"VIP"}}"#)).collect();
        write_status(
            scene,
            "services",
            name,
            &format!(r#""loadBalancer":{{"ingress":[{}]}}"#, points.join(",")),
        )?;
    }
    Ok(())
}

fn write_status(scene: &Scene<'_>, kind: &str, name: &str, status: &str) -> Result<()> {
    let patch = format!(r#"{{"status":{{{status}}}}}"#);
    scene.kubectl(&["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch]).map(drop)
}

/// The annotations of MetalLB's on Services, a line each.
fn annotations(scene: &Scene<'_>) -> Result<Vec<String>> {
    let list: Value = serde_json::from_str(&scene.kubectl(&["get", "services", "-o", "json"])?)?;
    let mut found = Vec::new();
    for service in list["items"].as_array().into_iter().flatten() {
        let annotations = service["metadata"]["annotations"].as_object();
        let theirs = annotations.into_iter().flatten().filter(|(key, _)| key.starts_with("metallb."));
        found.extend(theirs.map(|(key, value)| format!("{} {key}={value}", service["metadata"]["name"])));
    }
    ensure!(found.len() >= 12, "MetalLB left only {found:?}");
    Ok(found)
}

/// The version of everything that MetalLB left, by name: its definitions, objects, and Services.
fn versions(scene: &Scene<'_>) -> Result<BTreeMap<String, String>> {
    let template =
        "jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
    let mut versions = BTreeMap::new();
    for kinds in [kinds().as_str(), "services"] {
        for line in scene.kubectl(&["get", kinds, "-o", template])?.lines() {
            if let Some((name, version)) = line.split_once(' ') {
                let name = name.replace("Service/", "service/");
                let theirs = !name.starts_with("service/new");
                versions.extend(theirs.then(|| (name, version.to_owned())));
            }
        }
    }
    let definitions = KINDS.map(|kind| format!("{kind}.metallb.io"));
    let get: Vec<&str> = ["get", "crd"].into_iter().chain(definitions.iter().map(String::as_str)).collect();
    let generation =
        "jsonpath={range .items[*]}{.metadata.name} {.metadata.generation} {.metadata.uid}{\"\\n\"}{end}";
    for line in scene.kubectl(&[&get[..], &["-o", generation]].concat())?.lines() {
        versions.extend(line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned())));
    }
    ensure!(versions.len() == 2 * KINDS.len() + 7, "MetalLB left {versions:?}");
    Ok(versions)
}
