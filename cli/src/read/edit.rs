//! The few writes there are: a label, an annotation.

use std::fmt::Debug;

use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{error::ReadError, lists::Reader};

impl Reader {
    /// One object that is of no namespace.
    pub(crate) async fn named<K>(&self, name: &str) -> Result<K, ReadError>
    where
        K: Resource<Scope = k8s_openapi::ClusterResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api: Api<K> = Api::all(self.client());
        self.bounded(&self.what::<K>("get", None, Some(name)), api.get(name)).await
    }

    /// Changes such an object by a merge patch.
    pub(crate) async fn patch<K>(&self, name: &str, patch: &Value) -> Result<(), ReadError>
    where
        K: Resource<Scope = k8s_openapi::ClusterResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api: Api<K> = Api::all(self.client());
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let what = self.what::<K>("patch", None, Some(name));
        self.bounded(&what, api.patch(name, &parameters, &patch)).await.map(drop)
    }
}
