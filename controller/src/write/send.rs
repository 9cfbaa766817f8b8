//! One request: its URL, its body, and what of the answer matters.

use std::{fmt::Debug, time::Duration};

use ferrolb_api::{
    AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
};
use ferrolb_model::ServiceId;
use ferrolb_runtime::client::{RequestError, ask};
use jiff::Timestamp;
use k8s_openapi::api::{core::v1::Service, events::v1::Event};
use kube::{
    Client, Resource,
    api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions, Request},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

use super::{
    ConfigKind, Write,
    body::{conditions_removed, finalizer_patch},
    event::event_object,
    forget::Found,
};

/// The name under which the controller's fields are managed.
pub(crate) const FIELD_MANAGER: &str = "ferrolb-controller";

/// What a request needs.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) client: Client,
    /// Who tells Events: the pod's name.
    pub(super) instance: String,
    /// How long each write may take, whatever it takes.
    pub(super) timeout: Duration,
}

/// The metadata of an answer; the rest is not worth decoding.
#[derive(Deserialize)]
struct Written {
    metadata: WrittenMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMetadata {
    resource_version: String,
}

impl Sender {
    /// Sends it. Returns the object's resourceVersion after the write; empty for a deletion.
    pub(super) async fn send(self, write: Write) -> Result<String, RequestError> {
        match write {
            Write::ServiceStatus { service, patch } => self.patch_service(&service, patch).await,
            Write::Finalizer { service, patch } => self.patch_finalizer(&service, patch).await,
            Write::ForgetService { service, cleanup_finalizer } => {
                // Several requests, and no more time for them than for one: who sends this counts on that.
                let forgotten = self.forget_service(&service, cleanup_finalizer);
                let late = |_| RequestError::TimedOut(self.timeout);
                tokio::time::timeout(self.timeout, forgotten).await.map_err(late)?
            }
            Write::CreateSlice(slice) => {
                self.version(request::<AnnouncementSlice>().create(&post(), text(&slice)?)).await
            }
            Write::ReplaceSlice(slice) => {
                let name = slice.metadata.name.clone().unwrap_or_default();
                self.version(request::<AnnouncementSlice>().replace(&name, &post(), text(&slice)?)).await
            }
            Write::DeleteSlice { name, resource_version } => {
                let preconditions = Some(Preconditions { resource_version, uid: None });
                let parameters = DeleteParams { preconditions, ..DeleteParams::default() };
                let request = request::<AnnouncementSlice>().delete(&name, &parameters);
                ask::<IgnoredAny>(&self.client, built(request)?, self.timeout).await?;
                Ok(String::new())
            }
            Write::ObjectStatus { kind, name, patch } => match kind {
                ConfigKind::Pool => self.patch_object::<IPAddressPool>(&name, patch).await,
                ConfigKind::L2Advertisement => self.patch_object::<L2Advertisement>(&name, patch).await,
                ConfigKind::BgpAdvertisement => self.patch_object::<BGPAdvertisement>(&name, patch).await,
                ConfigKind::BgpPeer => self.patch_object::<BGPPeer>(&name, patch).await,
                ConfigKind::BfdProfile => self.patch_object::<BFDProfile>(&name, patch).await,
                ConfigKind::Community => self.patch_object::<Community>(&name, patch).await,
            },
            Write::Event(event) => {
                let event = event_object(*event, &self.instance, Timestamp::now());
                let url = Event::url_path(&(), event.metadata.namespace.as_deref());
                match self.version(Request::new(url).create(&post(), text(&event)?)).await {
                    // It is told already, under the same name.
                    Err(error) if error.code() == Some(409) => Ok(String::new()),
                    answer => answer,
                }
            }
        }
    }

    async fn patch_service(&self, service: &ServiceId, patch: Value) -> Result<String, RequestError> {
        let url = <Service as Resource>::url_path(&(), Some(&service.namespace));
        let patch = Patch::Strategic(patch);
        self.version(Request::new(url).patch_subresource("status", &service.name, &parameters(), &patch))
            .await
    }

    async fn patch_finalizer(&self, service: &ServiceId, patch: Value) -> Result<String, RequestError> {
        let url = <Service as Resource>::url_path(&(), Some(&service.namespace));
        let patch = Patch::Strategic(patch);
        self.version(Request::new(url).patch(&service.name, &parameters(), &patch)).await
    }

    /// Reads the Service once, because leaving our selection looks the same as being deleted.
    async fn forget_service(
        &self,
        service: &ServiceId,
        cleanup_finalizer: bool,
    ) -> Result<String, RequestError> {
        let url = <Service as Resource>::url_path(&(), Some(&service.namespace));
        let request = Request::new(url).get(&service.name, &GetParams::default());
        let found: Found = match ask(&self.client, built(request)?, self.timeout).await {
            Err(error) if error.code() == Some(404) => return Ok(String::new()),
            answer => answer?,
        };
        let remains = found.remains(cleanup_finalizer);
        let mut version = found.metadata.resource_version.unwrap_or_default();
        if remains.finalizer {
            version = self.patch_finalizer(service, finalizer_patch(&version, false)).await?;
        }
        if remains.conditions {
            version = self.patch_service(service, conditions_removed(&version)).await?;
        }
        Ok(version)
    }

    async fn patch_object<K>(&self, name: &str, patch: Value) -> Result<String, RequestError>
    where
        K: Resource<DynamicType = ()>,
    {
        let patch = Patch::Merge(patch);
        self.version(request::<K>().patch_subresource("status", name, &parameters(), &patch)).await
    }

    async fn version(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<String, RequestError> {
        let written: Written = ask(&self.client, built(request)?, self.timeout).await?;
        Ok(written.metadata.resource_version)
    }
}

fn request<K: Resource<DynamicType = ()>>() -> Request {
    Request::new(K::url_path(&(), None))
}

fn built(
    request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
) -> Result<http::Request<Vec<u8>>, RequestError> {
    Ok(request.map_err(kube::Error::BuildRequest)?)
}

fn text<K: Serialize + Debug>(object: &K) -> Result<Vec<u8>, RequestError> {
    Ok(serde_json::to_vec(object).map_err(kube::Error::SerdeError)?)
}

fn parameters() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

fn post() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() }
}
