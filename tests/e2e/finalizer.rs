//! `--cleanup-finalizer`, switched on and off as its component does it.

use anyhow::{Context, Result, ensure};
use ferrolb_lab::Checkout;
use libtest_mimic::Trial;

use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("the_cleanup_finalizer_comes_and_goes", Disturbs::Everybody, comes_and_goes)]
}

fn comes_and_goes(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 2)?;
    scene.load_balancer("web", "ipFamilyPolicy: SingleStack")?;
    scene.load_balancer("theirs", "ipFamilyPolicy: SingleStack")?;
    let address = scene.address("web")?;
    scene.address("theirs")?;
    set_finalizers(scene, "theirs", &format!("[\"{FINALIZER}\"]"))?;
    let checked = with_component(scene).and_then(|()| {
        has_finalizer(scene, "web", true)?;
        ensure!(scene.address("web")? == address, "the finalizer moved the address");

        scene.kubectl(&["patch", "service", "web", "-p", r#"{"spec": {"type": "ClusterIP"}}"#])?;
        has_finalizer(scene, "web", false)?;
        scene.kubectl(&["patch", "service", "web", "-p", r#"{"spec": {"type": "LoadBalancer"}}"#])?;
        has_finalizer(scene, "web", true)?;
        ensure!(scene.address("web")? == address, "the Service has another address than before");

        scene.kubectl(&["delete", "service", "web", "--timeout=30s"])?;
        scene.load_balancer("next", "ipFamilyPolicy: SingleStack")?;
        ensure!(scene.address("next")? == address, "the address of the deleted Service is not free");
        has_finalizer(scene, "next", true)
    });
    // Without the component, the role stays for as long as a Service has the finalizer.
    let off = scene.cluster.install();
    checked?;
    off?;
    has_finalizer(scene, "next", false)?;
    has_finalizer(scene, "theirs", true)?;
    set_finalizers(scene, "theirs", "null")?;
    scene.cluster.lab.kubectl(&["delete", "-f", &format!("{}/rbac.yaml", component()?)])?;
    Ok(())
}

fn with_component(scene: &Scene<'_>) -> Result<()> {
    let folder = scene.cluster.lab.folder().join("with-finalizer");
    std::fs::create_dir_all(&folder)?;
    // kustomize takes no absolute paths.
    let up = "../".repeat(folder.strip_prefix(Checkout::find()?.root())?.components().count());
    let kustomization = format!(
        "resources: [{up}deploy]
components: [{up}deploy/components/cleanup-finalizer]
"
    );
    std::fs::write(folder.join("kustomization.yaml"), kustomization)?;
    scene.cluster.install_from(&folder.display().to_string()).context("with the component")
}

fn component() -> Result<String> {
    Ok(Checkout::find()?.root().join("deploy/components/cleanup-finalizer").display().to_string())
}

fn has_finalizer(scene: &Scene<'_>, service: &str, wanted: bool) -> Result<()> {
    wait_for(&format!("{service} has the finalizer: {wanted}"), PATIENCE, || {
        let found = scene.kubectl(&["get", "service", service, "-o", "jsonpath={.metadata.finalizers}"])?;
        ensure!(found.contains(FINALIZER) == wanted, "its finalizers are {found:?}");
        Ok(())
    })
}

fn set_finalizers(scene: &Scene<'_>, service: &str, finalizers: &str) -> Result<()> {
    let patch = format!(r#"{{"metadata": {{"finalizers": {finalizers}}}}}"#);
    scene.kubectl(&["patch", "service", service, "--type=merge", "-p", &patch]).map(drop)
}
