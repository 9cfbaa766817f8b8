//! Controllers that restart, die and freeze: no Service loses its address, none gets another's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_tests::audit::Audit;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::cluster::NAMESPACE;
use crate::leader::Leader;
use crate::scene::Scene;
use crate::service::Service;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};

/// Twice as long as a lease lasts, and half as long as kubelet lets a controller be silent.
const FROZEN: Duration = Duration::from_secs(30);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_restart_with_rivals_waiting_changes_nothing", Disturbs::Everybody, restarted),
        trial("the_leader_killed_is_replaced_and_nothing_moves", Disturbs::Everybody, killed),
        trial("a_leader_that_thaws_after_its_lease_changes_nothing", Disturbs::Everybody, frozen),
    ]
}

fn restarted(scene: &Scene<'_>) -> Result<()> {
    let before = rivals(scene)?;
    let pods = [
        "-n",
        NAMESPACE,
        "delete",
        "pods",
        "-l",
        "app.kubernetes.io/component=controller",
        "--grace-period=5",
    ];
    scene.cluster.lab.kubectl(&pods)?;
    scene.cluster.mend()?;
    served_again(scene)?;
    unchanged(scene, &before)?;
    let versions = |services: &BTreeMap<String, Service>| -> Vec<String> {
        services.values().map(|service| service.version().to_owned()).collect()
    };
    let after = by_name(scene.services()?);
    let rest = |mut services: BTreeMap<String, Service>| {
        services.retain(|name, _| before.contains_key(name));
        services
    };
    ensure!(versions(&rest(after)) == versions(&before), "Services that nothing changed for were written");

    // A freed address goes to a rival, and to one only.
    let holder = before
        .iter()
        .find(|(_, service)| !service.addresses().is_empty())
        .context("nobody had an address")?;
    let freed = holder.1.address()?;
    let name = holder.0.split('/').nth(1).context("a Service's id has two parts")?.to_owned();
    scene.kubectl(&["delete", "service", &name])?;
    wait_for("a rival gets the freed address", PATIENCE, || {
        let holders = holders(&scene.services()?, freed);
        ensure!(holders.len() == 1, "{freed} is held by {holders:?}");
        Ok(())
    })
}

fn killed(scene: &Scene<'_>) -> Result<()> {
    let before = rivals(scene)?;
    let leader = Leader::find(scene.cluster)?;
    leader.controller.signal(scene.cluster, Signal::SIGKILL)?;
    leader.replaced(scene.cluster)?;
    served_again(scene)?;
    unchanged(scene, &before)
}

fn frozen(scene: &Scene<'_>) -> Result<()> {
    let cluster = scene.cluster;
    let before = rivals(scene)?;
    let leader = Leader::find(cluster)?;
    let pid = leader.controller.pid(cluster)?;
    ferrolb_lab::kill_pid(pid, Signal::SIGSTOP)?;
    let since = Instant::now();
    // Work that the frozen one would have begun meets work that the next one does.
    scene.load_balancer("asked-meanwhile", "ipFamilies: [IPv6]")?;
    leader.replaced(cluster)?;
    let meanwhile = scene.address("asked-meanwhile")?;
    served_again(scene)?;
    sleep(FROZEN.saturating_sub(since.elapsed()));
    let audit = Audit::now(&cluster.lab)?;
    ensure!(
        leader.controller.pid(cluster)? == pid,
        "kubelet has replaced the frozen leader, so nothing is shown"
    );
    ferrolb_lab::kill_pid(pid, Signal::SIGCONT)?;
    scene.load_balancer("asked-afterwards", "ipFamilies: [IPv6]")?;
    scene.address("asked-afterwards")?;
    cluster.mend()?;
    served_again(scene)?;

    unchanged(scene, &before)?;
    let after = scene.address("asked-meanwhile")?;
    ensure!(after == meanwhile, "the Service that the second leader served had {meanwhile} and has {after}");
    held_once(scene)?;
    let mut late = audit.changes()?;
    late.retain(|change| change.pod == leader.controller.pod && change.resource != "leases");
    let now = Leader::find(cluster)?;
    ensure!(
        now.controller.pod != leader.controller.pod,
        "the frozen leader leads again, so nothing is shown"
    );
    ensure!(late.is_empty(), "the old leader wrote after its lease: {late:?}");
    Ok(())
}

/// Six Services for four addresses: four have one, two wait. All of them, by name.
pub(crate) fn rivals(scene: &Scene<'_>) -> Result<BTreeMap<String, Service>> {
    scene.pool("lan", 4)?;
    for number in 0..6 {
        scene.load_balancer(&format!("rival-{number}"), "")?;
    }
    wait_for("four of six Services have an address and two are told why not", PATIENCE, || {
        let services = scene.services()?;
        let count = |wanted: &str| {
            services
                .iter()
                .filter(|service| service.allocated().is_some_and(|(status, ..)| status == wanted))
                .count()
        };
        let counts = (count("True"), count("False"));
        ensure!(counts == (4, 2), "{counts:?}");
        // What follows an address slowly must not look like a change later.
        let silent = services
            .iter()
            .filter(|service| !service.addresses().is_empty() && !is_announced(service))
            .count();
        ensure!(silent == 0, "{silent} are not announced yet");
        Ok(by_name(services))
    })
}

fn is_announced(service: &Service) -> bool {
    service.announced().is_some_and(|(status, ..)| status == "True")
}

/// A Service made now is served: whoever leads has read everything.
pub(crate) fn served_again(scene: &Scene<'_>) -> Result<()> {
    scene.kubectl(&["delete", "service", "fence", "--ignore-not-found"])?;
    scene.load_balancer("fence", "ipFamilies: [IPv6]")?;
    scene.address("fence").map(drop)
}

pub(crate) fn unchanged(scene: &Scene<'_>, before: &BTreeMap<String, Service>) -> Result<()> {
    let after = by_name(scene.services()?);
    for (name, service) in before {
        let now = after.get(name).with_context(|| format!("{name} is gone"))?;
        let [had, has] = [service, now].map(Service::addresses);
        ensure!(had == has, "{name} had {had:?} and has {has:?}");
    }
    Ok(())
}

/// No two Services of the cluster have one address.
pub(crate) fn held_once(scene: &Scene<'_>) -> Result<()> {
    let all = Service::list(&scene.cluster.lab.kubectl(&["get", "services", "-A", "-o", "json"])?)?;
    for address in all.iter().flat_map(Service::addresses) {
        let holders = holders(&all, address);
        ensure!(holders.len() == 1, "{address} is held by {holders:?}");
    }
    Ok(())
}

fn by_name(services: Vec<Service>) -> BTreeMap<String, Service> {
    services.into_iter().map(|service| (service.id(), service)).collect()
}

fn holders(services: &[Service], address: IpAddr) -> Vec<String> {
    services.iter().filter(|service| service.addresses().contains(&address)).map(Service::id).collect()
}
