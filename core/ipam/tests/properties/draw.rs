//! Draws events from a seed: few names, few addresses, so that everything collides with everything.

use ferrolb_model::{
    Family, FamilyPolicy, IpRange, Labels, Pool, Port, Protocol, Request, Service, ServiceAllocation,
    ServiceId, Sharing, TrafficPolicy,
};
use ferrolb_sansio::Rng;

use crate::{
    cluster::Cluster,
    event::{Event, address},
    world,
};

/// How many addresses of each family there are.
pub(crate) const ADDRESSES: u64 = 12;
const POOLS: [&str; 4] = ["a", "b", "c", "d"];

pub(crate) fn event(rng: &mut Rng, cluster: &Cluster) -> Event {
    match rng.below(100) {
        0..34 => Event::Put(service(rng, cluster)),
        34..36 => Event::Together(together(rng, cluster)),
        36..38 => Event::Recreate(service(rng, cluster)),
        38..48 => Event::Remove(name(rng)),
        48..51 => Event::Leave(name(rng)),
        51..53 => Event::Bystander(name(rng), addresses(rng)),
        53..56 => Event::Foreign(name(rng), addresses(rng)),
        56..58 => Event::Clear(name(rng)),
        58..60 => Event::OldLeader(name(rng), any_address(rng)),
        60..70 => Event::Pools(edited(rng, &cluster.pools)),
        70..72 => Event::Pools(pools(rng)),
        72..75 => Event::Nodes((0..rng.below(3)).map(|_| any_address(rng)).collect()),
        75..78 => Event::Namespace(namespace(rng).into(), label(rng, "team", &["x", "y"])),
        78 => Event::NoNamespace(namespace(rng).into()),
        79..86 => Event::Write(rng.below(4) as usize),
        86..95 => Event::WriteAll,
        _ => Event::Crash,
    }
}

/// Edits of several objects, in the order in which `plan` takes them.
fn together(rng: &mut Rng, cluster: &Cluster) -> Vec<Event> {
    let mut edits = Vec::new();
    if one_in(rng, 4) {
        edits.push(Event::Namespace(namespace(rng).into(), label(rng, "team", &["x", "y"])));
    }
    // As one that is applied, an edited pool goes behind all others.
    let mut pools = cluster.pools.clone();
    let (first, second, gone) = (pick(rng, &POOLS), pick(rng, &POOLS), pick(rng, &POOLS));
    for name in [Some(first), Some(second).filter(|second| *second != first)].into_iter().flatten() {
        let known = pools.iter().position(|pool| pool.name.as_str() == name).map(|at| pools.remove(at));
        pools.push(match known {
            Some(mut known) => {
                edit(rng, &mut known);
                known
            }
            None => new_pool(rng, name),
        });
        edits.push(Event::Pools(pools.clone()));
    }
    if gone != first && gone != second && pools.iter().any(|pool| pool.name.as_str() == gone) {
        pools.retain(|pool| pool.name.as_str() != gone);
        edits.push(Event::Pools(pools));
    }
    let mut services: Vec<ServiceId> = (0..rng.below(4)).map(|_| name(rng)).collect();
    services.retain(|id| cluster.services.contains_key(id));
    services.sort();
    services.dedup();
    let put = services.split_off(usize::from(one_in(rng, 3)).min(services.len()));
    edits.extend(services.into_iter().map(Event::Remove));
    for id in put {
        let mut service = cluster.services[&id].clone();
        let part = rng.below(PARTS);
        draw_part(rng, &mut service, part);
        edits.push(Event::Put(service));
    }
    edits
}

fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.below(all.len() as u64) as usize]
}

fn one_in(rng: &mut Rng, n: u64) -> bool {
    rng.below(n) == 0
}

fn namespace(rng: &mut Rng) -> &'static str {
    pick(rng, &["default", "default", "other"])
}

fn name(rng: &mut Rng) -> ServiceId {
    ServiceId::new(namespace(rng), format!("s{}", rng.below(6)))
}

fn label(rng: &mut Rng, key: &str, values: &[&str]) -> Labels {
    Labels::from([(key.into(), pick(rng, values).into())])
}

fn any_address(rng: &mut Rng) -> std::net::IpAddr {
    address(if rng.below(3) > 0 { Family::V4 } else { Family::V6 }, rng.below(ADDRESSES))
}

/// One address, or one of each family.
fn addresses(rng: &mut Rng) -> Vec<std::net::IpAddr> {
    match rng.below(4) {
        0 => vec![address(Family::V4, rng.below(ADDRESSES)), address(Family::V6, rng.below(ADDRESSES))],
        _ => vec![any_address(rng)],
    }
}

/// A Service as it is with one thing edited, or another altogether.
fn service(rng: &mut Rng, cluster: &Cluster) -> Service {
    let id = name(rng);
    let mut service = match cluster.services.get(&id) {
        Some(known) if rng.below(3) > 0 => known.clone(),
        Some(_) | None => {
            let mut fresh = world::service(&id.to_string());
            // A Service's creation does not change while it lives; it follows from its name.
            fresh.created = id.name.bytes().map(i64::from).sum::<i64>() % 4;
            for part in 0..PARTS {
                draw_part(rng, &mut fresh, part);
            }
            return fresh;
        }
    };
    let part = rng.below(PARTS);
    draw_part(rng, &mut service, part);
    service
}

const PARTS: u64 = 6;

