//! Three routers of one node, each of which is told something else, and what goes wrong with one of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::{Peer, Route, Session};
use ipnet::IpNet;

use super::rack::{NODES_AS, ROUTERS_AS, at, host, instance, plain, router};
use crate::cluster::NAMESPACE;
use crate::scene::Scene;
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

const NODE: &str = "n1";
const ON_NODE: &str = "nodeSelectors: [{matchLabels: {kubernetes.io/hostname: n1}}]";

fn with_password(password: &str) -> impl Fn(Session) -> Session {
    move |session| Session { password: Some(password.into()), ..session }
}

pub(super) fn each_its_own(scene: &Scene<'_>) -> Result<()> {
    agnhost(scene, &["n1"])?;
    let secret = format!("{}-word", scene.namespace);
    let result = secret_of(scene, &secret, "correct-horse").and_then(|()| told(scene, &secret));
    scene.cluster.lab.kubectl(&["-n", NAMESPACE, "delete", "secret", &secret, "--ignore-not-found"])?;
    result
}

fn told(scene: &Scene<'_>, secret: &str) -> Result<()> {
    let mut bird = router(scene, 2, RouterProgram::Bird, &[NODE], with_password("correct-horse"));
    let gobgp = router(scene, 3, RouterProgram::GoBgp, &[NODE], |session| session);
    let frr = router(scene, 4, RouterProgram::Frr, &[NODE], |session| session);
    let pool = scene.remote_pool("far", "198.18.2.0/28")?;
    let to_bird = scene.bgp_peer(2, &format!("passwordSecret: {{name: {secret}}}, {ON_NODE}"))?;
    let to_gobgp = scene.bgp_peer(3, ON_NODE)?;
    let to_frr = scene.bgp_peer(4, ON_NODE)?;
    let two = [to_bird.as_str(), to_gobgp.as_str()];
    scene.bgp_advertisement("two", &pool, &two, "med: 10, communities: ['64512:1']")?;
    scene.bgp_advertisement("net", &pool, &[&to_frr], "aggregationLength: 28, asPathPrepend: 2")?;
    scene.load_balancer("web", "")?;
    let address = scene.address("web")?;

    let marked =
        |program| Route { med: Some(10), communities: BTreeSet::from([(64512, 1)]), ..plain(NODE, program) };
    let for_bird = [(host(address), marked(RouterProgram::Bird))];
    let for_gobgp = [(host(address), marked(RouterProgram::GoBgp))];
    let net: IpNet = "198.18.2.0/28".parse()?;
    let for_frr = [(net, Route { as_path: vec![NODES_AS; 3], ..plain(NODE, RouterProgram::Frr) })];
    let all_told = |bird: &Peer| {
        bird.hears(&at(2, NODE), &for_bird);
        gobgp.hears(&at(3, NODE), &for_gobgp);
        frr.hears(&at(4, NODE), &for_frr);
    };
    all_told(&bird);

    // One peer that is misconfigured is told what is wrong, and the others do not notice.
    let others = since(scene, &two)?;
    let patch = |asn: u32| {
        let patch = format!(r#"{{"spec": {{"peerASN": {asn}}}}}"#);
        scene.kubectl(&["patch", "bgppeer", &to_frr, "--type=merge", "-p", &patch])
    };
    patch(64999)?;
    let error = wait_for("its session says what is wrong", PATIENCE, || {
        let session = scene.bgp_session(NODE, &to_frr)?;
        let error = session["lastError"].as_str().unwrap_or_default().to_owned();
        ensure!(session["state"] != "Established" && error.contains("64513"), "{session}");
        Ok(error)
    })?;
    let shown = scene.plugin(&["bgp", "peers", &to_frr], "")?;
    ensure!(shown.code == 2 && shown.stdout.contains(&error), "{error:?} is not in {shown:?}");
    frr.hears(&at(4, NODE), &[]);
    ensure!(since(scene, &two)? == others, "the sessions of other peers were disturbed");
    patch(ROUTERS_AS)?;
    all_told(&bird);
    ensure!(since(scene, &two)? == others, "the sessions of other peers were disturbed");

    // Another password holds at once, at this end; the router follows.
    let gobgps = since(scene, &[&to_gobgp])?;
    secret_of(scene, secret, "battery-staple")?;
    wait_for("the session with the old password ends", PATIENCE, || {
        ensure!(!bird.is_established(&at(2, NODE)), "it is up");
        Ok(())
    })?;
    bird.reconfigure(instance(2, &[NODE], with_password("battery-staple")));
    all_told(&bird);
    ensure!(since(scene, &[&to_gobgp])? == gobgps, "the session of another peer was disturbed");

    let web: IpAddr = scene.address("web")?;
    ensure!(web == address, "the Service has another address: {web}");
    Ok(())
}

/// Since when sessions are up.
fn since(scene: &Scene<'_>, peers: &[&str]) -> Result<Vec<String>> {
    let since = peers.iter().map(|peer| {
        let session = scene.bgp_session(NODE, peer)?;
        ensure!(session["state"] == "Established", "{session}");
        Ok(session["since"].as_str().context("since when?")?.to_owned())
    });
    since.collect()
}

fn secret_of(scene: &Scene<'_>, name: &str, password: &str) -> Result<()> {
    scene.cluster.lab.apply(&format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: {NAMESPACE}, labels: {{e2e: {namespace}}}}}
stringData: {{password: {password}}}
",
        namespace = scene.namespace
    ))?;
    Ok(())
}
