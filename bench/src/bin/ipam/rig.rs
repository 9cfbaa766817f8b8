//! An allocator that holds much, and Services to try it with.

use std::{net::IpAddr, sync::Arc, time::Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_bench::Resident;
use ferrolb_ipam::Allocator;
use ferrolb_model::{Assignment, Family, Ingress, Labels, Pool, Port, Protocol, Request, Service, ServiceId};

use crate::Times;

/// What a start with everything held costs.
#[derive(Clone, Copy)]
pub(crate) struct Started {
    pub(crate) settle_s: f64,
    pub(crate) bytes_per_service: f64,
}

/// An allocator, and the names of the Services it serves.
pub(crate) struct Rig {
    pub(crate) allocator: Allocator,
    pub(crate) held: Vec<ServiceId>,
    pub(crate) times: Times,
    pub(crate) family: Family,
    pub(crate) keys: Option<u64>,
    made: u64,
    namespaces: Vec<Arc<str>>,
}

impl Rig {
    /// Starts with these pools and as many Services as there are addresses, each with one of them.
    pub(crate) fn start(
        pools: Vec<Pool>,
        family: Family,
        keys: Option<u64>,
        held: impl Iterator<Item = (IpAddr, usize)>,
    ) -> Result<(Self, Started)> {
        let names: Vec<_> = pools.iter().map(|pool| pool.name.clone()).collect();
        let mut rig = Self {
            allocator: Allocator::new(),
            held: Vec::new(),
            times: Times::default(),
            family,
            keys,
            made: 0,
            namespaces: (0..100).map(|number| format!("team-{number}").into()).collect(),
        };
        rig.allocator.set_pools(pools);
        let pid = i32::try_from(std::process::id())?;
        let before = Resident::of(pid)?.anonymous;
        for (address, pool) in held {
            let assigned = vec![Assignment { address, pool: Some(names[pool].clone()) }];
            let service = Service {
                ingress: Ingress::Ours { assigned, removed: Vec::new(), since: 1 },
                ..rig.service()
            };
            rig.held.push(service.id.clone());
            rig.allocator.replay(vec![service]);
        }
        let began = Instant::now();
        let changes = rig.allocator.settle();
        let settle_s = began.elapsed().as_secs_f64();
        ensure!(changes.len() == rig.held.len(), "every Service has an outcome");
        drop(changes);
        let count = rig.held.len();
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let bytes_per_service = (Resident::of(pid)?.anonymous - before) * 1024.0 * 1024.0 / count as f64;
        Ok((rig, Started { settle_s, bytes_per_service }))
    }

    /// A new Service, as the controller parses one.
    pub(crate) fn service(&mut self) -> Service {
        let number = self.made;
        self.made += 1;
        let namespace = &self.namespaces[usize::try_from(number % 100).unwrap_or(0)];
        // Sixteen Services share a key, each with a port of its own.
        let key = self.keys.map(|sharers| number / sharers);
        let port = self.keys.map_or(443, |sharers| 1000 + u16::try_from(number % sharers).unwrap_or(0));
        let namespace = if key.is_some() { &self.namespaces[0] } else { namespace };
        let label = |name: &str, value: String| (name.to_owned(), value);
        let id = ServiceId::new(Arc::clone(namespace), format!("service-{number}"));
        let uid = format!("00000000-0000-4000-8000-{number:012x}");
        Service {
            resource_version: number.to_string(),
            created: i64::try_from(number).unwrap_or(i64::MAX),
            labels: Labels::from([
                label("app.kubernetes.io/name", format!("service-{number}")),
                label("app.kubernetes.io/managed-by", "Helm".into()),
            ]),
            families: vec![self.family],
            selector: format!("app.kubernetes.io/name=service-{number}"),
            request: Request { sharing_key: key.map(|key| format!("key-{key}")), ..Request::default() },
            ..Service::new(id, uid, vec![Port { protocol: Protocol::Tcp, number: port }])
        }
    }

    /// Creates a Service, from the event to its outcome, and shows the allocator the status that says so.
    pub(crate) fn create(&mut self, is_measured: bool) -> Result<()> {
        let service = self.service();
        let (id, again) = (service.id.clone(), service.clone());
        let began = Instant::now();
        let changes = self.allocator.upsert_service(service);
        let took = began.elapsed();
        let change = changes.first().context("it has an outcome")?;
        let assigned = change.outcome.addresses().to_vec();
        ensure!(changes.len() == 1 && assigned.len() == 1, "it has an address: {:?}", change.outcome);
        drop(changes);
        let service = Service { ingress: Ingress::Ours { assigned, removed: Vec::new(), since: 1 }, ..again };
        let writing = Instant::now();
        let changes = self.allocator.upsert_service(service);
        let wrote = writing.elapsed();
        ensure!(changes.is_empty(), "a status that says the outcome changes nothing");
        if is_measured {
            self.times.alloc.add(nanoseconds(took));
            self.times.written.add(nanoseconds(wrote));
        }
        self.held.push(id);
        Ok(())
    }

    /// Removes the Service at this place, the last one taking its place.
    pub(crate) fn remove(&mut self, place: usize, is_measured: bool) -> Result<()> {
        let id = self.held.swap_remove(place);
        let began = Instant::now();
        let changes = self.allocator.remove_service(&id);
        let took = began.elapsed();
        ensure!(changes.len() == 1 && changes[0].left.len() == 1, "it had an address: {changes:?}");
        if is_measured {
            self.times.remove.add(nanoseconds(took));
        }
        Ok(())
    }
}

fn nanoseconds(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}
