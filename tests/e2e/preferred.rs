//! Nodes that an advertisement prefers: they answer for what is placed from then on, and for the rest when somebody asks for that.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::client::owned_by;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "preferred_nodes_answer_for_new_vips_and_for_others_after_rebalance",
        Disturbs::Nobody,
        preferred,
    )]
}

fn preferred(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = scene.pool("lan", 3)?.name;
    // Two selectors match n3, and their weights together are the greatest.
    prefer(scene, &pool, &[(60, &["n2"]), (50, &["n1", "n3"]), (20, &["n3"])])?;
    let first = placed(scene, "first", &["n3", "n2", "n1"])?;
    let second = placed(scene, "second", &["n3", "n2", "n1"])?;

    prefer(scene, &pool, &[(1, &["n1"])])?;
    let third = placed(scene, "third", &["n1"])?;
    for (address, node) in [(first, "n3"), (second, "n3"), (third, "n1")] {
        owned_by(lab, address, node)?;
    }
    let kept = [scene.candidates(first)?, scene.candidates(second)?];
    ensure!(kept.iter().all(|kept| *kept == ["n3", "n2", "n1"]), "the edit changed orders: {kept:?}");

    let told = scene.plugin_json(0, &["rebalance", &pool], "")?;
    let moves: Vec<&Value> = told["moves"].as_array().into_iter().flatten().map(|one| &one["to"]).collect();
    ensure!(moves == ["n1", "n1"], "these are to move: {told}");
    for address in [first, second] {
        owned_by(lab, address, "n1")?;
    }
    Ok(())
}

/// A new Service, once its candidates begin so; its address.
fn placed(scene: &Scene<'_>, name: &str, first: &[&str]) -> Result<IpAddr> {
    scene.load_balancer(name, "")?;
    let address = scene.address(name)?;
    let candidates = wait_for(&format!("{address} is placed"), PATIENCE, || {
        let candidates = scene.candidates(address)?;
        ensure!(candidates.len() == 3, "{candidates:?}");
        Ok(candidates)
    })?;
    let as_wanted = candidates.iter().zip(first).all(|(is, wanted)| is == wanted);
    ensure!(as_wanted, "{name} goes to {candidates:?}, not {first:?}");
    Ok(address)
}

/// Gives the advertisement these preferences and waits until the controller has read them.
fn prefer(scene: &Scene<'_>, advertisement: &str, weights: &[(u8, &[&str])]) -> Result<()> {
    let one = |(weight, nodes): &(u8, &[&str])| {
        let named = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": nodes});
        json!({"weight": weight, "selector": {"matchExpressions": [named]}})
    };
    let preferred: Vec<Value> = weights.iter().map(one).collect();
    let patch = json!({"spec": {"preferredNodes": preferred}}).to_string();
    scene.kubectl(&["patch", "l2advertisement", advertisement, "--type=merge", "-p", &patch])?;
    wait_for("the controller has read the advertisement", PATIENCE, || {
        let read = r#"jsonpath={.metadata.generation} {.status.conditions[?(@.type=="Accepted")].observedGeneration}"#;
        let read = scene.kubectl(&["get", "l2advertisement", advertisement, "-o", read])?;
        let same = read.split_once(' ').is_some_and(|(is, read)| is == read);
        ensure!(same, "its generation, and the one that was read: {read}");
        Ok(())
    })
}
