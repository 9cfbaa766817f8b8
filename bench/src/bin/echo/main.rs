//! The least that a controller can do, for comparison: whenever a Service of its class has no address, it patches a
//! constant one, with a constant condition. The same client, watch and patch as FerroLB's controller, nothing decided: no
//! lease, no pools, no one else's objects. What FerroLB takes longer than this is its own doing.

use anyhow::{Result, bail};
use ferrolb_bench::ECHO_CLASS;
use ferrolb_runtime::client::{bounded, connect};
use ferrolb_runtime::kinds::Service;
use ferrolb_runtime::watch::{Change, Selection, watch};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kube::api::{Patch, PatchParams, Request};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

const ADDRESS: &str = "198.19.255.255";

/// What is read of an answer.
#[derive(Deserialize)]
struct Written {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let client = connect().await?;
    let (sender, mut changes) = mpsc::channel(1024);
    let selection = Selection { fields: Some("spec.type=LoadBalancer".into()), ..Selection::default() };
    tokio::spawn(watch(Api::<Service>::all(client.clone()), selection, sender, Some, |change| change));
    let mut in_flight = FuturesUnordered::new();
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                Some(Change::All(services)) => {
                    services.iter().filter(|one| waits(one)).for_each(|one| in_flight.push(answer(&client, one)));
                }
                Some(Change::Applied(service)) if waits(&service) => in_flight.push(answer(&client, &service)),
                Some(Change::Applied(_) | Change::Deleted(_)) => {}
                None => bail!("the watch has ended"),
            },
            Some(answered) = in_flight.next() => answered?,
        }
    }
}

fn waits(service: &Service) -> bool {
    service.spec.load_balancer_class.as_deref() == Some(ECHO_CLASS)
        && service.status.load_balancer.ingress.is_empty()
}

fn answer(client: &Client, service: &Service) -> impl Future<Output = Result<()>> + use<> {
    let client = client.clone();
    let namespace = service.metadata.namespace.clone();
    let name = service.metadata.name.clone().unwrap_or_default();
    let patch = json!({
        "metadata": {"resourceVersion": service.metadata.resource_version},
        "status": {
            "loadBalancer": {"ingress": [{"ip": ADDRESS, "ipMode": "VIP"}]},
            "conditions": [{
                "type": "ferrolb.io/IPAllocated",
                "status": "True",
                "reason": "Allocated",
                "message": "198.19.255.255 from pool echo",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    });
    async move {
        let url = <k8s_openapi::api::core::v1::Service as Resource>::url_path(&(), namespace.as_deref());
        let parameters = PatchParams { field_manager: Some("echo".into()), ..PatchParams::default() };
        let request =
            Request::new(url).patch_subresource("status", &name, &parameters, &Patch::Strategic(patch))?;
        bounded(client.request::<Written>(request)).await?;
        Ok(())
    }
}
