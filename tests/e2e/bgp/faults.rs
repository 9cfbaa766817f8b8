//! Nodes that leave, die and return; an API server that is away; speakers that restart.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::{Peer, SETTLED, Session};
use ipnet::IpNet;

use super::rack::{at, host, plain, router, told_by, until};
use super::watch::Watch;
use crate::client::speaker_metrics;
use crate::cluster::{NAMESPACE, NODES};
use crate::scene::Scene;
use crate::shutdown::Logind;
use crate::wait::{PATIENCE, wait_for};
use crate::workload::echo;

/// RFC 8326.
const GRACEFUL_SHUTDOWN: (u16, u16) = (65535, 0);
/// Before these, and no later, a silent node is found out: three packets every 300 ms, or the hold time of 9 s that the routers ask
/// for; with what a busy machine adds.
const BY_BFD: Duration = Duration::from_millis(2_500);
const BY_HOLD_TIME: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(20));
/// Longer than it takes to be told, and to be asked to leave.
const A_WHILE: Duration = Duration::from_secs(3);

pub(super) fn cordoned(scene: &Scene<'_>) -> Result<()> {
    let bird = router(scene, 1, RouterProgram::Bird, &NODES, |session| session);
    let peer = scene.bgp_peer(1, "")?;
    echo(scene)?;
    let prefix = host(scene.told_service("198.18.3.0/28", &[&peer])?);
    told_by(&bird, 1, prefix, &NODES)?;

    scene.kubectl(&["cordon", "n2"])?;
    let asked = until("the node asks to be left", SETTLED, || asks_to_be_left(&bird, "n2", prefix));
    let others_ask = NODES.iter().any(|node| *node != "n2" && asks_to_be_left(&bird, node, prefix));
    let gone = until("its route is withdrawn", SETTLED, || !bird.has(&at(1, "n2"), prefix));
    let stayed = told_by(&bird, 1, prefix, &["n1", "n3"]);
    let up = bird.is_established(&at(1, "n2"));
    scene.kubectl(&["uncordon", "n2"])?;
    asked?;
    stayed?;
    let gone = gone?;
    ensure!(!others_ask, "nodes that stay ask to be left");
    ensure!(gone > A_WHILE, "its route was withdrawn {gone:?} after it had asked, without time to leave it");
    ensure!(up, "the session of a node that is only cordoned ended");
    for node in NODES {
        bird.hears(&at(1, node), &[(prefix, plain(node, RouterProgram::Bird))]);
    }
    Ok(())
}

/// The DaemonSet is taken away: its speakers will not be back, so that they leave as a cordoned node does, and a router that would keep
/// their routes over a restart drops them.
pub(super) fn dismissed(scene: &Scene<'_>) -> Result<()> {
    let bird = router(scene, 1, RouterProgram::Bird, &NODES, |session| Session {
        graceful_restart: Some(60),
        ..session
    });
    let peer = scene.bgp_peer(1, "gracefulRestart: {enabled: true, restartTime: 60s}")?;
    echo(scene)?;
    let prefix = host(scene.told_service("198.18.8.0/28", &[&peer])?);
    told_by(&bird, 1, prefix, &NODES)?;

    scene.cluster.lab.kubectl(&[
        "-n",
        NAMESPACE,
        "delete",
        "daemonset",
        "ferrolb-speaker",
        "--wait=false",
    ])?;
    let asked = until("every node asks to be left", SETTLED, || {
        NODES.iter().all(|node| asks_to_be_left(&bird, node, prefix))
    });
    let gone =
        until("no route is left", SETTLED, || NODES.iter().all(|node| !bird.has(&at(1, node), prefix)));
    let up = NODES.iter().any(|node| bird.is_established(&at(1, node)));
    scene.cluster.install()?;
    asked?;
    let gone = gone?;
    ensure!(
        gone > A_WHILE,
        "routes were withdrawn {gone:?} after that had been asked, without time to leave them"
    );
    ensure!(!up, "sessions outlived the speakers");
    told_by(&bird, 1, prefix, &NODES)
}

