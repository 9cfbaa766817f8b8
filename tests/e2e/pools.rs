//! Pools that run out, and pools that go away.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;

use crate::client::some_owner;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("an_exhausted_pool_is_told_and_a_freed_address_picked_up", Disturbs::Nobody, exhausted),
        trial("a_deleted_pool_moves_nothing", Disturbs::Nobody, deleted),
        trial("an_address_added_to_a_pool_is_picked_up", Disturbs::Nobody, grown),
    ]
}

fn exhausted(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 1)?;
    scene.load_balancer("first", "")?;
    let address = scene.address("first")?;
    scene.load_balancer("second", "")?;
    let message = scene.refusal("second", "PoolExhausted")?;
    ensure!(message.contains(&pool.name), "the pool is not named: {message}");
    wait_for("the pool's counts", PATIENCE, || {
        let counts = [
            "get",
            "ipaddresspool",
            &pool.name,
            "-o",
            "jsonpath={.status.assignedIPv4} {.status.availableIPv4}",
        ];
        let counts = scene.kubectl(&counts)?;
        ensure!(counts == "1 0", "assigned and available are {counts:?}");
        Ok(())
    })?;

    scene.kubectl(&["delete", "service", "first"])?;
    let second = scene.address("second")?;
    ensure!(second == address, "the freed address is {address}, the waiting Service got {second}");
    Ok(())
}

fn deleted(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = scene.pool("lan", 2)?;
    scene.load_balancer("kept", "")?;
    let before = scene.address("kept")?;
    let owner = some_owner(lab, before)?;
    lab.kubectl(&["delete", "ipaddresspool", &pool.name])?;
    wait_for("the missing pool is told", PATIENCE, || {
        let service = scene.service("kept")?;
        let allocated = service.allocated();
        ensure!(
            allocated.is_some_and(|(_, reason, _)| reason == "PoolMissing"),
            "the condition is {allocated:?}"
        );
        ensure!(service.addresses() == [before], "the addresses are {:?}", service.addresses());
        Ok(())
    })?;
    let still = some_owner(lab, before)?;
    ensure!(still == owner, "{before} moved from {owner} to {still} because its pool went away");

    // The address is still taken: another Service in a pool with it gets the other one.
    lab.apply(&pool.manifest)?;
    scene.load_balancer("other", "")?;
    let other = scene.address("other")?;
    ensure!(other != before, "{before} was given out twice");
    wait_for("the pool's return is told", PATIENCE, || {
        let service = scene.service("kept")?;
        let allocated = service.allocated();
        ensure!(
            allocated.is_some_and(|(_, reason, _)| reason == "Allocated"),
            "the condition is {allocated:?}"
        );
        ensure!(service.addresses() == [before], "the addresses are {:?}", service.addresses());
        Ok(())
    })
}

fn grown(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.planned_pool("lan", 2)?;
    let both = format!("{}-{}", pool.v4[0], pool.v4[1]);
    scene.cluster.lab.apply(&pool.manifest.replace(&both, &format!("{}/32", pool.v4[0])))?;
    scene.load_balancer("first", "")?;
    scene.address("first")?;
    scene.load_balancer("second", "")?;
    scene.refusal("second", "PoolExhausted")?;
    scene.cluster.lab.apply(&pool.manifest)?;
    let second = scene.address("second")?;
    ensure!(
        second == IpAddr::from(pool.v4[1]),
        "the added address is {}, the Service got {second}",
        pool.v4[1]
    );
    Ok(())
}
