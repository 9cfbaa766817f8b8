//! Services with ready endpoints, and slices as the controller writes them, made by the benchmark itself.

use anyhow::Result;
use ferrolb_api::AnnouncementSlice;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::cluster::NODE;
use crate::speaker::{FULL, manifest};

const NAMESPACE: &str = "default";
const IN_FLIGHT: usize = 32;

/// What is in the cluster; Services are named by number.
pub(crate) struct Objects {
    services: Api<Service>,
    endpoints: Api<EndpointSlice>,
    slices: Api<AnnouncementSlice>,
}

impl Objects {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            services: Api::namespaced(client.clone(), NAMESPACE),
            endpoints: Api::namespaced(client.clone(), NAMESPACE),
            slices: Api::all(client.clone()),
        }
    }

    /// A ready endpoint for each of so many Services, which need not be there yet.
    pub(crate) async fn create_endpoints(&self, services: u32) -> Result<()> {
        let create = |number| async move {
            let slice: EndpointSlice = serde_json::from_value(json!({
                "metadata": {
                    "name": format!("{}-1", name(number)),
                    "labels": {"kubernetes.io/service-name": name(number)},
                },
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.244.0.9"], "conditions": {"ready": true}, "nodeName": NODE}],
                "ports": [{"port": 80}],
            }))?;
            self.endpoints.create(&PostParams::default(), &slice).await?;
            anyhow::Ok(())
        };
        let created = stream::iter(0..services).map(create).buffer_unordered(IN_FLIGHT);
        created.try_for_each(|()| async { Ok(()) }).await
    }

    pub(crate) async fn create_services(&self, services: u32) -> Result<()> {
        let created = stream::iter(0..services).map(|number| self.create_service(number));
        created.buffer_unordered(IN_FLIGHT).try_for_each(|()| async { Ok(()) }).await
    }

    pub(crate) async fn create_service(&self, number: u32) -> Result<()> {
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": name(number)},
            "spec": {
                "type": "LoadBalancer",
                "allocateLoadBalancerNodePorts": false,
                "ports": [{"port": 80}],
            },
        }))?;
        self.services.create(&PostParams::default(), &service).await?;
        Ok(())
    }

    /// So many VIPs, each of a Service.
    pub(crate) async fn create_slices(&self, vips: u32) -> Result<()> {
        let create = |number: u32| async move {
            let mut slice = manifest(number, (vips - number * FULL).min(FULL))?;
            for (vip, service) in slice.spec.vips.iter_mut().zip(number * FULL..) {
                vip.services = serde_json::from_value(
                    json!([{"namespace": NAMESPACE, "name": name(service), "uid": format!("{service:036}")}]),
                )?;
            }
            self.slices.create(&PostParams::default(), &slice).await?;
            anyhow::Ok(())
        };
        let created = stream::iter(0..vips.div_ceil(FULL)).map(create).buffer_unordered(IN_FLIGHT);
        created.try_for_each(|()| async { Ok(()) }).await
    }

    pub(crate) async fn delete_slices(&self) -> Result<()> {
        self.slices.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        Ok(())
    }
}

fn name(service: u32) -> String {
    format!("service-{service:05}")
}
