//! Reading lists, a page at a time.

use std::{fmt::Debug, future::Future, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client, Resource,
    api::{ListParams, ObjectList},
    client::Body,
};
use serde::de::DeserializeOwned;

use super::error::{ReadError, What};

/// Objects asked for at a time.
const PAGE: u32 = 500;

/// Reads from one cluster.
#[derive(Clone)]
pub(crate) struct Reader {
    client: Client,
    server: String,
    timeout: Option<Duration>,
}

impl Reader {
    /// A reader that waits this long for each answer.
    pub(crate) fn new(client: Client, server: String, timeout: Option<Duration>) -> Self {
        Self { client, server, timeout }
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Every object of a kind, in the whole cluster.
    pub(crate) async fn all<K>(&self, fields: Option<&str>) -> Result<Vec<K>, ReadError>
    where
        K: Resource + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        self.list(Api::all(self.client.clone()), None, fields, None).await
    }

    /// Every object of a kind in a namespace.
    pub(crate) async fn within<K>(&self, namespace: &str, labels: Option<&str>) -> Result<Vec<K>, ReadError>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        self.list(Api::namespaced(self.client.clone(), namespace), Some(namespace), None, labels).await
    }

    /// One object of a namespace.
    pub(crate) async fn one<K>(&self, namespace: &str, name: &str) -> Result<K, ReadError>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let what = self.what::<K>("get", Some(namespace), Some(name));
        self.bounded(&what, api.get(name)).await
    }

    /// The controllers' lease; `None` if there is none.
    pub(crate) async fn lease(&self, namespace: &str) -> Result<Option<Lease>, ReadError> {
        match self.one::<Lease>(namespace, LEASE).await {
            Ok(lease) => Ok(Some(lease)),
            Err(ReadError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The API server's version (`v1.37.0`), and its clock.
    pub(crate) async fn version(&self) -> Result<(String, Timestamp), ReadError> {
        let what = What {
            verb: "get",
            resource: "/version".into(),
            namespace: None,
            name: None,
            server: self.server.clone(),
        };
        let request = http::Request::get("/version").body(Body::empty());
        let request = request.expect("a constant path makes a request");
        let clock = |response: &http::Response<Body>| {
            let date = response.headers().get(http::header::DATE)?.to_str().ok()?;
            Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
        };
        let response = self.bounded(&what, self.client.send(request)).await?;
        let now = clock(&response).unwrap_or_else(Timestamp::now);
        let request = http::Request::get("/version").body(Vec::new());
        let request = request.expect("a constant path makes a request");
        let info: k8s_openapi::apimachinery::pkg::version::Info =
            self.bounded(&what, self.client.request(request)).await?;
        Ok((info.git_version, now))
    }

    async fn list<K>(
        &self,
        api: Api<K>,
        namespace: Option<&str>,
        fields: Option<&str>,
        labels: Option<&str>,
    ) -> Result<Vec<K>, ReadError>
    where
        K: Resource + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let what = self.what::<K>("list", namespace, None);
        let mut parameters = ListParams::default().limit(PAGE);
        parameters.field_selector = fields.map(ToOwned::to_owned);
        parameters.label_selector = labels.map(ToOwned::to_owned);
        let mut all = Vec::new();
        loop {
            let page: ObjectList<K> = self.bounded(&what, api.list(&parameters)).await?;
            all.extend(page.items);
            match page.metadata.continue_ {
                Some(token) if !token.is_empty() => parameters.continue_token = Some(token),
                Some(_) | None => return Ok(all),
            }
        }
    }

    pub(super) fn what<K: Resource>(
        &self,
        verb: &'static str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> What
    where
        K::DynamicType: Default,
    {
        let kind = K::DynamicType::default();
        let group = K::group(&kind);
        let dot = if group.is_empty() { "" } else { "." };
        What {
            verb,
            resource: format!("{}{dot}{group}", K::plural(&kind)),
            namespace: namespace.map(ToOwned::to_owned),
            name: name.map(ToOwned::to_owned),
            server: self.server.clone(),
        }
    }

    pub(super) async fn bounded<T>(
        &self,
        what: &What,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ReadError> {
        let Some(timeout) = self.timeout else {
            return request.await.map_err(|error| ReadError::of(error, what));
        };
        match tokio::time::timeout(timeout, request).await {
            Ok(answer) => answer.map_err(|error| ReadError::of(error, what)),
            Err(_) => {
                Err(ReadError::TimedOut { server: what.server.clone(), seconds: timeout.as_secs_f32() })
            }
        }
    }
}

/// The Lease that controllers compete for.
const LEASE: &str = "ferrolb-controller";
