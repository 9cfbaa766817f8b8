//! Pools that run out, and pools that go away.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;

use crate::client::some_owner;
use crate::scene::{Pool, Scene};
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

/// A VIP that is withdrawn is answered no more long before this has passed.
const WITHDRAWN: Duration = Duration::from_secs(3);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("an_exhausted_pool_is_told_and_a_freed_address_picked_up", Disturbs::Nobody, exhausted),
        trial("a_deleted_pool_moves_nothing", Disturbs::Nobody, |scene| {
            deleted(scene, |_, pool| pool.manifest.clone())
        }),
        trial("a_deleted_pool_is_announced_on_by_who_selected_its_label", Disturbs::Nobody, |scene| {
            deleted(scene, announced_by_label)
        }),
        trial("an_address_added_to_a_pool_is_picked_up", Disturbs::Nobody, grown),
        trial("pools_of_ipv6_say_what_is_taken_beside_more_than_can_be_counted", Disturbs::Nobody, vast),
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

/// The pool, and an advertisement that does not name it but selects its label.
fn announced_by_label(scene: &Scene<'_>, pool: &Pool) -> String {
    let by_label = format!("ipAddressPoolSelectors: [{{matchLabels: {{e2e: {}}}}}]", scene.namespace);
    pool.manifest.replace(&format!("ipAddressPools: [{}]", pool.name), &by_label)
}

fn deleted(scene: &Scene<'_>, manifest: fn(&Scene<'_>, &Pool) -> String) -> Result<()> {
    let lab = &scene.cluster.lab;
    let pool = scene.planned_pool("lan", 2)?;
    let manifest = manifest(scene, &pool);
    lab.apply(&manifest)?;
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
    sleep(WITHDRAWN);
    let still = some_owner(lab, before)?;
    ensure!(still == owner, "{before} moved from {owner} to {still} because its pool went away");

    // The address is still taken: another Service in a pool with it gets the other one.
    lab.apply(&manifest)?;
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

/// Nobody announces these, and no other test has pools there. Counts are integers of 64 bits: from 2^63 on they stay at 2^63 − 1.
fn vast(scene: &Scene<'_>) -> Result<()> {
    let pools = [
        ("counted", "4000:1::/66", 1, "4611686018427387903"),
        ("nearly", "4000:2::/65", 2, "9223372036854775806"),
        ("vast", "4000:3::/64", 2, "9223372036854775807"),
        ("half-of-all", "6000::/3', '8000::/2", 3, "9223372036854775807"),
    ];
    for (suffix, addresses, services, _) in pools {
        let pool = scene.remote_pool(suffix, addresses)?;
        for number in 0..services {
            let asks = format!("ferrolb.io/address-pool: {pool}");
            let spec = "ipFamilies: [IPv6], allocateLoadBalancerNodePorts: false";
            scene.annotated_load_balancer(&format!("{suffix}-{number}"), &asks, spec)?;
        }
    }
    wait_for("kubectl shows every pool's counts", PATIENCE, || {
        let label = format!("e2e={}", scene.namespace);
        let table = scene.kubectl(&["get", "ipaddresspools", "-l", &label, "-o", "wide"])?;
        let mut lines =
            table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()));
        let heads: Vec<&str> = lines.next().context("there is no table")?.collect();
        let rows: Vec<Vec<&str>> = lines.map(Iterator::collect).collect();
        for (suffix, addresses, services, available) in pools {
            let name = format!("{}-{suffix}", scene.namespace);
            let row = rows.iter().find(|row| row.first() == Some(&&*name)).context("no row")?;
            let cell = |head: &str| Some(*row.get(heads.iter().position(|one| *one == head)?)?);
            let shown =
                ["ASSIGNED IPV4", "AVAILABLE IPV4", "ASSIGNED IPV6", "AVAILABLE IPV6", "READY"].map(cell);
            let assigned = services.to_string();
            let wanted = ["0", "0", &assigned, available, "True"].map(Some);
            ensure!(shown == wanted, "{addresses}: {shown:?}\n{table}");
        }
        Ok(())
    })?;
    let names = pools.map(|(suffix, ..)| format!("{}-{suffix}", scene.namespace));
    let arguments: Vec<&str> = ["pools"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let list = scene.plugin_json(0, &arguments, "")?;
    for ((_, _, services, available), name) in pools.iter().zip(&names) {
        let found = list["items"].as_array().into_iter().flatten().find(|pool| pool["name"] == **name);
        let ipv6 = &found.with_context(|| format!("kubectl ferrolb pools does not tell of {name}"))?["ipv6"];
        let shown = (ipv6["assigned"].as_i64(), ipv6["available"].to_string());
        ensure!(shown == (Some(*services), (*available).into()), "{name}: {ipv6}");
    }
    Ok(())
}
