//! `kubectl ferrolb pools`.

use std::collections::BTreeMap;

use anyhow::Result;
use ferrolb_api::IPAddressPool;
use ferrolb_explain::{State, Style as _};
use ferrolb_ipam::Allocator;
use ferrolb_model::{Family, PoolName};
use serde::Serialize;

use crate::{
    args::{Global, Pools},
    cluster::Cluster,
    names::Kind,
    output::{API_VERSION, Printer, Table},
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PoolList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<PoolOut>,
}

/// What is told of a pool.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PoolOut {
    pub(crate) name: String,
    addresses: Vec<String>,
    pub(crate) ipv4: Use,
    pub(crate) ipv6: Use,
    auto_assign: bool,
    drain: bool,
    allow_requests: bool,
    /// `True`, `False`, or `Unknown` while no controller has said anything.
    pub(crate) ready: String,
    /// What is wrong with it, a sentence each.
    pub(crate) problems: Vec<String>,
    holders: Vec<Holder>,
}

/// How many addresses; saturating at 2^63 − 1, as in the pools' statuses: what reads JSON may have no greater integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Use {
    pub(crate) assigned: i64,
    pub(crate) available: i64,
}

#[derive(Serialize)]
struct Holder {
    ip: String,
    services: Vec<String>,
}

pub(crate) async fn run(global: &Global, args: &Pools, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let mut pools = told(&cluster);
    let known: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let names = Kind::Pool.names(&args.names, &known)?;
    pools.retain(|pool| names.is_empty() || names.contains(&pool.name));
    let broken = pools.iter().any(|pool| !pool.problems.is_empty());
    let list = PoolList { api_version: API_VERSION, kind: "PoolList", items: pools };
    if !printer.data(&list)? {
        print(&list.items, printer)?;
    }
    Ok(if broken { Verdict::Found } else { Verdict::Fine })
}

/// What is to be told of every pool, by name.
pub(crate) fn told(cluster: &Cluster) -> Vec<PoolOut> {
    let (snapshot, invalid) = cluster.snapshot();
    let allocator = snapshot.allocator();
    let mut holders: BTreeMap<PoolName, Vec<Holder>> = BTreeMap::new();
    for vip in allocator.vips() {
        // Only what a status names is held; the rest is what pending Services are about to get.
        let held = |id: &&ferrolb_model::VipService| {
            let service = snapshot.services.iter().find(|service| service.id == id.id);
            service.is_some_and(|service| service.ingress.addresses().contains(&vip.address))
        };
        let services: Vec<String> = vip.services.iter().filter(held).map(|one| one.id.to_string()).collect();
        if let Some(pool) = vip.pool
            && !services.is_empty()
        {
            holders.entry(pool).or_default().push(Holder { ip: vip.address.to_string(), services });
        }
    }
    let mut pools: Vec<PoolOut> = cluster
        .pools
        .iter()
        .map(|object| {
            let name: PoolName = object.metadata.name.as_deref().unwrap_or_default().into();
            let mut problems = problems(object, &allocator, &name);
            problems.extend(invalid.get(&name).cloned());
            problems.dedup();
            let held = holders.remove(&name).unwrap_or_default();
            pool(object, &name, usage(object, &allocator, &name, &held), problems, held)
        })
        .collect();
    pools.sort_by(|one, other| one.name.cmp(&other.name));
    pools
}

fn pool(
    object: &IPAddressPool,
    name: &PoolName,
    (ipv4, ipv6): (Use, Use),
    problems: Vec<String>,
    holders: Vec<Holder>,
) -> PoolOut {
    let spec = &object.spec;
    let conditions = object.status.as_ref().map(|status| &status.conditions);
    let ready = conditions.into_iter().flatten().find(|one| one.type_ == "Ready");
    PoolOut {
        name: name.to_string(),
        addresses: spec.addresses.clone(),
        ipv4,
        ipv6,
        auto_assign: spec.auto_assign,
        drain: spec.drain,
        allow_requests: spec.allow_requests,
        ready: ready.map_or_else(|| "Unknown".into(), |one| one.status.clone()),
        problems,
        holders,
    }
}

