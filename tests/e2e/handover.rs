//! VIPs that move because somebody wants it: what was planned loses nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::client::{owned_by, owner, settled_owner};
use crate::cluster::NAMESPACE;
use crate::flow::Flow;
use crate::owners::Vip;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

/// Long enough for a move that should not happen.
const A_WHILE: Duration = Duration::from_secs(4);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("handover_of_a_drained_node_loses_nothing", Disturbs::Everybody, drained),
        trial("handover_of_a_cordoned_node_is_for_good", Disturbs::Everybody, cordoned),
        trial("handover_to_the_node_that_a_service_names", Disturbs::Everybody, moved),
        trial("handover_by_rebalance_evens_out", Disturbs::Everybody, rebalanced),
        trial("handover_in_a_rolling_restart_loses_nothing", Disturbs::Everybody, restarted),
    ]
}

fn drained(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let flow = flow(&vip)?;
    let told = scene.plugin_json(0, &["drain", &vip.owner], "");
    let undone = scene.plugin(&["drain", &vip.owner, "--undo"], "");
    let told = told?;
    ensure!(told["drained"] == true, "{told}");
    let undone = undone?;
    ensure!(undone.code == 0 && undone.stdout.contains("may answer for VIPs again"), "{undone:?}");
    lost_nothing_and_moved(flow, &vip)?;
    vip.has_one_owner_for_good()?;
    let answer = scene.plugin(&["drain", "n77"], "")?;
    ensure!(answer.code == 1 && answer.stderr.contains("there is no node n77"), "{answer:?}");
    Ok(())
}

fn cordoned(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let flow = flow(&vip)?;
    vip.lab().kubectl(&["cordon", &vip.owner])?;
    let moved = wait_for("the VIP leaves the cordoned node", PATIENCE, || {
        let now = owner(vip.lab(), vip.address)?;
        ensure!(now != vip.owner, "it does not");
        Ok(now)
    });
    let members = scene.plugin_json(0, &["l2", "members", &vip.owner], "");
    vip.lab().kubectl(&["uncordon", &vip.owner])?;
    let (moved, members) = (moved?, members?);
    let flags = members["items"][0]["flags"].to_string();
    ensure!(flags.contains("cordoned") && flags.contains("handsOver"), "{members}");
    std::thread::sleep(A_WHILE);
    owned_by(vip.lab(), vip.address, &moved)?;
    lost_nothing_and_moved(flow, &vip)?;

    // Where every node is cordoned the VIP stays where it is.
    let last = settled_owner(scene.cluster, vip.address)?;
    let others = scene.cluster.nodes().into_iter().filter(|node| *node != last);
    let order: Vec<String> = others.chain([last.clone()]).collect();
    for node in &order {
        vip.lab().kubectl(&["cordon", node])?;
    }
    std::thread::sleep(A_WHILE);
    let stayed = owner(vip.lab(), vip.address);
    for node in &order {
        vip.lab().kubectl(&["uncordon", node])?;
    }
    let stayed = stayed?;
    ensure!(stayed == last, "the VIP went from {last} to {stayed} though every node is cordoned");
    Ok(())
}

fn moved(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let flow = flow(&vip)?;
    let target =
        scene.cluster.nodes().into_iter().find(|node| *node != vip.owner).context("there are others")?;
    scene.kubectl(&["annotate", "service", "web", &format!("ferrolb.io/move-to={target}")])?;
    owned_by(vip.lab(), vip.address, &target)?;
    lost_nothing_and_moved(flow, &vip)?;
    told(scene, &format!("{} on node {target} (eth0)", vip.address))?;
    scene.kubectl(&["annotate", "--overwrite", "service", "web", "ferrolb.io/move-to=n77"])?;
    let vain =
        "it does not move to n77, which the annotation ferrolb.io/move-to names: there is no such node";
    told(scene, &format!("{} on node {target} (eth0); {vain}", vip.address))?;
    scene.kubectl(&["annotate", "service", "web", "ferrolb.io/move-to-"])?;
    told(scene, &format!("{} on node {target} (eth0)", vip.address))?;
    owned_by(vip.lab(), vip.address, &target)
}

/// Waits until the condition `Announced` says this.
fn told(scene: &Scene<'_>, wanted: &str) -> Result<()> {
    wait_for("the condition says where the VIP is", PATIENCE, || {
        let service = scene.service("web")?;
        let said = service.announced().map(|(_, _, message)| message.to_owned());
        ensure!(said.as_deref() == Some(wanted), "it says {said:?}, not {wanted:?}");
        Ok(())
    })
}

