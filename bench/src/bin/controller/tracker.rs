//! The one watch that times all sides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use ferrolb_runtime::kinds::Service;
use ferrolb_runtime::watch::{Change, Selection, watch};
use kube::{Api, Client};
use tokio::sync::{Notify, mpsc};

const PATIENCE: Duration = Duration::from_secs(300);
const IP_ALLOCATED: &str = "ferrolb.io/IPAllocated";

/// Namespace and name.
type Name = (String, String);
/// What a Service's status says of its address: ingress, and the condition's status, reason and message.
type Address = (Vec<Option<String>>, Option<(String, String, String)>);

/// Follows all Services of type LoadBalancer.
#[derive(Clone)]
pub(crate) struct Tracker {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    services: BTreeMap<Name, Tracked>,
    assigned: usize,
    /// Changes of what statuses say of addresses, since the reset.
    writes: usize,
    first: Option<Instant>,
    last: Option<Instant>,
}

#[derive(Default)]
struct Tracked {
    address: Address,
    /// When it was first seen with the address it has.
    since: Option<Instant>,
}

/// One run as the watch saw it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// When the first Service was seen with an address.
    pub(crate) first: Instant,
    /// When the last was.
    pub(crate) last: Instant,
    /// How often a status changed in what it says of addresses.
    pub(crate) writes: usize,
}

impl Run {
    /// Services a second, between the first and the last.
    pub(crate) fn per_second(&self, services: usize) -> f64 {
        crate::share(services.saturating_sub(1), 1) / self.last.duration_since(self.first).as_secs_f64()
    }
}

impl Tracker {
    pub(crate) fn start(client: Client) -> Self {
        let tracker = Self { state: Arc::default(), changed: Arc::default() };
        let (sender, mut changes) = mpsc::channel(4096);
        let selection = Selection { fields: Some("spec.type=LoadBalancer".into()), ..Selection::default() };
        tokio::spawn(watch(Api::<Service>::all(client), selection, sender, Some, |change| change));
        let follower = tracker.clone();
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                follower.take(change);
            }
        });
        tracker
    }

    /// Forgets the times of the last run.
    pub(crate) fn reset(&self) {
        let mut state = self.state();
        (state.first, state.last, state.writes) = (None, None, 0);
    }

    /// Waits until there are `services` and `assigned` of them have an address.
    pub(crate) async fn wait_for(&self, services: usize, assigned: usize) -> Result<Run> {
        let reached = |state: &State| {
            if (state.services.len(), state.assigned) != (services, assigned) {
                return Err(format!(
                    "of {} Services {} have an address, not {assigned} of {services}",
                    state.services.len(),
                    state.assigned
                ));
            }
            let now = Instant::now();
            let (first, last) = (state.first.unwrap_or(now), state.last.unwrap_or(now));
            Ok(Run { first, last, writes: state.writes })
        };
        self.wait_until(reached).await
    }

    /// Waits until no Service is in this namespace.
    pub(crate) async fn wait_until_empty(&self, namespace: &str) -> Result<()> {
        let reached = |state: &State| {
            let found = state.services.keys().filter(|(other, _)| other == namespace).count();
            if found == 0 { Ok(()) } else { Err(format!("there are still {found} Services in {namespace}")) }
        };
        self.wait_until(reached).await
    }

    /// Waits until a Service has an address; when that was seen.
    pub(crate) async fn wait_for_address(&self, namespace: &str, name: &str) -> Result<Instant> {
        let key = (namespace.to_owned(), name.to_owned());
        let reached = |state: &State| {
            let since = state.services.get(&key).and_then(|tracked| tracked.since);
            since.ok_or_else(|| format!("the Service {namespace}/{name} has no address"))
        };
        self.wait_until(reached).await
    }

    /// Waits until the condition of every Service says that it has an address; when that was seen.
    pub(crate) async fn wait_until_all_told(&self) -> Result<Instant> {
        let reached = |state: &State| {
            let told =
                |tracked: &&Tracked| matches!(&tracked.address.1, Some((status, ..)) if status == "True");
            let without = state.services.len() - state.services.values().filter(told).count();
            if without == 0 {
                Ok(Instant::now())
            } else {
                Err(format!("{without} Services are told nothing"))
            }
        };
        self.wait_until(reached).await
    }

    /// The addresses of every Service.
    pub(crate) fn addresses(&self) -> BTreeMap<Name, Vec<Option<String>>> {
        let state = self.state();
        state.services.iter().map(|(name, tracked)| (name.clone(), tracked.address.0.clone())).collect()
    }

    async fn wait_until<T>(&self, reached: impl Fn(&State) -> Result<T, String>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        loop {
            let changed = self.changed.notified();
            match reached(&self.state()) {
                Ok(found) => return Ok(found),
                Err(why) if Instant::now() > end => bail!("after {} s {why}", PATIENCE.as_secs()),
                Err(_) => {}
            }
            let _ = tokio::time::timeout(Duration::from_secs(1), changed).await;
        }
    }

    fn take(&self, change: Change<Service>) {
        let mut state = self.state();
        match change {
            Change::All(services) => {
                state.services.clear();
                state.assigned = 0;
                services.iter().for_each(|service| state.apply(service));
            }
            Change::Applied(service) => state.apply(&service),
            Change::Deleted(service) => {
                let gone = state.services.remove(&name(&service));
                state.assigned -= usize::from(gone.is_some_and(|tracked| tracked.since.is_some()));
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }
}

impl State {
    fn apply(&mut self, service: &Service) {
        let now = Instant::now();
        let address = address(service);
        let has = !address.0.is_empty();
        let tracked = self.services.entry(name(service)).or_default();
        let had = tracked.since.is_some();
        self.writes += usize::from(tracked.address != address);
        if has && !had {
            tracked.since = Some(now);
            self.assigned += 1;
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
        if had && !has {
            tracked.since = None;
            self.assigned -= 1;
        }
        tracked.address = address;
    }
}

fn name(service: &Service) -> Name {
    let metadata = &service.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn address(service: &Service) -> Address {
    let ingress = service.status.load_balancer.ingress.iter().map(|point| point.ip.clone()).collect();
    let condition = service.status.conditions.iter().find(|condition| condition.type_ == IP_ALLOCATED);
    let told = condition.map(|told| (told.status.clone(), told.reason.clone(), told.message.clone()));
    (ingress, told)
}
