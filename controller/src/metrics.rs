//! The controller's metrics; docs/metrics.md lists them.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::{definitions::Problem, index::Index, write::Writer};

/// Everything counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    /// 1 while this controller leads.
    pub(crate) leader: Gauge,
    /// Services managed, by whether they have all they asked for.
    pub(crate) services: Family<Allocated, Gauge>,
    /// Requests to the API server by object and outcome.
    pub(crate) writes: Family<WriteLabels, Counter>,
    /// Requests in flight.
    pub(crate) in_flight: Gauge,
    /// Requests that may be in flight.
    pub(crate) in_flight_limit: Gauge,
    /// How long requests took, by object.
    pub(crate) latency: Latency,
    /// Renewals of the lease that came after more than twice the usual time.
    pub(crate) late_renewals: Counter,
    /// Times everything known was dropped and listed anew, by reason.
    pub(crate) fresh_starts: Family<FreshStartLabels, Counter>,
    /// Comparisons of what was decided with what would be decided anew, by outcome.
    pub(crate) audits: Family<AuditLabels, Counter>,
    /// Kinds whose definition is missing or older than this program.
    pub(crate) outdated_definitions: Gauge,
    /// Addresses in use, by pool and family.
    pub(crate) pool_assigned: Family<PoolLabels, Gauge>,
    /// Addresses free, by pool and family; saturates at 2^63 − 1.
    pub(crate) pool_available: Family<PoolLabels, Gauge>,
}

/// Whether a Service has its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Allocated {
    /// `true` or `false`.
    pub(crate) allocated: bool,
}

/// What was written and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WriteLabels {
    /// `service`, `slice`, `object`, `event`.
    pub(crate) object: &'static str,
    /// `done`, `conflict`, `gone`, `refused`, `again`.
    pub(crate) outcome: &'static str,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ObjectLabels {
    /// `service`, `slice`, `object`, `event`.
    pub(crate) object: &'static str,
}

/// Why everything was listed anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FreshStartLabels {
    /// `too-old`, `ran-back`, `ended`, `audit`.
    pub(crate) reason: &'static str,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AuditLabels {
    /// `same`, `different`.
    pub(crate) outcome: &'static str,
}

/// A histogram an object, from 1 ms to 8 s.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Family<ObjectLabels, Histogram, fn() -> Histogram>);

impl Default for Latency {
    fn default() -> Self {
        Self(Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 14))))
    }
}

/// A pool and a family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PoolLabels {
    /// The pool's name.
    pub(crate) pool: String,
    /// `ipv4` or `ipv6`.
    pub(crate) family: &'static str,
}

impl Metrics {
    /// Takes the gauges from what the index and the writer are doing.
    pub(crate) fn observe(&self, index: &Index, writer: &Writer) {
        let (allocated, pending) = index.service_counts();
        for (is_allocated, count) in [(true, allocated), (false, pending)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.services.get_or_create(&Allocated { allocated: is_allocated }).set(count);
        }
        self.in_flight.set(i64::try_from(writer.in_flight()).unwrap_or(i64::MAX));
        self.in_flight_limit.set(i64::try_from(writer.allowed()).unwrap_or(i64::MAX));
        // Pools that are gone leave no series behind.
        self.pool_assigned.clear();
        self.pool_available.clear();
        for (pool, counts) in index.pool_counts() {
            for (family, assigned, available) in [
                ("ipv4", counts.assigned_ipv4, counts.available_ipv4),
                ("ipv6", counts.assigned_ipv6, counts.available_ipv6),
            ] {
                let labels = PoolLabels { pool: pool.clone(), family };
                self.pool_assigned.get_or_create(&labels).set(assigned);
                self.pool_available.get_or_create(&labels).set(available);
            }
        }
    }

    /// A request was answered after `latency`.
    pub(crate) fn answered(&self, labels: &WriteLabels, latency: Duration) {
        let object = ObjectLabels { object: labels.object };
        self.latency.0.get_or_create(&object).observe(latency.as_secs_f64());
        self.writes.get_or_create(labels).inc();
    }

    /// The CustomResourceDefinitions were looked at.
    pub(crate) fn observe_definitions(&self, problem: Option<&Problem>) {
        let count = problem.map_or(0, |problem| problem.count);
        self.outdated_definitions.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// This controller does not lead, so it knows nothing.
    pub(crate) fn stand_by(&self) {
        for gauge in [&self.leader, &self.in_flight, &self.in_flight_limit] {
            gauge.set(0);
        }
        self.services.clear();
        self.pool_assigned.clear();
        self.pool_available.clear();
    }

    /// Registers everything under `ferrolb_controller_`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("ferrolb_controller");
        registry.register("leader", "1 while this controller leads", self.leader.clone());
        registry.register("services", "Services managed", self.services.clone());
        registry.register("writes", "Requests to the API server", self.writes.clone());
        registry.register("writes_in_flight", "Requests to the API server in flight", self.in_flight.clone());
        registry.register(
            "writes_in_flight_limit",
            "Requests to the API server that may be in flight",
            self.in_flight_limit.clone(),
        );
        registry.register(
            "write_latency_seconds",
            "Time until requests to the API server were answered",
            self.latency.0.clone(),
        );
        registry.register(
            "late_lease_renewals",
            "Renewals of the lease that took more than twice the usual time",
            self.late_renewals.clone(),
        );
        registry.register(
            "fresh_starts",
            "Times everything known was dropped and listed anew",
            self.fresh_starts.clone(),
        );
        registry.register(
            "audits",
            "Comparisons of what was decided with what would be decided anew",
            self.audits.clone(),
        );
        registry.register(
            "outdated_definitions",
            "CustomResourceDefinitions that are missing or older than this program",
            self.outdated_definitions.clone(),
        );
        registry.register(
            "pool_assigned_addresses",
            "Addresses that Services hold",
            self.pool_assigned.clone(),
        );
        registry.register("pool_available_addresses", "Addresses that are free", self.pool_available.clone());
    }
}
