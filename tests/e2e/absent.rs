//! What happens while no controller runs is put right when one does.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::controllers::served_again;
use crate::leader::{dismiss, recall};
use crate::scene::Scene;
use crate::service::Service;
use crate::trial::{Disturbs, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("what_happens_without_a_controller_is_put_right_later", Disturbs::Everybody, without)]
}

fn without(scene: &Scene<'_>) -> Result<()> {
    scene.pool("lan", 3)?;
    for name in ["deleted", "cleared", "retyped"] {
        scene.load_balancer(name, "")?;
    }
    scene.address("deleted")?;
    let cleared = scene.address("cleared")?;
    scene.address("retyped")?;
    scene.load_balancer("waiting", "")?;
    scene.refusal("waiting", "PoolExhausted")?;

    dismiss(scene.cluster)?;
    scene.kubectl(&["delete", "service", "deleted"])?;
    let nothing = r#"{"status":{"loadBalancer":{"ingress":null}}}"#;
    scene.kubectl(&["patch", "service", "cleared", "--subresource=status", "--type=merge", "-p", nothing])?;
    set_type(scene, "ClusterIP")?;
    recall(scene.cluster)?;

    scene.address("waiting")?;
    let again = scene.address("cleared")?;
    ensure!(again == cleared, "{cleared} was removed from its status by hand, and it got {again}");
    set_type(scene, "LoadBalancer")?;
    scene.address("retyped")?;
    served_again(scene)?;
    let all: Vec<IpAddr> = scene.services()?.iter().flat_map(Service::addresses).collect();
    let distinct: BTreeSet<&IpAddr> = all.iter().collect();
    ensure!(distinct.len() == 4 && all.len() == 4, "four Services have {all:?}");
    Ok(())
}

fn set_type(scene: &Scene<'_>, kind: &str) -> Result<()> {
    let patch = format!(r#"{{"spec":{{"type":"{kind}"}}}}"#);
    scene.kubectl(&["patch", "service", "retyped", "--type=merge", "-p", &patch]).map(drop)
}
