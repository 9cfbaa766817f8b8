//! The API server is away, from all or from one: VIPs are answered and move all the same.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Lab;
use ferrolb_lab::probe::Witness;
use libtest_mimic::Trial;

use crate::client::{owner, settled_owner, some_owner, speaker_metrics};
use crate::cluster::NODES;
use crate::owners::Vip;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

const SPEAKER: &str = "ferrolb-speaker";
const OUTAGE: Duration = Duration::from_secs(30);
/// It counts as lost after ten to twenty seconds; who has lost it alone hands over twenty later.
const LOST: Duration = Duration::from_secs(90);
/// An answer that is later than this was missed: processors are shared, answers are not instant.
const STALL_NS: u64 = 2_000_000_000;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("vips_are_answered_and_move_while_the_api_server_is_away", Disturbs::Everybody, away),
        trial(
            "speakers_that_restart_while_the_api_server_is_away_serve_again",
            Disturbs::Everybody,
            restarted,
        ),
        trial("an_owner_that_has_lost_the_api_server_hands_over", Disturbs::Everybody, cut_off),
    ]
}

fn away(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let start = Instant::now();
    vip.lab().stop_apiserver()?;
    let probe = vip.probe()?;
    // What is to be seen is that nothing happens, for as long as the outage.
    sleep(OUTAGE.saturating_sub(start.elapsed()));
    let report = probe.finish()?;
    let gaps = report.gaps(Witness::Datagram);
    let long = gaps.iter().filter(|(from, to, _)| to.is_none_or(|to| to - from > STALL_NS)).count();
    ensure!(long == 0, "the VIP was not answered while the API server was away: {gaps:?}");
    let servers = report.servers(Witness::Datagram);
    ensure!(servers.len() == 1, "the VIP moved because the API server was away: {servers:?}");

    let now = vip.moves_when(|lab, owner| lab.silence(owner))?;
    vip.lab().unsilence(&vip.owner)?;
    vip.lab().start_apiserver()?;
    scene.cluster.mend()?;
    ensure!(some_owner(vip.lab(), vip.address)? == now, "the VIP moved because the API server came back");
    ensure!(scene.service("web")?.addresses() == [vip.address], "the Service lost its address");
    Ok(())
}

fn restarted(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    vip.lab().stop_apiserver()?;

    // One that does not own: nobody outside notices.
    let bystander = NODES.iter().find(|node| **node != vip.owner).context("there is more than one node")?;
    let probe = vip.probe()?;
    vip.lab().node(bystander).kill(SPEAKER)?;
    works_from_its_last_configuration(&vip, bystander)?;
    let report = probe.finish()?;
    let servers = report.servers(Witness::Datagram);
    ensure!(servers.len() == 1, "the VIP moved because another speaker was restarted: {servers:?}");
    // The one that owns: another takes over, and one that came back with what it had written down is as good as any.
    vip.moves_when(|lab, owner| lab.node(owner).kill(SPEAKER).map(drop))?;
    works_from_its_last_configuration(&vip, &vip.owner)?;

    for node in NODES {
        vip.lab().node(node).kill(SPEAKER)?;
    }
    wait_for("a restarted speaker answers", PATIENCE, || owner(vip.lab(), vip.address))?;
    for node in NODES {
        works_from_its_last_configuration(&vip, node)?;
    }
    vip.lab().start_apiserver()?;
    scene.cluster.mend()?;
    vip.has_one_owner_for_good()
}

/// Waits until the speaker of `node` is back, with what it wrote down when it had the API.
fn works_from_its_last_configuration(vip: &Vip<'_>, node: &str) -> Result<()> {
    wait_for(&format!("the speaker of {node} works from its last configuration"), PATIENCE, || {
        let metrics = speaker_metrics(vip.lab(), node)?;
        let stale = metrics.sum("ferrolb_speaker_configuration_stale", &[]);
        ensure!(stale == 1.0, "its metric says {stale}");
        Ok(())
    })
}

/// Nothing but the way from the owner to the API server is cut: others hear it, and hear the API server. What it serves it gives
/// to one of them, without a moment in which nobody answers.
fn cut_off(scene: &Scene<'_>) -> Result<()> {
    let vip = Vip::up(scene)?;
    let probe = vip.probe()?;
    // Under Local the VIP would have to leave the node anyhow: its pods are unready once Kubernetes has missed it for 40 s.
    scene.kubectl(&["patch", "service", "web", "-p", r#"{"spec": {"externalTrafficPolicy": "Cluster"}}"#])?;
    ensure!(settled_owner(scene.cluster, vip.address)? == vip.owner, "the VIP moved because of its policy");
    let before = evictions(vip.lab())?;
    vip.lab().partition(&[&[vip.owner.as_str()], &["cp"]])?;
    let start = Instant::now();
    let heir = wait_for("a node that hears the API server answers", LOST, || {
        let now = owner(vip.lab(), vip.address)?;
        ensure!(now != vip.owner, "{now} still does");
        Ok(now)
    })?;
    println!("outage: handed over to {heir} after {:.1?}", start.elapsed());
    let report = probe.finish()?;
    let gaps = report.gaps(Witness::Datagram);
    let long = gaps.iter().filter(|(from, to, _)| to.is_none_or(|to| to - from > STALL_NS)).count();
    ensure!(long == 0, "the VIP was not answered while it was handed over: {gaps:?}");
    ensure!(evictions(vip.lab())? == before, "it was asked for the VIP; it did not give it away by itself");

    vip.lab().heal()?;
    scene.cluster.mend()?;
    ensure!(
        some_owner(vip.lab(), vip.address)? == heir,
        "the VIP moved because the API server is heard again"
    );
    Ok(())
}

/// How often speakers asked an owner with an old plan for its VIPs.
fn evictions(lab: &Lab) -> Result<f64> {
    let asked = |node| {
        Ok(speaker_metrics(lab, node)?.sum("ferrolb_speaker_messages_sent_total", &["kind=\"eviction\""]))
    };
    NODES.into_iter().map(asked).sum()
}
