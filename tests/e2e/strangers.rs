//! A station outside the cluster that takes a VIP for its own.

use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::client::settled_owner;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("a_station_that_claims_a_vip_is_told_on_its_service", Disturbs::Nobody, claimed)]
}

fn claimed(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    scene.pool("lan", 1)?;
    scene.load_balancer("web", "ipFamilies: [IPv4]")?;
    let address = scene.address("web")?;
    let owner = settled_owner(scene.cluster, address)?;

    let stranger = lab.control_plane();
    let (own, vip) = (format!("{address}/32"), address.to_string());
    stranger.check(["ip", "address", "add", &own, "dev", "eth0"])?;
    // Its kernel answers for the VIP from now on; this is what it would say when it boots.
    let claim = || stranger.run(["arping", "-A", "-q", "-c", "1", "-I", "eth0", "-s", &vip, &vip]);
    let told = wait_for("the Service says that another station has its address", PATIENCE, || {
        claim()?;
        let service = scene.service("web")?;
        let announced = service.announced();
        ensure!(
            announced.is_some_and(|(status, reason, _)| status == "True" && reason == "Duplicate"),
            "its condition is {announced:?}"
        );
        let reason = "jsonpath={.items[?(@.reason==\"Duplicate\")].note}";
        let note = scene.kubectl(&["get", "events.events.k8s.io", "-o", reason])?;
        ensure!(note.contains(&vip), "its Events say {note:?}");
        Ok(note)
    });
    stranger.check(["ip", "address", "delete", &own, "dev", "eth0"])?;
    let told = told?;
    ensure!(told.contains("02:00:00:00:00:01"), "who it is does not stand in {told:?}");
    // The owner has gone on all the time.
    std::thread::sleep(Duration::from_millis(200));
    let now = settled_owner(scene.cluster, address)?;
    ensure!(now == owner, "{now} owns what {owner} did");
    Ok(())
}
