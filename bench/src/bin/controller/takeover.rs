//! After MetalLB: what it leaves behind is FerroLB's from then on, with the addresses that it has.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_bench::Report;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DynamicObject, ListParams, PartialObjectMeta};
use kube::discovery::oneshot;

use crate::bench::Bench;
use crate::program::Program;
use crate::subject::Subject;

const THEIRS: &str = "metallb.io";
const PATIENCE: Duration = Duration::from_secs(60);
/// After the last address was taken over: whatever else a controller would touch it has touched by then.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// MetalLB's controller has ended and left its objects, annotations and statuses. FerroLB starts; not one address may
/// change, and nothing of MetalLB's may be touched.
pub(crate) async fn measure(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let addresses = bench.tracker.addresses();
    let left = left_by_metallb(bench).await?;
    let program = Program::start(bench.server, Subject::Ferrolb)?;
    let last = bench.tracker.wait_until_all_told().await?;
    let took = last.saturating_duration_since(program.started());
    tokio::time::sleep(AFTERWARDS).await;
    program.end().await?;

    let after = bench.tracker.addresses();
    let moved = addresses.iter().filter(|(name, had)| after.get(*name) != Some(had)).count();
    let now = left_by_metallb(bench).await?;
    let touched = left.iter().filter(|(what, was)| now.get(*what) != Some(was)).count();
    eprintln!(
        "taken over from MetalLB: {} Services in {:.2} s, {moved} moved, {touched} of {} touched",
        addresses.len(),
        took.as_secs_f64(),
        left.len()
    );
    report
        .value("takeover_s", took.as_secs_f64())
        .count("takeover_moved", u64::try_from(moved)?)
        .count("takeover_touched", u64::try_from(touched)?);
    Ok(())
}

/// The objects of a kind; the first who lists one that nobody has asked for yet is told to come again in a second.
async fn list(api: &Api<DynamicObject>) -> Result<Vec<PartialObjectMeta<DynamicObject>>> {
    let end = Instant::now() + PATIENCE;
    loop {
        match api.list_metadata(&ListParams::default()).await {
            Ok(found) => return Ok(found.items),
            Err(kube::Error::Api(told)) if told.code == 429 && Instant::now() < end => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Everything that is MetalLB's alone, and how it is: the version of its objects and kinds, its annotations of Services.
async fn left_by_metallb(bench: &Bench<'_>) -> Result<BTreeMap<String, String>> {
    let mut left = BTreeMap::new();
    let everything = ListParams::default();
    let kinds = Api::<CustomResourceDefinition>::all(bench.client.clone()).list(&everything).await?;
    for kind in kinds.items.iter().filter(|kind| kind.spec.group == THEIRS) {
        left.insert(format!("kind {}", kind.spec.names.kind), format!("{:?}", kind.metadata.generation));
    }
    for (resource, _) in oneshot::group(&bench.client, THEIRS).await?.recommended_resources() {
        let api = Api::<DynamicObject>::all_with(bench.client.clone(), &resource);
        for object in list(&api).await? {
            let name = object.metadata.name.unwrap_or_default();
            left.insert(
                format!("{} {name}", resource.kind),
                format!("{:?}", object.metadata.resource_version),
            );
        }
    }
    ensure!(!left.is_empty(), "MetalLB left neither kinds nor objects");
    let services = Api::<Service>::all(bench.client.clone()).list_metadata(&everything).await?;
    for service in services.items {
        let (namespace, name) = (service.metadata.namespace, service.metadata.name);
        let theirs = service.metadata.annotations.into_iter().flatten();
        for (key, value) in theirs.filter(|(key, _)| key.starts_with(THEIRS)) {
            left.insert(format!("{key} of {namespace:?}/{name:?}"), value);
        }
    }
    Ok(left)
}
