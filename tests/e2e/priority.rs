//! A flood of requests by somebody else: the lease is kept and new Services are served, by the share of the API server
//! that is FerroLB's own.

use std::iter::Sum;
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};
use ferrolb_tests::metrics::Metrics;
use libtest_mimic::Trial;

use crate::leader::Leader;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};

/// Programs that ask, requests that each has under way, and seconds after which all end.
const ASKING: usize = 4;
const UNDER_WAY: &str = "150";
/// Of FerroLB's own requests so many may be refused, and are tried again.
const REFUSED: f64 = 0.03;
/// A request of FerroLB's waits for a place this much shorter than one of the flood's, or there would be no use in a share of its own.
const SHORTER: f64 = 10.0;
const SECONDS: &str = "20";

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("a_flood_of_requests_delays_neither_lease_nor_addresses", Disturbs::Everybody, flooded)]
}

fn flooded(scene: &Scene<'_>) -> Result<()> {
    scene.remote_pool("flood", "2001:db8:6::/120")?;
    let token = lister(scene)?;
    let before = (Leader::find(scene.cluster)?, Counts::read(scene)?);
    let slowest = thread::scope(|scope| {
        let asking: Vec<_> = (0..ASKING).map(|_| scope.spawn(|| flood(scene, &token))).collect();
        let served = (0..20).try_fold(0, |slowest, number| -> Result<u128> {
            let (name, start) = (format!("asked-{number}"), Instant::now());
            scene.load_balancer(&name, "ipFamilies: [IPv6], allocateLoadBalancerNodePorts: false")?;
            scene.address(&name)?;
            Ok(slowest.max(start.elapsed().as_millis()))
        });
        for one in asking {
            one.join().expect("asking does not panic")?;
        }
        served
    })?;
    let after = (Leader::find(scene.cluster)?, Counts::read(scene)?);
    let own = after.1.refused_to_us - before.1.refused_to_us;
    let [flood, ours] =
        [after.1.flood.since(&before.1.flood), after.1.ours_waited.since(&before.1.ours_waited)];
    println!(
        "priority: the flood was made to wait {:.1} s in all, {:.1} ms a request, FerroLB {:.2} ms; the slowest Service took \
         {slowest} ms with kubectl",
        flood.seconds,
        flood.mean() * 1e3,
        ours.mean() * 1e3,
    );
    ensure!(flood.seconds > 1.0, "the flood hardly had to wait ({} s), so nothing is shown", flood.seconds);
    ensure!(
        ours.mean() * SHORTER < flood.mean(),
        "FerroLB's requests waited {} s each, the flood's {} s",
        ours.mean(),
        flood.mean()
    );
    // The machine itself is too busy then, and the API server gives up a request that waited too long for the processor.
    let let_through: f64 = after.1.ours.iter().sum::<f64>() - before.1.ours.iter().sum::<f64>();
    ensure!(
        own <= let_through * REFUSED,
        "{own} requests of FerroLB's were refused and {let_through} let through"
    );
    ensure!(
        after.0.holder == before.0.holder,
        "the lease went from {} to {}",
        before.0.holder,
        after.0.holder
    );
    for (name, (was, is)) in Counts::OURS.iter().zip(before.1.ours.iter().zip(after.1.ours)) {
        ensure!(is > *was, "no request was taken by the flow schema {name}: it was {was} and is {is}");
    }
    Ok(())
}

/// A service account as there are many, which may list; its token.
fn lister(scene: &Scene<'_>) -> Result<String> {
    let namespace = &scene.namespace;
    scene.apply(&format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: lister}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: lister}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}}
subjects: [{{kind: ServiceAccount, name: lister, namespace: {namespace}}}]
"
    ))?;
    // Something to list that takes the API server some work.
    let fat = "x".repeat(200_000);
    for number in 0..10 {
        scene.create(&format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: fat-{number}}}, data: {{x: {fat}}}}}"
        ))?;
    }
    Ok(scene.kubectl(&["create", "token", "lister"])?.trim().to_owned())
}

/// Lists without pause, many times at once, from the client.
fn flood(scene: &Scene<'_>, token: &str) -> Result<()> {
    let header = format!("Authorization: Bearer {token}");
    let url = format!("https://192.0.2.1:6443/api/v1/namespaces/{}/configmaps?x=[1-100000]", scene.namespace);
    let curl = ["timeout", SECONDS, "nice", "curl", "--insecure", "--silent", "--output", "/dev/null"];
    let many = ["--parallel", "--parallel-immediate", "--parallel-max", UNDER_WAY, "--header", &header, &url];
    // That it is cut off is how it ends.
    scene.cluster.lab.client().run(curl.into_iter().chain(many)).map(drop)
}

/// What the API server counts of requests' priority and fairness.
struct Counts {
    /// What requests of ordinary service accounts spent in queues.
    flood: Waits,
    /// The same of FerroLB's.
    ours_waited: Waits,
    /// Requests in FerroLB's own level and of its lease that were refused.
    refused_to_us: f64,
    /// Requests that were let through, by flow schema.
    ours: [f64; 2],
}

impl Counts {
    const OURS: [&str; 2] = ["ferrolb-lease", "ferrolb-controller"];

    fn read(scene: &Scene<'_>) -> Result<Self> {
        let metrics = Metrics::parse(&scene.kubectl(&["get", "--raw", "/metrics"])?)?;
        let labelled = |name: &str| format!("flow_schema=\"{name}\"");
        let waits = |name: &str| {
            let of = |what: &str| {
                metrics.sum(
                    &format!("apiserver_flowcontrol_request_wait_duration_seconds_{what}"),
                    &[&labelled(name)],
                )
            };
            Waits { seconds: of("sum"), requests: of("count") }
        };
        let refused = "apiserver_flowcontrol_rejected_requests_total";
        let let_through = "apiserver_flowcontrol_dispatched_requests_total";
        Ok(Self {
            flood: waits("service-accounts"),
            ours_waited: Self::OURS.map(waits).into_iter().sum(),
            // One whose client went away was not refused.
            refused_to_us: Self::OURS
                .iter()
                .flat_map(|name| ["queue-full", "concurrency-limit", "time-out"].map(|reason| (name, reason)))
                .map(|(name, reason)| {
                    metrics.sum(refused, &[&labelled(name), &format!("reason=\"{reason}\"")])
                })
                .sum(),
            ours: Self::OURS.map(|name| metrics.sum(let_through, &[&labelled(name)])),
        })
    }
}

/// What requests spent in queues until they were let through or refused.
#[derive(Clone, Copy)]
struct Waits {
    seconds: f64,
    requests: f64,
}

impl Waits {
    fn since(&self, before: &Self) -> Self {
        Self { seconds: self.seconds - before.seconds, requests: self.requests - before.requests }
    }

    fn mean(&self) -> f64 {
        self.seconds / self.requests.max(1.0)
    }
}

impl Sum for Waits {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self { seconds: 0.0, requests: 0.0 }, |sum, one| Self {
            seconds: sum.seconds + one.seconds,
            requests: sum.requests + one.requests,
        })
    }
}
