//! A flood of requests by somebody else: the lease is kept and new Services are served, by the share of the API server
//! that is FerroLB's own. Without that share they are not.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_lab::Checkout;
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
const SECONDS: &str = "20";

/// Where it is to hurt: accounts that ask, since each has queues of its own among many, requests that each has under way, and
/// seconds until all end.
const FLOODING: usize = 32;
const EACH: &str = "16";
const FLOODED: &str = "16";
/// Until the queues are full.
const ROLLING: Duration = Duration::from_secs(4);
/// Services created then.
const CREATED: usize = 4;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("a_flood_of_requests_delays_neither_lease_nor_addresses", Disturbs::Everybody, flooded),
        trial("without_a_share_of_its_own_ferrolb_waits_for_a_flood", Disturbs::Everybody, unprotected),
    ]
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
    let (flood, own) = (after.1.flood - before.1.flood, after.1.refused_to_us - before.1.refused_to_us);
    println!(
        "priority: the flood was made to wait {flood:.1} s in all, the slowest Service took {slowest} ms with kubectl"
    );
    ensure!(flood > 1.0, "the flood hardly had to wait ({flood} s), so nothing is shown");
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

/// The same flood twice: with our flow schemas as they are, then with the level of priority that requests have without them.
fn unprotected(scene: &Scene<'_>) -> Result<()> {
    scene.remote_pool("flood", "2001:db8:6::/120")?;
    let tokens = listers(scene, FLOODING)?;
    let with = waits_under_flood(scene, &tokens, "with")?;
    level(scene, Some("workload-low"))?;
    let without = waits_under_flood(scene, &tokens, "without");
    level(scene, None)?;
    let without = without?;
    ensure!(with < 0.2, "requests waited {with} s although FerroLB has a share of its own");
    ensure!(
        without > 1.0 && without > with * 10.0,
        "without they waited {without} s and with {with} s, so nothing is shown"
    );
    Ok(())
}

/// How long FerroLB's requests waited in queues during a flood, in seconds, all together.
fn waits_under_flood(scene: &Scene<'_>, tokens: &[String], run: &str) -> Result<f64> {
    thread::scope(|scope| {
        let asking: Vec<_> =
            tokens.iter().map(|token| scope.spawn(|| flood_of(scene, token, FLOODED, EACH))).collect();
        thread::sleep(ROLLING);
        let before = Waits::read(scene)?;
        for number in 0..CREATED {
            let spec = "ipFamilies: [IPv6], allocateLoadBalancerNodePorts: false";
            scene.load_balancer(&format!("{run}-{number}"), spec)?;
        }
        for one in asking {
            one.join().expect("asking does not panic")?;
        }
        let after = Waits::read(scene)?;
        let (seconds, count) = (after.seconds - before.seconds, after.count - before.count);
        println!(
            "priority: {run} a share of their own {count} requests waited {seconds:.2} s, {} were refused",
            after.refused - before.refused
        );
        ensure!(count >= 5.0, "FerroLB sent only {count} requests");
        Ok(seconds)
    })
}

/// Puts FerroLB's flow schemas on another level, or back to where they belong. The schemas stay, so that its requests can be told
/// from others.
fn level(scene: &Scene<'_>, name: Option<&str>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let Some(name) = name else {
        let file = Checkout::find()?.root().join("deploy/flowcontrol.yaml").display().to_string();
        return lab.kubectl(&["apply", "-f", &file]).map(drop);
    };
    let patch = format!(r#"{{"spec": {{"priorityLevelConfiguration": {{"name": "{name}"}}}}}}"#);
    for schema in Counts::OURS {
        lab.kubectl(&["patch", "flowschema", schema, "--type=merge", "-p", &patch])?;
    }
    Ok(())
}

/// What the API server counts of FerroLB's requests.
struct Waits {
    seconds: f64,
    count: f64,
    refused: f64,
}

impl Waits {
    fn read(scene: &Scene<'_>) -> Result<Self> {
        let metrics = Metrics::parse(&scene.kubectl(&["get", "--raw", "/metrics"])?)?;
        let ours = |name: &str| -> f64 {
            Counts::OURS.iter().map(|schema| metrics.sum(name, &[&format!("flow_schema=\"{schema}\"")])).sum()
        };
        Ok(Self {
            seconds: ours("apiserver_flowcontrol_request_wait_duration_seconds_sum"),
            count: ours("apiserver_flowcontrol_request_wait_duration_seconds_count"),
            refused: ours("apiserver_flowcontrol_rejected_requests_total"),
        })
    }
}

/// Service accounts as there are many, which may list; their tokens.
fn listers(scene: &Scene<'_>, count: usize) -> Result<Vec<String>> {
    lister(scene)?;
    let names: Vec<String> = (0..count).map(|number| format!("lister-{number}")).collect();
    let namespace = &scene.namespace;
    let accounts = names
        .iter()
        .map(|name| format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}}}}}"));
    let binding = format!(
        "{{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {{name: listers}}, roleRef: {{apiGroup: \
         rbac.authorization.k8s.io, kind: ClusterRole, name: view}}, subjects: [{{kind: Group, apiGroup: \
         rbac.authorization.k8s.io, name: 'system:serviceaccounts:{namespace}'}}]}}"
    );
    scene.apply(&accounts.chain([binding]).collect::<Vec<_>>().join("\n---\n"))?;
    let token = |name: &String| Ok(scene.kubectl(&["create", "token", name])?.trim().to_owned());
    names.iter().map(token).collect()
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
    flood_of(scene, token, SECONDS, UNDER_WAY)
}

/// The same for so many seconds with so many requests under way.
fn flood_of(scene: &Scene<'_>, token: &str, seconds: &str, under_way: &str) -> Result<()> {
    let header = format!("Authorization: Bearer {token}");
    let url = format!("https://192.0.2.1:6443/api/v1/namespaces/{}/configmaps?x=[1-100000]", scene.namespace);
    let curl = ["timeout", seconds, "nice", "curl", "--insecure", "--silent", "--output", "/dev/null"];
    let many = ["--parallel", "--parallel-immediate", "--parallel-max", under_way, "--header", &header, &url];
    // That it is cut off is how it ends.
    scene.cluster.lab.client().run(curl.into_iter().chain(many)).map(drop)
}

/// What the API server counts of requests' priority and fairness.
struct Counts {
    /// Seconds that requests of ordinary service accounts spent in queues.
    flood: f64,
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
        let waited = "apiserver_flowcontrol_request_wait_duration_seconds_sum";
        let refused = "apiserver_flowcontrol_rejected_requests_total";
        let let_through = "apiserver_flowcontrol_dispatched_requests_total";
        Ok(Self {
            flood: metrics.sum(waited, &[&labelled("service-accounts")]),
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
