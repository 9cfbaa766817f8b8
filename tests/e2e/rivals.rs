//! Two Deployments of the controller at once: one of all leads, and nothing moves whoever that is.

use anyhow::{Result, ensure};
use ferrolb_tests::audit::Audit;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::cluster::NAMESPACE;
use crate::controllers::{rivals, served_again, unchanged};
use crate::leader::{Controller, Leader};
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

const SECOND: &str = "ferrolb-controller-second";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("two_deployments_have_one_leader_and_move_nothing", Disturbs::Everybody, two_deployments)]
}

fn two_deployments(scene: &Scene<'_>) -> Result<()> {
    install_second(scene)?;
    let checked = led_by_one_after_another(scene);
    scene.cluster.lab.kubectl(&["-n", NAMESPACE, "delete", "deployment", SECOND])?;
    checked?;
    wait_for("the second Deployment's pods are gone", PATIENCE, || {
        let left = Controller::all(scene.cluster)?;
        ensure!(left.len() == 2, "there are {left:?}");
        Ok(())
    })?;
    served_again(scene)
}

fn led_by_one_after_another(scene: &Scene<'_>) -> Result<()> {
    let cluster = scene.cluster;
    let before = rivals(scene)?;
    for end in [kill, terminate, delete] {
        let audit = Audit::now(&cluster.lab)?;
        let leader = Leader::find(cluster)?;
        end(scene, &leader)?;
        leader.replaced(cluster)?;
        served_again(scene)?;
        unchanged(scene, &before)?;
        // Whatever was written in between was written by the old leader or by the new one.
        let next = Leader::find(cluster)?;
        let mut changes = audit.changes()?;
        changes.retain(|change| change.resource == "services/status");
        let writers = [&leader.controller.pod, &next.controller.pod];
        let strange: Vec<_> = changes.iter().filter(|change| !writers.contains(&&change.pod)).collect();
        ensure!(strange.is_empty(), "others than {writers:?} wrote: {strange:?}");
        ensure!(!changes.is_empty(), "the audit log shows no patch of a Service, though one was served");
    }
    Ok(())
}

fn kill(scene: &Scene<'_>, leader: &Leader) -> Result<()> {
    leader.controller.signal(scene.cluster, Signal::SIGKILL)
}

fn terminate(scene: &Scene<'_>, leader: &Leader) -> Result<()> {
    leader.controller.signal(scene.cluster, Signal::SIGTERM)
}

fn delete(scene: &Scene<'_>, leader: &Leader) -> Result<()> {
    let pod = leader.controller.pod.as_str();
    scene.cluster.lab.kubectl(&["-n", NAMESPACE, "delete", "pod", pod, "--wait=false"]).map(drop)
}

/// The shipped Deployment once more, under another name and with another `--name`.
fn install_second(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let get = ["-n", NAMESPACE, "get", "deployment", "ferrolb-controller", "-o", "json"];
    let mut deployment: Value = serde_json::from_str(&lab.kubectl(&get)?)?;
    deployment["metadata"] =
        json!({"name": SECOND, "namespace": NAMESPACE, "labels": deployment["metadata"]["labels"]});
    deployment["status"].take();
    // Of its own for its pods; those that the first one's pods have stay.
    for labels in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        deployment.pointer_mut(labels).expect("every Deployment has labels")["e2e"] = json!(SECOND);
    }
    let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
    // Kubernetes puts the variable's value in.
    container["args"] = json!(["--name=$(POD_NAME)-second"]);
    lab.apply(&deployment.to_string())?;
    let status = ["-n", NAMESPACE, "rollout", "status", "deployment", SECOND, "--timeout=180s"];
    lab.kubectl(&status)?;
    ensure!(Controller::all(scene.cluster)?.len() == 4, "two Deployments of two are not four controllers");
    Ok(())
}