/// A node that is shut down leaves, though kubelet ends its speaker in the moment in which it says so.
pub(super) fn shut_down(scene: &Scene<'_>) -> Result<()> {
    const NODE: &str = "n2";
    let lab = &scene.cluster.lab;
    let bird = router(scene, 1, RouterProgram::Bird, &NODES, |session| Session {
        graceful_restart: Some(60),
        ..session
    });
    let peer = scene.bgp_peer(1, "gracefulRestart: {enabled: true, restartTime: 60s}")?;
    echo(scene)?;
    let prefix = host(scene.told_service("198.18.9.0/28", &[&peer])?);
    told_by(&bird, 1, prefix, &NODES)?;

    let node = lab.node(NODE);
    let begun = Logind::start(lab, &node).and_then(|logind| logind.power_off().map(|()| logind));
    let asked = begun.and_then(|_logind| {
        until("the node asks to be left", SETTLED, || asks_to_be_left(&bird, NODE, prefix))?;
        until("its route is withdrawn", SETTLED, || !bird.has(&at(1, NODE), prefix))
    });
    let stayed = told_by(&bird, 1, prefix, &["n1", "n3"]);
    lab.kill_node(NODE)?;
    lab.start_node(NODE)?;
    scene.cluster.mend()?;
    let gone = asked?;
    stayed?;
    ensure!(gone > A_WHILE, "its route was withdrawn {gone:?} after it had asked, without time to leave it");
    told_by(&bird, 1, prefix, &NODES)
}

fn asks_to_be_left(bird: &Peer, node: &str, prefix: IpNet) -> bool {
    let routes = bird.routes(&at(1, node)).unwrap_or_default();
    routes.get(&prefix).is_some_and(|route| route.communities.contains(&GRACEFUL_SHUTDOWN))
}

pub(super) fn dead(scene: &Scene<'_>) -> Result<()> {
    let quick = router(scene, 1, RouterProgram::Bird, &NODES, |session| Session { bfd: true, ..session });
    let slow = router(scene, 2, RouterProgram::Bird, &NODES, |session| session);
    scene.cluster.lab.apply(&format!(
        "apiVersion: ferrolb.io/v1beta1
kind: BFDProfile
metadata: {{name: {namespace}, labels: {{e2e: {namespace}}}}}
spec: {{}}
",
        namespace = scene.namespace
    ))?;
    let with_bfd = scene.bgp_peer(1, &format!("bfdProfile: {}", scene.namespace))?;
    let without = scene.bgp_peer(2, "")?;
    echo(scene)?;
    let prefix = host(scene.told_service("198.18.4.0/28", &[&with_bfd, &without])?);
    told_by(&quick, 1, prefix, &NODES)?;
    told_by(&slow, 2, prefix, &NODES)?;
    for node in NODES {
        wait_for("BFD is up at both ends", PATIENCE, || {
            ensure!(quick.bfd_is_up(&at(1, node)), "not at the router, with {node}");
            let session = scene.bgp_session(node, &with_bfd)?;
            ensure!(session["bfd"] == "Up", "{session}");
            Ok(())
        })?;
    }

    scene.cluster.lab.silence("n3")?;
    let by_bfd = until("the router with BFD leaves it", SETTLED, || !quick.has(&at(1, "n3"), prefix))?;
    let more = until("the router without leaves it", SETTLED, || !slow.has(&at(2, "n3"), prefix))?;
    let by_hold_time = by_bfd + more;
    println!(
        "bgp: a node that is dead is left after {by_bfd:.1?} with BFD, after {by_hold_time:.1?} without"
    );
    ensure!(by_bfd < BY_BFD, "with BFD the node was left after {by_bfd:?}");
    ensure!(
        by_hold_time > BY_HOLD_TIME.0 && by_hold_time < BY_HOLD_TIME.1,
        "without BFD the node was left after {by_hold_time:?}"
    );
    told_by(&quick, 1, prefix, &["n1", "n2"])?;
    scene.cluster.lab.unsilence("n3")?;
    told_by(&quick, 1, prefix, &NODES)?;
    told_by(&slow, 2, prefix, &NODES)
}

