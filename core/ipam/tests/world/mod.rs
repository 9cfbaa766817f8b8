//! A cluster as the allocator sees it: every outcome is written to the Service's status, and every status is seen.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part of it")]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
};

use ferrolb_ipam::{Allocator, Change, Outcome};
use ferrolb_model::{
    Assignment, Family, FamilyPolicy, Ingress, IpRange, Labels, Pool, Port, Protocol, Request, Selector,
    Service, ServiceAllocation, ServiceId,
};
use ipnet::IpNet;

/// An allocator, and the statuses as they are.
#[derive(Default)]
pub struct World {
    pub allocator: Allocator,
    pub services: BTreeMap<ServiceId, Service>,
    pub pools: Vec<Pool>,
    pub namespaces: BTreeMap<String, Labels>,
    pub nodes: BTreeSet<IpAddr>,
    pub clock: i64,
}

impl World {
    /// A started world with these pools.
    pub fn new(pools: Vec<Pool>) -> Self {
        let mut world = Self::default();
        world.allocator.settle();
        world.set_pools(pools);
        world
    }

    pub fn set_pools(&mut self, pools: Vec<Pool>) {
        self.pools.clone_from(&pools);
        let changes = self.allocator.set_pools(pools);
        self.write(changes);
    }

    pub fn set_nodes(&mut self, addresses: &[&str]) {
        self.nodes = addresses.iter().map(|text| ip(text)).collect();
        let changes = self.allocator.set_node_addresses(self.nodes.clone());
        self.write(changes);
    }

    pub fn set_namespaces(&mut self, namespaces: &[(&str, &[(&str, &str)])]) {
        let of = |(name, pairs): &(&str, &[(&str, &str)])| ((*name).to_owned(), labels(pairs));
        self.namespaces = namespaces.iter().map(of).collect();
        let changes = self.allocator.set_namespaces(self.namespaces.clone());
        self.write(changes);
    }

    /// Creates or edits a Service; its status is what it was.
    pub fn put(&mut self, mut service: Service) {
        if let Some(old) = self.services.get(&service.id) {
            service.ingress = old.ingress.clone();
        }
        self.put_with_status(service);
    }

    /// Creates or edits a Service, status and all. Its own status is put right even if its outcome is as before.
    pub fn put_with_status(&mut self, service: Service) {
        let id = service.id.clone();
        self.services.insert(id.clone(), service.clone());
        let mut changes = self.allocator.upsert_service(service);
        let outcome = self.allocator.outcome(&id).expect("it was just put").clone();
        changes.push(Change { service: id, outcome, left: Vec::new() });
        self.write(changes);
    }

    pub fn remove(&mut self, name: &str) {
        self.services.remove(&id(name));
        let changes = self.allocator.remove_service(&id(name));
        self.write(changes);
    }

    /// Writes outcomes to statuses, and shows the allocator each status written, until nothing changes any more.
    pub fn write(&mut self, changes: Vec<Change>) {
        let mut changes = VecDeque::from(changes);
        let mut steps = 0;
        while let Some(Change { service, outcome, .. }) = changes.pop_front() {
            self.clock += 1;
            steps += 1;
            assert!(steps < 10_000, "statuses never come to rest: {service} {outcome:?}");
            let Some(written) = self.services.get_mut(&service) else {
                assert_eq!(outcome, Outcome::Removed);
                continue;
            };
            let ingress = match outcome {
                Outcome::Assigned(assigned) | Outcome::Kept { addresses: assigned, .. } => {
                    Ingress::Ours { assigned, removed: Vec::new(), since: self.clock }
                }
                Outcome::Refused(_) => Ingress::Empty,
                Outcome::Foreign(_) | Outcome::Removed => continue,
            };
            if written.ingress.addresses() != ingress.addresses()
                || pools_of(&written.ingress) != pools_of(&ingress)
            {
                written.ingress = ingress;
            }
            let seen = written.clone();
            changes.extend(self.allocator.upsert_service(seen));
        }
    }

    /// A new allocator that knows only what the API server has.
    pub fn restarted(&self) -> Allocator {
        let mut allocator = Allocator::new();
        allocator.set_pools(self.pools.clone());
        allocator.set_namespaces(self.namespaces.clone());
        allocator.set_node_addresses(self.nodes.clone());
        allocator.replay(self.services.values().cloned().collect());
        allocator
    }

    pub fn outcome(&self, name: &str) -> Outcome {
        self.allocator.outcome(&id(name)).expect("the Service is known")
    }

    /// The addresses of a Service, as text.
    pub fn addresses(&self, name: &str) -> Vec<String> {
        self.outcome(name).addresses().iter().map(|one| one.address.to_string()).collect()
    }

