//! kubelet and kube-proxy.

use std::fs;
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::daemon;
use crate::controlplane::kubeconfig;
use crate::plan::{NodePlan, Options, POD_V4, POD_V6};

const KUBELET_CONFIG: &str = "/etc/kubelet.json";

/// Starts both; the API server must be ready (a kubelet that misses it waits long before it asks again).
pub(super) fn start(node: &NodePlan, options: &Options) -> Result<()> {
    let families = options.families;
    fs::write(KUBELET_CONFIG, kubelet_config().to_string())?;
    let mut kubelet = Command::new("/kube/kubelet");
    kubelet
        .arg(format!("--config={KUBELET_CONFIG}"))
        .arg(format!("--kubeconfig={}", kubeconfig::inside(&node.name)))
        .arg(format!("--hostname-override={}", node.name))
        .arg(format!("--node-ip={}", families.list(node.v4, node.v6)));
    daemon(&node.name, "kubelet", kubelet)?;

    let is_last = NodePlan::all(options.nodes).pop().is_some_and(|last| last.name == node.name);
    let mut proxy = Command::new("/kube/kube-proxy");
    proxy
        .arg(format!("--kubeconfig={}", kubeconfig::inside("kube-proxy")))
        .arg(format!("--hostname-override={}", node.name))
        .arg(format!("--cluster-cidr={}", families.list(POD_V4, POD_V6)))
        .arg(format!("--proxy-mode={}", options.kube_proxy.flag(is_last)))
        // The size of the connection table is the machine's, not the node's.
        .arg("--conntrack-max-per-core=0");
    daemon(&node.name, "kube-proxy", proxy)?;
    Ok(())
}

/// Close to the defaults; what differs does so because nodes share one machine, or because tests kill the same container
/// again and again, which must not wait five minutes for its next start. Where a logind is there when it starts, kubelet ends
/// pods before the node is shut down (the periods are those of Kubernetes' own example).
fn kubelet_config() -> Value {
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        "localStorageCapacityIsolation": false,
        "evictionHard": {},
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        "shutdownGracePeriod": "30s",
        "shutdownGracePeriodCriticalPods": "10s",
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": false,
        "resolvConf": "",
        "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
        "authorization": {"mode": "AlwaysAllow"},
    })
}
