//! What speakers say of each other: who is heard, how often, and that it is kept for the next run.

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("cli_l2_members_tells_who_hears_whom", Disturbs::Nobody, heard)]
}

fn heard(scene: &Scene<'_>) -> Result<()> {
    let nodes = scene.cluster.nodes();
    wait_for("each speaker says that it hears the others", PATIENCE, || {
        let list = scene.plugin_json(0, &["l2", "members"], "")?;
        for node in &nodes {
            let segment = segment_of(&list, node)?;
            let heard: Vec<&str> =
                segment["heard"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            ensure!(nodes.iter().filter(|other| *other != node).eq(heard), "{node} says {segment}");
            let interval = &segment["heartbeatMilliseconds"];
            ensure!(*interval == 25 || *interval == 50, "{node} says {segment}");
            ensure!(segment["relaxed"] == false && segment["isolated"] == false, "{node} says {segment}");
        }
        Ok(())
    })?;
    let table = scene.plugin(&["l2", "members", &nodes[0], "-o", "wide"], "")?.stdout;
    let others = nodes[1..].join(",");
    ensure!(table.contains("HEARTBEAT") && table.contains(&others), "-o wide does not say who: {table}");

    for node in &nodes {
        let kept = scene.cluster.lab.node(node).check(["cat", "/run/ferrolb/speaker/configuration.json"])?;
        let kept: Value = serde_json::from_str(&kept)?;
        let acquainted = kept["acquainted"].as_array().context("interfaces are kept")?;
        ensure!(acquainted.contains(&"eth0".into()), "on {node} these are kept: {acquainted:?}");
    }
    Ok(())
}

/// What the list of members says of a node's interface on the segment.
fn segment_of<'a>(list: &'a Value, node: &str) -> Result<&'a Value> {
    let find = |list: &'a Value, key: &str, name: &str| {
        list.as_array().into_iter().flatten().find(|one| one[key] == name)
    };
    let member = find(&list["items"], "node", node).with_context(|| format!("{node} is not told of"))?;
    find(&member["interfaces"], "name", "eth0").with_context(|| format!("{node} has no eth0: {member}"))
}