fn rebalanced(scene: &Scene<'_>) -> Result<()> {
    const VIPS: usize = 6;
    let pool = scene.pool("lan", u8::try_from(VIPS)?)?;
    for number in 0..VIPS {
        scene.load_balancer(&format!("web-{number}"), "")?;
    }
    let nodes = scene.cluster.nodes();
    let owned = || -> Result<BTreeMap<String, usize>> {
        let list = scene.plugin(&["l2", "owners", "-o", "json"], "")?;
        let list: Value = serde_json::from_str(&list.stdout).with_context(|| format!("{list:?}"))?;
        let items = list["items"].as_array().context("there are items")?;
        ensure!(items.len() == VIPS, "{} of {VIPS} VIPs are told of", items.len());
        let mut owned = BTreeMap::new();
        for item in items {
            let node = item["node"].as_str().with_context(|| format!("{} has no owner", item["ip"]))?;
            let address: IpAddr = item["ip"].as_str().unwrap_or_default().parse()?;
            let answers = owner(&scene.cluster.lab, address)?;
            ensure!(answers == node, "{address}: {answers} answers, told is {node}");
            *owned.entry(node.to_owned()).or_insert(0) += 1;
        }
        Ok(owned)
    };
    wait_for("every VIP has an owner", PATIENCE, owned)?;
    for node in &nodes[1..] {
        scene.kubectl(&["cordon", node])?;
    }
    let gathered = wait_for("one node has all", PATIENCE, || {
        let owned = owned()?;
        ensure!(owned == BTreeMap::from([(nodes[0].clone(), VIPS)]), "{owned:?}");
        Ok(())
    });
    for node in &nodes[1..] {
        scene.kubectl(&["uncordon", node])?;
    }
    gathered?;
    wait_for("nobody hands over any more", PATIENCE, || {
        let leaving =
            scene.kubectl(&["get", "speakerstates", "-o", "jsonpath={.items[*].status.leaving}"])?;
        ensure!(leaving.trim().is_empty(), "{leaving:?}");
        Ok(())
    })?;
    let foretold = wait_for("the controller sees the nodes stay", PATIENCE, || {
        scene.plugin_json(2, &["rebalance", &pool.name, "--dry-run"], "")
    })?;
    ensure!(foretold["moves"].as_array().is_some_and(|moves| moves.len() == 4), "{foretold}");
    let asked = scene.plugin_json(0, &["rebalance", &pool.name], "")?;
    ensure!(asked["moves"] == foretold["moves"], "{asked} is not {foretold}");
    wait_for("every node has its share", PATIENCE, || {
        let owned = owned()?;
        ensure!(owned.len() == nodes.len() && owned.values().all(|count| *count == 2), "{owned:?}");
        Ok(())
    })?;
    wait_for("it is done and written down", PATIENCE, || {
        let moves = "jsonpath={.items[*].spec.vips[*].layer2.move}";
        let moves = scene.kubectl(&["get", "announcementslices", "-o", moves])?;
        ensure!(moves.is_empty(), "still on their way: {moves}");
        let annotated = r"jsonpath={.metadata.annotations.ferrolb\.io/rebalance} {.status.rebalancedFor}";
        let both = scene.kubectl(&["get", "l2advertisement", &pool.name, "-o", annotated])?;
        ensure!(both.split_once(' ').is_some_and(|(asked, done)| asked == done), "{both}");
        Ok(())
    })?;
    let again = scene.plugin_json(0, &["rebalance", &pool.name, "--dry-run"], "")?;
    ensure!(again["moves"] == Value::Array(Vec::new()), "{again}");
    Ok(())
}

fn restarted(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let flow = flow(&vip)?;
    let speakers = "daemonset/ferrolb-speaker";
    vip.lab().kubectl(&["-n", NAMESPACE, "rollout", "restart", speakers])?;
    vip.lab().kubectl(&["-n", NAMESPACE, "rollout", "status", speakers, "--timeout=180s"])?;
    lost_nothing_and_moved(flow, &vip)?;
    vip.has_one_owner_for_good()
}

/// A client that asks from before what is planned.
fn flow(vip: &Vip<'_>) -> Result<Flow> {
    Flow::start(vip.lab(), vip.address, || vip.probe())
}

/// Another node has answered, and no request since the beginning went unanswered.
fn lost_nothing_and_moved(flow: Flow, vip: &Vip<'_>) -> Result<()> {
    wait_for("another node answers the client", PATIENCE, || {
        let servers = flow.servers();
        ensure!(servers.iter().any(|name| *name != vip.owner), "{servers:?}");
        Ok(())
    })?;
    flow.lost_nothing()
}