    /// The reason why a Service does not have what it asks for.
    pub fn reason(&self, name: &str) -> &'static str {
        match self.outcome(name) {
            Outcome::Refused(refusal) | Outcome::Kept { refusal, .. } => refusal.reason(),
            Outcome::Assigned(_) => "Assigned",
            Outcome::Foreign(_) => "Foreign",
            Outcome::Removed => "Removed",
        }
    }
}

fn pools_of(ingress: &Ingress) -> Vec<String> {
    match ingress {
        Ingress::Ours { assigned, .. } => assigned.iter().map(|one| format!("{:?}", one.pool)).collect(),
        Ingress::Empty | Ingress::Edited { .. } | Ingress::Foreign { .. } => Vec::new(),
    }
}

pub fn id(name: &str) -> ServiceId {
    match name.split_once('/') {
        Some((namespace, name)) => ServiceId::new(namespace, name),
        None => ServiceId::new("default", name),
    }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A CIDR, `a-b`, or one address.
pub fn range(text: &str) -> IpRange {
    if let Ok(net) = text.parse::<IpNet>() {
        return net.into();
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    IpRange::new(ip(first), ip(last)).unwrap()
}

pub fn pool(name: &str, ranges: &[&str]) -> Pool {
    Pool::new(name, ranges.iter().map(|text| range(text)).collect())
}

/// An IPv4 Service on port 80.
pub fn service(name: &str) -> Service {
    let ports = vec![Port { protocol: Protocol::Tcp, number: 80 }];
    Service { selector: "app=web".into(), ..Service::new(id(name), name, ports) }
}

pub fn dual(name: &str, policy: FamilyPolicy) -> Service {
    Service { families: vec![Family::V4, Family::V6], policy, ..service(name) }
}

/// A Service that asks for addresses.
pub fn asking(name: &str, addresses: &[&str]) -> Service {
    let addresses = addresses.iter().map(|text| ip(text)).collect();
    Service { request: Request { addresses, ..Request::default() }, ..service(name) }
}

/// A Service that asks for a pool.
pub fn from(name: &str, pool: &str) -> Service {
    Service { request: Request { pool: Some(pool.into()), ..Request::default() }, ..service(name) }
}

/// A Service that shares by a key, on one TCP port.
pub fn sharing(name: &str, key: &str, port: u16) -> Service {
    Service {
        request: Request { sharing_key: Some(key.into()), ..Request::default() },
        ports: vec![Port { protocol: Protocol::Tcp, number: port }],
        ..service(name)
    }
}

/// A Service to which FerroLB gave these addresses, from these pools.
pub fn ours(service: Service, since: i64, assigned: &[(&str, Option<&str>)]) -> Service {
    Service {
        ingress: Ingress::Ours { assigned: assignments(assigned), removed: Vec::new(), since },
        ..service
    }
}

/// The same after somebody took out of its ingress what FerroLB gave it besides.
pub fn without(mut service: Service, taken_out: &[(&str, Option<&str>)]) -> Service {
    if let Ingress::Ours { removed, .. } = &mut service.ingress {
        *removed = assignments(taken_out);
    }
    service
}

/// A Service to which FerroLB gave these addresses, from these pools, and whose ingress somebody changed then.
pub fn edited(service: Service, ingress: &[&str], given: &[(&str, Option<&str>)]) -> Service {
    let addresses = ingress.iter().map(|text| ip(text)).collect();
    Service { ingress: Ingress::Edited { addresses, given: assignments(given), since: 1 }, ..service }
}

fn assignments(given: &[(&str, Option<&str>)]) -> Vec<Assignment> {
    let one = |(address, pool): &(&str, Option<&str>)| Assignment {
        address: ip(address),
        pool: pool.map(Into::into),
    };
    given.iter().map(one).collect()
}

/// A Service whose status another load balancer wrote.
pub fn foreign(service: Service, addresses: &[&str], hostnames: &[&str]) -> Service {
    let addresses = addresses.iter().map(|text| ip(text)).collect();
    let hostnames = hostnames.iter().map(|name| (*name).into()).collect();
    Service { ingress: Ingress::Foreign { addresses, hostnames }, ..service }
}

pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

pub fn selector(key: &str, value: &str) -> Selector {
    Selector { match_labels: labels(&[(key, value)]), match_expressions: Vec::new() }
}

/// A pool that is for some Services only.
pub fn bound(name: &str, ranges: &[&str], allocation: ServiceAllocation) -> Pool {
    Pool { allocation: Some(allocation), ..pool(name, ranges) }
}
