//! Whether a speaker that is asked to end is soon followed by another on its node, or by none.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_runtime::kinds::DaemonSet;
use kube::{Api, Client};
use tokio::time::timeout;

/// Whether the DaemonSet of this name wants no speaker on the node with these labels any more. What cannot be learnt in time counts
/// as a restart, which is what most ends are.
pub(crate) async fn is_dismissed(client: &Client, name: &str, labels: &BTreeMap<String, String>) -> bool {
    let sets: Api<DaemonSet> = Api::default_namespaced(client.clone());
    match timeout(PATIENCE, sets.get_opt(name)).await {
        Ok(Ok(set)) => !set.is_some_and(|set| wants(&set, labels)),
        Ok(Err(error)) => {
            tracing::debug!(%error, daemon_set = name, "The DaemonSet cannot be read.");
            false
        }
        Err(_) => false,
    }
}

fn wants(set: &DaemonSet, labels: &BTreeMap<String, String>) -> bool {
    let mut selector = set.spec.template.spec.node_selector.iter();
    set.metadata.deletion_timestamp.is_none() && selector.all(|(name, value)| labels.get(name) == Some(value))
}

/// A fifth of what the kubelet waits in all at the least.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_is_wanted_that_its_daemon_set_selects_unless_that_is_being_deleted() {
        let labels = BTreeMap::from([("kubernetes.io/os".to_owned(), "linux".to_owned())]);
        let of = |deleted: Option<&str>, selector: serde_json::Value| {
            let set = json!({
                "metadata": {"name": "ferrolb-speaker", "deletionTimestamp": deleted},
                "spec": {"template": {"spec": {"nodeSelector": selector, "containers": []}}},
            });
            wants(&serde_json::from_value(set).unwrap(), &labels)
        };
        assert!(of(None, json!({})) && of(None, json!({"kubernetes.io/os": "linux"})));
        assert!(!of(None, json!({"kubernetes.io/os": "linux", "rack": "a"})), "another label is asked for");
        assert!(!of(None, json!({"kubernetes.io/os": "windows"})));
        assert!(!of(Some("2026-01-01T00:00:00Z"), json!({})), "it is being deleted");
    }
}
