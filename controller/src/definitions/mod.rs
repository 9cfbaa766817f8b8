//! The CustomResourceDefinitions that this program needs: whether the cluster has them, and as new as it needs them.
//!
//! The API server drops fields that it does not know, without a word. A controller beside older definitions would write the
//! same object for ever; so none becomes a candidate for the lease before the definitions are right, and a rollout that
//! forgot them stops at its first pod while the former controllers work on.

mod compare;

use std::time::Duration;

use ferrolb_runtime::{
    backoff::{self, Backoff},
    client::{RequestError, ask},
};
use kube::{Client, api::GetParams, core::Request};
use serde_json::{Value, json};

use self::compare::lacks;

/// A refusal is believed when it was heard this often: roles that were made a moment ago are not in force everywhere yet.
const FORBIDDEN_TRIES: u32 = 3;
/// Where definitions are read.
const URL: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// What is wrong with the cluster's definitions, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// How many definitions are concerned.
    pub(crate) count: usize,
    /// The sentence.
    pub(crate) text: String,
}

/// Why definitions could not be judged.
#[derive(Debug)]
pub(crate) enum Unknown {
    /// This controller may not read them: its ClusterRole is older than itself.
    Forbidden(RequestError),
    /// The API server did not answer as it should.
    Failed(RequestError),
}

/// The definitions that this program was built with.
pub(crate) struct Definitions {
    client: Client,
    timeout: Duration,
}

impl Definitions {
    pub(crate) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    /// Asks for each of them. `None`: they are as needed.
    pub(crate) async fn check(&self) -> Result<Option<Problem>, Unknown> {
        let (mut missing, mut older) = (Vec::new(), Vec::new());
        for needed in ferrolb_api::crds() {
            let name = needed.metadata.name.clone().unwrap_or_default();
            match self.read(&name).await {
                Ok(found) => {
                    let lacking = lacks(&json!(needed), &found);
                    if !lacking.is_empty() {
                        older.push(format!("{name} (lacks {})", lacking.join(", ")));
                    }
                }
                Err(error) if error.code() == Some(404) => missing.push(name),
                Err(error) if error.code() == Some(403) => return Err(Unknown::Forbidden(error)),
                Err(error) => return Err(Unknown::Failed(error)),
            }
        }
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("missing: {}", missing.join(", ")));
        }
        if !older.is_empty() {
            parts.push(format!("older than this controller: {}", older.join(", ")));
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let text = format!(
            "CustomResourceDefinitions are {}; apply those of this version (kubectl apply -k deploy/)",
            parts.join("; ")
        );
        Ok(Some(Problem { count: missing.len() + older.len(), text }))
    }

    /// Waits until they are as needed. `tell` hears whenever what is waited for changes.
    pub(crate) async fn wait(&self, look_again: Duration, mut tell: impl FnMut(&Problem)) {
        let mut told = None;
        let mut backoff = Backoff::default();
        loop {
            let pause = match self.check().await {
                Ok(None) => {
                    if told.is_some() {
                        tracing::info!("The CustomResourceDefinitions are there.");
                    }
                    return;
                }
                Ok(Some(problem)) => {
                    backoff.succeeded();
                    if told.as_ref() != Some(&problem) {
                        tracing::warn!("{}. Waiting for them.", problem.text);
                        tell(&problem);
                        told = Some(problem);
                    }
                    look_again
                }
                Err(Unknown::Forbidden(_)) if backoff.failures() + 1 < FORBIDDEN_TRIES => {
                    backoff.failed(0);
                    look_again
                }
                Err(Unknown::Forbidden(error)) => {
                    tracing::warn!(%error, "CustomResourceDefinitions may not be read, so nobody knows whether they are as new as this controller: apply the ClusterRole of this version (kubectl apply -k deploy/).");
                    return;
                }
                Err(Unknown::Failed(error)) => {
                    if backoff.failures() == 0 {
                        tracing::warn!(%error, "CustomResourceDefinitions could not be read; trying again.");
                    }
                    backoff.failed(backoff::random())
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn read(&self, name: &str) -> Result<Value, RequestError> {
        let request =
            Request::new(URL).get(name, &GetParams::default()).map_err(kube::Error::BuildRequest)?;
        ask(&self.client, request, self.timeout).await
    }
}
