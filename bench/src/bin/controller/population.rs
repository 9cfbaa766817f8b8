//! The Services that are there, made and taken back by the benchmark itself.

use anyhow::{Context, Result};
use ferrolb_api::AnnouncementSlice;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::raw::IN_FLIGHT;
use crate::stage::{NAMESPACE, SINGLES};
use crate::tracker::Tracker;

/// Services in the benchmark's two namespaces: many at once, and singles.
#[derive(Clone)]
pub(crate) struct Population {
    client: Client,
    tracker: Tracker,
    many: Api<Service>,
    singles: Api<Service>,
}

impl Population {
    pub(crate) fn new(client: Client, tracker: Tracker) -> Self {
        let in_namespace = |namespace| Api::namespaced(client.clone(), namespace);
        Self { many: in_namespace(NAMESPACE), singles: in_namespace(SINGLES), client, tracker }
    }

    /// Makes `services` of them, without a class, waiting for an address.
    pub(crate) async fn create_many(&self, services: usize) -> Result<()> {
        let create = |number: usize| async move { self.create_one(&format!("service-{number:05}")).await };
        let created = stream::iter(0..services).map(create).buffer_unordered(IN_FLIGHT);
        created.try_for_each(|()| async { Ok(()) }).await?;
        self.tracker.wait_for(services, 0).await.map(drop)
    }

    /// One more of the many.
    pub(crate) async fn create_one(&self, name: &str) -> Result<()> {
        self.many.create(&PostParams::default(), &service(name, None)?).await?;
        Ok(())
    }

    /// Deletes the first of the many.
    pub(crate) async fn delete_one(&self) -> Result<()> {
        let first = self.many.list_metadata(&ListParams::default().limit(1)).await?.items;
        let name = first.into_iter().next().and_then(|found| found.metadata.name);
        self.many.delete(&name.context("no Service is left")?, &DeleteParams::default()).await?;
        Ok(())
    }

    /// A Service of its own namespace.
    pub(crate) async fn create_single(&self, name: &str, class: Option<&str>) -> Result<()> {
        self.singles.create(&PostParams::default(), &service(name, class)?).await?;
        Ok(())
    }

    /// Deletes all singles, and waits until the watch has seen that.
    pub(crate) async fn delete_singles(&self) -> Result<()> {
        self.singles.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        self.tracker.wait_until_empty(SINGLES).await
    }

    /// Takes back what a controller or the raw run wrote, and waits until the watch has seen that.
    pub(crate) async fn clear(&self) -> Result<()> {
        // MetalLB says in an annotation which pool an address is from.
        let nothing = Patch::Merge(json!({
            "metadata": {"annotations": null},
            "status": {"loadBalancer": null, "conditions": null},
        }));
        let found = self.many.list_metadata(&ListParams::default()).await?.items;
        let services = found.len();
        let clear = |name: String| {
            let nothing = &nothing;
            async move { self.many.patch_status(&name, &PatchParams::default(), nothing).await }
        };
        let names = found.into_iter().filter_map(|one| one.metadata.name);
        let cleared = stream::iter(names).map(clear).buffer_unordered(IN_FLIGHT);
        cleared.try_for_each(|_| async { Ok(()) }).await?;
        let slices = Api::<AnnouncementSlice>::all(self.client.clone());
        slices.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        self.tracker.wait_for(services, 0).await.map(drop)
    }
}

fn service(name: &str, class: Option<&str>) -> Result<Service> {
    Ok(serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "type": "LoadBalancer",
            "loadBalancerClass": class,
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 80}],
        },
    }))?)
}
