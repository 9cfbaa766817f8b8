//! A station outside the cluster that takes a VIP for its own.

use std::time::Duration;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::client::settled_owner;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_station_that_claims_a_vip_is_told_on_its_service", Disturbs::Nobody, claimed),
        trial("a_station_that_has_an_address_keeps_it_and_is_told_on_the_service", Disturbs::Nobody, kept),
    ]
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

fn kept(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = scene.pool("lan", 1)?;
    let vip = pool.v4[0].to_string();
    let stranger = lab.control_plane();
    stranger.check(["ip", "address", "add", &format!("{vip}/32"), "dev", "eth0"])?;
    let told = scene.load_balancer("web", "ipFamilies: [IPv4]").and_then(|()| {
        wait_for("the Service says that another station has its address", PATIENCE, || {
            let service = scene.service("web")?;
            let announced = service.announced();
            ensure!(
                announced.is_some_and(|(status, reason, message)| status == "False"
                    && reason == "Duplicate"
                    && message.contains("02:00:00:00:00:01")),
                "its condition is {announced:?}"
            );
            let chain = scene.plugin_json(2, &["explain", "svc/web"], "")?;
            ensure!(chain["items"][0]["broken"] == "announcement", "explain says {chain}");
            Ok(())
        })
    });
    stranger.check(["ip", "address", "delete", &format!("{vip}/32"), "dev", "eth0"])?;
    told?;
    settled_owner(scene.cluster, pool.v4[0].into())?;
    wait_for("the Service says that it is announced", PATIENCE, || {
        let service = scene.service("web")?;
        let announced = service.announced();
        ensure!(announced.is_some_and(|(status, ..)| status == "True"), "its condition is {announced:?}");
        Ok(())
    })
}