pub(super) fn api_away(scene: &Scene<'_>) -> Result<()> {
    let bird = router(scene, 1, RouterProgram::Bird, &NODES, |session| session);
    let peer = scene.bgp_peer(1, "")?;
    echo(scene)?;
    let prefix = host(scene.told_service("198.18.5.0/28", &[&peer])?);
    told_by(&bird, 1, prefix, &NODES)?;

    scene.cluster.lab.stop_apiserver()?;
    sleep(A_WHILE);
    told_by(&bird, 1, prefix, &NODES)?;
    for node in NODES {
        scene.cluster.lab.node(node).kill("ferrolb-speaker")?;
    }
    for node in NODES {
        wait_for(&format!("the speaker of {node} is back without the API server"), PATIENCE, || {
            let stale =
                speaker_metrics(&scene.cluster.lab, node)?.sum("ferrolb_speaker_configuration_stale", &[]);
            ensure!(stale == 1.0, "it works from {stale}");
            Ok(())
        })?;
    }
    for node in NODES {
        bird.hears(&at(1, node), &[(prefix, plain(node, RouterProgram::Bird))]);
    }
    scene.cluster.lab.start_apiserver()?;
    scene.cluster.mend()?;
    told_by(&bird, 1, prefix, &NODES)
}

/// A trial that only restarts speakers, but all of them: so nothing runs beside it.
pub(super) fn restarted(scene: &Scene<'_>) -> Result<()> {
    let knob = Some(60);
    let keeps =
        router(scene, 1, RouterProgram::Frr, &NODES, |session| Session { graceful_restart: knob, ..session });
    let forgets = router(scene, 2, RouterProgram::Frr, &NODES, |session| session);
    let graceful = "gracefulRestart: {enabled: true, restartTime: 60s}";
    let (one, other) = (scene.bgp_peer(1, graceful)?, scene.bgp_peer(2, graceful)?);
    echo(scene)?;
    let prefix = host(scene.told_service("198.18.6.0/28", &[&one, &other])?);
    told_by(&keeps, 1, prefix, &NODES)?;
    told_by(&forgets, 2, prefix, &NODES)?;

    let pod = scene.cluster.lab.kubectl(&[
        "-n",
        NAMESPACE,
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/component=speaker",
        "--field-selector=spec.nodeName=n2",
        "-o",
        "name",
    ])?;
    let before = [keeps.sessions_begun(&at(1, "n2"))?, forgets.sessions_begun(&at(2, "n2"))?];
    let (kept, forgotten) = (Watch::start(&keeps, prefix)?, Watch::start(&forgets, prefix)?);
    let deleted = ["-n", NAMESPACE, "delete", pod.trim(), "--wait=false"];
    scene.cluster.lab.kubectl(&deleted)?;
    wait_for("both routers have lost their sessions with the node and have them again", PATIENCE, || {
        let sessions = [keeps.sessions_begun(&at(1, "n2"))?, forgets.sessions_begun(&at(2, "n2"))?];
        let all_new = sessions.iter().zip(&before).all(|(now, before)| now > before);
        ensure!(all_new, "sessions that have begun: {sessions:?}, before: {before:?}");
        Ok(())
    })?;
    told_by(&keeps, 1, prefix, &NODES)?;
    told_by(&forgets, 2, prefix, &NODES)?;
    sleep(A_WHILE);
    let (kept, forgotten) = (kept.end()?, forgotten.end()?);
    ensure!(
        !kept.lacked("n2"),
        "the router with the knob forgot the node while its speaker restarted: {kept:?}"
    );
    ensure!(forgotten.lacked("n2"), "the router without the knob did not forget the node: {forgotten:?}");
    told_by(&keeps, 1, prefix, &NODES)
}
