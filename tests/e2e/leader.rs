//! Which controllers run, which of them leads, and its process.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::cluster::{Cluster, NAMESPACE};
use crate::wait::{PATIENCE, wait_for};

/// The kernel cuts names of processes to 15 bytes.
const PROCESS: &str = "ferrolb-control";

/// One controller's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Controller {
    pub(crate) pod: String,
    pub(crate) node: String,
    container: String,
    pub(crate) restarts: u64,
}

/// Who holds the lease.
#[derive(Debug, Clone)]
pub(crate) struct Leader {
    /// As the lease names it.
    pub(crate) holder: String,
    pub(crate) controller: Controller,
}

impl Controller {
    /// All that have a container and may run in it.
    pub(crate) fn all(cluster: &Cluster) -> Result<Vec<Self>> {
        let pods =
            ["-n", NAMESPACE, "get", "pods", "-l", "app.kubernetes.io/component=controller", "-o", "json"];
        let list: Value = serde_json::from_str(&cluster.lab.kubectl(&pods)?)?;
        Ok(list["items"].as_array().into_iter().flatten().filter_map(Self::parse).collect())
    }

    fn parse(pod: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        // Kubernetes keeps the pods of a node that was shut down, to be looked at, though others have taken their places.
        let has_ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        if has_ended {
            return None;
        }
        let status = &pod["status"]["containerStatuses"][0];
        Some(Self {
            pod: text(&pod["metadata"]["name"])?,
            node: text(&pod["spec"]["nodeName"])?,
            container: text(&status["containerID"])?.trim_start_matches("containerd://").to_owned(),
            restarts: status["restartCount"].as_u64()?,
        })
    }

    /// Its process, by its number on the host. Two controllers may be on one node.
    pub(crate) fn pid(&self, cluster: &Cluster) -> Result<i32> {
        let pids = cluster.lab.node(&self.node).pids_of(PROCESS)?;
        let own = |pid: &i32| {
            let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
            groups.is_ok_and(|groups| groups.contains(&self.container))
        };
        pids.into_iter()
            .find(own)
            .with_context(|| format!("no process of {} runs on {}", self.pod, self.node))
    }

    pub(crate) fn signal(&self, cluster: &Cluster, signal: Signal) -> Result<()> {
        ferrolb_lab::kill_pid(self.pid(cluster)?, signal)
    }
}

impl Leader {
    pub(crate) fn find(cluster: &Cluster) -> Result<Self> {
        let holder = Self::holder(cluster)?;
        let all = Controller::all(cluster)?;
        let found = all.iter().find(|controller| holder.starts_with(&controller.pod)).cloned();
        let controller = found.with_context(|| format!("{holder} holds the lease and is none of {all:?}"))?;
        Ok(Self { holder, controller })
    }

    fn holder(cluster: &Cluster) -> Result<String> {
        let lease =
            ["-n", NAMESPACE, "get", "lease", "ferrolb-controller", "-o", "jsonpath={.spec.holderIdentity}"];
        let holder = cluster.lab.kubectl(&lease)?;
        ensure!(!holder.is_empty(), "nobody holds the lease");
        Ok(holder)
    }

    /// Waits until somebody else holds the lease; how long that took.
    pub(crate) fn replaced(&self, cluster: &Cluster) -> Result<Duration> {
        let start = std::time::Instant::now();
        wait_for("another controller holds the lease", PATIENCE, || {
            let holder = Self::holder(cluster)?;
            ensure!(holder != self.holder, "{holder} still does");
            Ok(())
        })?;
        Ok(start.elapsed())
    }
}

/// Takes all controllers away, and returns when they are gone.
pub(crate) fn dismiss(cluster: &Cluster) -> Result<()> {
    scale(cluster, 0)?;
    wait_for("all controllers are gone", PATIENCE, || {
        let left = Controller::all(cluster)?;
        ensure!(left.is_empty(), "{left:?} are not");
        Ok(())
    })
}

/// Brings them back.
pub(crate) fn recall(cluster: &Cluster) -> Result<()> {
    scale(cluster, 2)
}

fn scale(cluster: &Cluster, replicas: u8) -> Result<()> {
    let replicas = format!("--replicas={replicas}");
    cluster.lab.kubectl(&["-n", NAMESPACE, "scale", "deployment/ferrolb-controller", &replicas]).map(drop)
}
