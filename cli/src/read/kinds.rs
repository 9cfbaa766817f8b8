//! Pods reduced to what is told of FerroLB's own.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Resource, core::ObjectMeta};
use serde::Deserialize;

/// `v1.Pod`.
#[derive(Clone, Debug, Default, Deserialize, Resource)]
#[resource(inherit = k8s_openapi::api::core::v1::Pod)]
pub(crate) struct Pod {
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: PodSpec,
    #[serde(default)]
    pub(crate) status: PodStatus,
}

/// `v1.PodSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) node_name: Option<String>,
    pub(crate) containers: Vec<Container>,
}

/// `v1.Container`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) image: String,
    pub(crate) command: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<EnvVar>,
}

/// `v1.EnvVar`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EnvVar {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

/// `v1.PodStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) conditions: Vec<PodCondition>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
}

/// `v1.PodCondition`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodCondition {
    pub(crate) r#type: String,
    pub(crate) status: String,
}

/// `v1.ContainerStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ContainerStatus {
    pub(crate) restart_count: i32,
    pub(crate) state: ContainerState,
}

/// `v1.ContainerState`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) waiting: Option<Waiting>,
}

/// `v1.ContainerStateWaiting`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Waiting {
    pub(crate) reason: Option<String>,
    pub(crate) message: Option<String>,
}

impl Pod {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    /// Whether it is ready and not on its way out.
    pub(crate) fn is_ready(&self) -> bool {
        let is_leaving: Option<&Time> = self.metadata.deletion_timestamp.as_ref();
        let ready = |one: &PodCondition| one.r#type == "Ready" && one.status == "True";
        is_leaving.is_none() && self.status.conditions.iter().any(ready)
    }

    /// Which program of FerroLB it runs: `controller` or `speaker`.
    pub(crate) fn component(&self) -> Option<&str> {
        Some(self.metadata.labels.as_ref()?.get("app.kubernetes.io/component")?.as_str())
    }

    /// Why it is not ready, in a few words.
    pub(crate) fn trouble(&self) -> String {
        let waiting = self.status.container_statuses.iter().find_map(|one| one.state.waiting.as_ref());
        match waiting {
            Some(Waiting { reason: Some(reason), message: Some(message) }) => format!("{reason}: {message}"),
            Some(Waiting { reason: Some(reason), message: None }) => reason.clone(),
            Some(_) | None if self.metadata.deletion_timestamp.is_some() => "it is ending".into(),
            Some(_) | None if self.status.phase != "Running" => self.status.phase.clone(),
            Some(_) | None => "it runs, but is not ready".into(),
        }
    }
}
