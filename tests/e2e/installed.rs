//! Installing again, and uninstalling.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::cluster::NAMESPACE;
use crate::leader::Controller;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("installing_again_changes_nothing", Disturbs::Everybody, again),
        trial("controllers_wait_for_kinds_that_are_missing", Disturbs::Everybody, kinds_missing),
        trial("services_can_be_deleted_after_uninstalling", Disturbs::Everybody, uninstalled),
    ]
}

fn again(scene: &Scene<'_>) -> Result<()> {
    let before = scene.cluster.installed_versions()?;
    scene.cluster.install()?;
    let after = scene.cluster.installed_versions()?;
    let changed: Vec<_> = after.iter().filter(|object| !before.contains(object)).collect();
    ensure!(changed.is_empty() && before.len() == after.len(), "these changed: {changed:?}");
    Ok(())
}

fn kinds_missing(scene: &Scene<'_>) -> Result<()> {
    let waited = scene
        .cluster
        .uninstall()
        .and_then(|()| {
            wait_for("what controllers need is there", PATIENCE, || scene.cluster.install_controllers())
        })
        .and_then(|()| {
            wait_for("a controller says which kinds are missing", PATIENCE, || {
                let selector = "app.kubernetes.io/component=controller";
                let logs = ["-n", NAMESPACE, "logs", "-l", selector, "--tail=-1"];
                let logs = scene.cluster.lab.kubectl(&logs)?;
                let named = logs.contains("ipaddresspools.ferrolb.io");
                ensure!(named, "the logs are {logs}");
                let waiting = Controller::all(scene.cluster)?;
                ensure!(waiting.len() == 2, "there are {waiting:?}");
                Ok(waiting)
            })
        });
    wait_for("FerroLB is installed again", PATIENCE, || scene.cluster.install())?;
    let waiting = waited?;
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "")?;
    scene.address("web")?;
    let now = Controller::all(scene.cluster)?;
    ensure!(now == waiting, "controllers were replaced or restarted: {waiting:?} became {now:?}");
    ensure!(now.iter().all(|controller| controller.restarts == 0), "controllers restarted: {now:?}");
    Ok(())
}

fn uninstalled(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "ipFamilyPolicy: SingleStack")?;
    let before = scene.address("web")?;
    let uninstalled = scene.cluster.uninstall();
    let checked = uninstalled.and_then(|()| {
        let service = scene.service("web")?;
        ensure!(service.addresses() == [before], "uninstalling changed the Service: {service:?}");
        scene.kubectl(&["delete", "service", "web", "--timeout=60s"])?;
        let left = scene.cluster.lab.kubectl(&[
            "get",
            "all,crd,clusterrole,clusterrolebinding,validatingadmissionpolicy",
            "-A",
            "-o",
            "name",
        ])?;
        let ours: Vec<&str> = left.lines().filter(|line| line.contains("ferrolb")).collect();
        ensure!(ours.is_empty(), "uninstalling left {ours:?}");
        Ok(())
    });
    // Kinds may still be on their way out when the next installation begins.
    wait_for("FerroLB is installed again", PATIENCE, || scene.cluster.install())?;
    checked
}
