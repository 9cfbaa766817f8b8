//! The raw run: the controller's patches without a controller.

use std::net::Ipv4Addr;

use anyhow::Result;
use ferrolb_api::{AnnouncementSlice, IPAddressPool, L2Advertisement, SpeakerState};
use ferrolb_runtime::kinds::{Namespace, Node, Service as LeanService};
use ferrolb_runtime::watch::{Selection, watch};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Service;
use kube::api::{ListParams, Patch, PatchParams, Request};
use kube::{Api, Client, Resource};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bench::Bench;
use crate::stage::NAMESPACE;

/// As many requests as the controller has in flight.
pub(crate) const IN_FLIGHT: usize = 32;

/// What the controller reads of an answer.
#[derive(Deserialize)]
struct Written {
    #[expect(dead_code, reason = "it is decoded as the controller decodes it")]
    metadata: WrittenMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata {
    #[expect(dead_code, reason = "it is decoded as the controller decodes it")]
    resource_version: String,
}

/// Patches every Service once; Services a second.
pub(crate) async fn run(bench: &Bench<'_>) -> Result<f64> {
    let Bench { server, plan, client, tracker, .. } = bench;
    let watches = watches(server.client().await?);
    let api = Api::<Service>::namespaced(client.clone(), NAMESPACE);
    let listed = api.list(&ListParams::default()).await?.items;
    let patches: Vec<(String, Value)> =
        listed.iter().enumerate().map(|(number, service)| patch(number, service)).collect();
    tracker.reset();
    let sent = stream::iter(patches)
        .map(|(name, patch)| send(client.clone(), name, patch))
        .buffer_unordered(IN_FLIGHT);
    sent.try_for_each(|_| async { Ok(()) }).await?;
    let run = tracker.wait_for(plan.services, plan.services).await?;
    watches.into_iter().for_each(|watch| watch.abort());
    Ok(run.per_second(plan.services))
}

async fn send(client: Client, name: String, patch: Value) -> Result<Written> {
    let url = <Service as Resource>::url_path(&(), Some(NAMESPACE));
    let parameters =
        PatchParams { field_manager: Some("ferrolb-controller".into()), ..PatchParams::default() };
    let request =
        Request::new(url).patch_subresource("status", &name, &parameters, &Patch::Strategic(patch))?;
    Ok(client.request(request).await?)
}

/// The fields that the controller sends, with values of the same length.
fn patch(number: usize, service: &Service) -> (String, Value) {
    let number = u32::try_from(number).unwrap_or_default();
    let address = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + number).to_string();
    let patch = json!({
        "metadata": {"resourceVersion": service.metadata.resource_version},
        "status": {
            "loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]},
            "conditions": [{
                "type": "ferrolb.io/IPAllocated",
                "status": "True",
                "reason": "Allocated",
                "message": format!("{address} from pool bench"),
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }],
        },
    });
    (service.metadata.name.clone().unwrap_or_default(), patch)
}

/// The controller's watches, read and thrown away.
fn watches(client: Client) -> Vec<JoinHandle<()>> {
    let load_balancers = Selection { fields: Some("spec.type=LoadBalancer".into()), ..Selection::default() };
    vec![
        drain::<LeanService>(client.clone(), load_balancers),
        drain::<IPAddressPool>(client.clone(), Selection::default()),
        drain::<Namespace>(client.clone(), Selection::default()),
        drain::<Node>(client.clone(), Selection::default()),
        drain::<L2Advertisement>(client.clone(), Selection::default()),
        drain::<SpeakerState>(client.clone(), Selection::default()),
        drain::<AnnouncementSlice>(client, Selection::default()),
    ]
}

fn drain<K>(client: Client, selection: Selection) -> JoinHandle<()>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    let (sender, mut changes) = mpsc::channel(1024);
    tokio::spawn(async move {
        let reading = async { while changes.recv().await.is_some() {} };
        tokio::join!(watch(Api::<K>::all(client), selection, sender, Some, |change| change), reading);
    })
}