fn draw_part(rng: &mut Rng, service: &mut Service, part: u64) {
    match part {
        0 => {
            let both = vec![Family::V4, Family::V6];
            (service.families, service.policy) = match rng.below(10) {
                0..4 => (vec![Family::V4], FamilyPolicy::Single),
                4 => (vec![Family::V6], FamilyPolicy::Single),
                5 => (vec![Family::V4], FamilyPolicy::Prefer),
                6 => (both, FamilyPolicy::Prefer),
                7 => (vec![Family::V6, Family::V4], FamilyPolicy::Prefer),
                8 => (both, FamilyPolicy::Require),
                _ => (vec![Family::V6, Family::V4], FamilyPolicy::Require),
            };
        }
        1 => {
            let sharing_key = service.request.sharing_key.take();
            service.request = Request { sharing_key, ..Request::default() };
            match rng.below(10) {
                0 => service.request.addresses = vec![any_address(rng)],
                1 => service.request.addresses = addresses(rng),
                2 => service.request.pool = Some(pick(rng, &POOLS).into()),
                3 if one_in(rng, 2) => {
                    service.request.addresses = vec![any_address(rng)];
                    service.request.pool = Some(pick(rng, &POOLS).into());
                }
                4 if one_in(rng, 2) => service.request.problem = Some("it cannot be read".into()),
                _ => {}
            }
        }
        2 => {
            service.request.sharing_key = match rng.below(4) {
                0 | 1 => None,
                2 => Some("k".into()),
                _ => Some("l".into()),
            };
        }
        3 => {
            let protocol = pick(rng, &[Protocol::Tcp, Protocol::Udp]);
            service.ports = vec![Port { protocol, number: 80 + rng.below(3) as u16 }];
            if one_in(rng, 3) {
                service.ports.push(Port { protocol: Protocol::Sctp, number: 80 + rng.below(2) as u16 });
            }
        }
        4 => {
            let policy = [TrafficPolicy::Cluster, TrafficPolicy::Cluster, TrafficPolicy::Local];
            service.traffic_policy = pick(rng, &policy);
            service.selector = pick(rng, &["app=web", "app=web", "app=db", ""]).into();
        }
        _ => service.labels = label(rng, "app", &["web", "db"]),
    }
}

fn range(rng: &mut Rng) -> IpRange {
    let family = pick(rng, &[Family::V4, Family::V4, Family::V6]);
    let first = rng.below(ADDRESSES);
    let last = (first + rng.below(4)).min(ADDRESSES - 1);
    IpRange::new(address(family, first), address(family, last)).expect("last is not below first")
}

fn new_pool(rng: &mut Rng, name: &str) -> Pool {
    let ranges = (0..1 + rng.below(3)).map(|_| range(rng)).collect();
    let mut pool = Pool::new(name, ranges);
    pool.created = rng.below(3) as i64;
    for part in 0..FLAGS {
        if one_in(rng, 3) {
            draw_flag(rng, &mut pool, part);
        }
    }
    pool
}

const FLAGS: u64 = 7;

fn draw_flag(rng: &mut Rng, pool: &mut Pool, flag: u64) {
    match flag {
        0 => pool.auto_assign = rng.below(4) > 0,
        1 => pool.drain = one_in(rng, 4),
        2 => pool.allow_requests = rng.below(4) > 0,
        3 => pool.avoid_buggy_ips = one_in(rng, 2),
        4 => pool.sharing = pick(rng, &[Sharing::SameNamespace, Sharing::AnyNamespace]),
        5 => pool.exclude = (0..rng.below(3)).map(|_| range(rng)).collect(),
        _ => {
            pool.allocation = one_in(rng, 2).then(|| ServiceAllocation {
                priority: rng.below(3) as u32,
                namespaces: if one_in(rng, 4) { vec![namespace(rng).into()] } else { Vec::new() },
                namespace_selectors: if one_in(rng, 3) {
                    vec![world::selector("team", pick(rng, &["x", "z"]))]
                } else {
                    Vec::new()
                },
                service_selectors: if one_in(rng, 2) {
                    vec![world::selector("app", "web")]
                } else {
                    Vec::new()
                },
            });
        }
    }
}

fn pools(rng: &mut Rng) -> Vec<Pool> {
    let mut pools = Vec::new();
    for name in POOLS {
        if rng.below(4) > 0 {
            pools.push(new_pool(rng, name));
        }
    }
    pools
}

/// One edit, as people make them.
fn edited(rng: &mut Rng, pools: &[Pool]) -> Vec<Pool> {
    let mut pools = pools.to_vec();
    if pools.is_empty() || one_in(rng, 5) {
        let name = pick(rng, &POOLS);
        pools.retain(|pool| pool.name.as_str() != name);
        pools.push(new_pool(rng, name));
        return pools;
    }
    let at = rng.below(pools.len() as u64) as usize;
    match rng.below(6) {
        0 => {
            pools.remove(at);
        }
        1 => {
            let name = pick(rng, &POOLS);
            if pools.iter().all(|pool| pool.name.as_str() != name) {
                pools[at].name = name.into();
            }
        }
        _ => edit(rng, &mut pools[at]),
    }
    pools
}

fn edit(rng: &mut Rng, pool: &mut Pool) {
    match rng.below(4) {
        0 => pool.ranges.push(range(rng)),
        1 => {
            let gone = rng.below(pool.ranges.len().max(1) as u64) as usize;
            if gone < pool.ranges.len() {
                pool.ranges.remove(gone);
            }
        }
        2 => pool.exclude = (0..rng.below(3)).map(|_| range(rng)).collect(),
        _ => {
            let flag = rng.below(FLAGS);
            draw_flag(rng, pool, flag);
        }
    }
}