/// How much is held now and how much is free beside it, by family. A pool that cannot be read has its last good figures.
fn usage(object: &IPAddressPool, allocator: &Allocator, name: &PoolName, held: &[Holder]) -> (Use, Use) {
    let of = |family: Family| {
        let assigned =
            held.iter().filter(|one| one.ip.parse().is_ok_and(|ip| Family::of(ip) == family)).count();
        let available = match allocator.usage(name, family) {
            Some(usage) => {
                let promised = u128::from(usage.assigned).saturating_sub(assigned as u128);
                i64::try_from(usage.available.saturating_add(promised)).unwrap_or(i64::MAX)
            }
            None => {
                let status = object.status.clone().unwrap_or_default();
                match family {
                    Family::V4 => status.available_ipv4,
                    Family::V6 => status.available_ipv6,
                }
            }
        };
        Use { assigned: i64::try_from(assigned).unwrap_or(i64::MAX), available }
    };
    (of(Family::V4), of(Family::V6))
}

fn problems(object: &IPAddressPool, allocator: &Allocator, name: &PoolName) -> Vec<String> {
    let overlaps = allocator.overlaps().iter().filter(|overlap| overlap.pool == *name);
    let mut problems: Vec<String> = overlaps
        .map(|overlap| format!("{} belongs to the older pool {}", overlap.range, overlap.with))
        .collect();
    let conditions = object.status.as_ref().map(|status| &status.conditions);
    for one in conditions.into_iter().flatten().filter(|one| one.status == "False") {
        // The overlaps are told already, each by itself.
        if one.reason != "Overlaps" && !problems.contains(&one.message) {
            problems.push(one.message.clone());
        }
    }
    problems
}

fn print(pools: &[PoolOut], printer: &mut Printer<'_>) -> Result<()> {
    if pools.is_empty() {
        return printer
            .line("There is no IPAddressPool; create one with addresses that route to this cluster.");
    }
    let wide = printer.is_wide();
    let headings = ["NAME", "IPV4 USED", "IPV4 FREE", "IPV6 USED", "IPV6 FREE", "ASSIGNS", "READY"];
    let mut table = Table::new(headings.into_iter().chain(wide.then_some("ADDRESSES")));
    for pool in pools {
        let assigns = match (pool.drain, pool.auto_assign, pool.allow_requests) {
            (true, _, _) => "nothing (drain)",
            (false, true, true) => "to all",
            (false, true, false) => "no requests",
            (false, false, true) => "on request",
            (false, false, false) => "nothing",
        };
        let row = [
            pool.name.clone(),
            pool.ipv4.assigned.to_string(),
            count(pool.ipv4.available),
            pool.ipv6.assigned.to_string(),
            count(pool.ipv6.available),
            assigns.to_owned(),
            pool.ready.clone(),
        ];
        table.row(row.into_iter().chain(wide.then(|| pool.addresses.join(","))));
    }
    printer.table(&table)?;
    for pool in pools {
        for problem in &pool.problems {
            let line = printer.colour().state(State::Broken, &format!("pool {}: {problem}", pool.name));
            printer.line(&line)?;
        }
    }
    if wide {
        print_holders(pools, printer)?;
    }
    Ok(())
}

fn print_holders(pools: &[PoolOut], printer: &mut Printer<'_>) -> Result<()> {
    if pools.iter().all(|pool| pool.holders.is_empty()) {
        return Ok(());
    }
    printer.line("")?;
    let mut table = Table::new(["POOL", "ADDRESS", "SERVICES"]);
    for pool in pools {
        for holder in &pool.holders {
            table.row([pool.name.clone(), holder.ip.clone(), holder.services.join(",")]);
        }
    }
    printer.table(&table)
}

/// A number that people can read; nobody counts a /64.
pub(crate) fn count(number: i64) -> String {
    if number >= 1_000_000_000 { ">10^9".into() } else { number.to_string() }
}
