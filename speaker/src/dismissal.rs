//! Whether a speaker that is asked to end is soon followed by another on its node, or by none.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_runtime::kinds::{DaemonSet, Node};
use kube::{Api, Client};
use tokio::time::timeout;

use crate::source::NodeFacts;

/// What the node is, if no speaker follows: about to be taken away, or no longer wanted by the DaemonSet of this name. The node is asked
/// about anew, since kubelet ends pods in the moment in which it says that the node shuts down. What cannot be learnt in time counts as
/// a restart, which is what most ends are.
pub(crate) async fn dismissed(client: &Client, node: &str, daemon_set: Option<&str>) -> Option<String> {
    match timeout(PATIENCE, learn(client, node, daemon_set)).await {
        Ok(Ok(dismissed)) => dismissed,
        Ok(Err(error)) => {
            tracing::debug!(%error, "Whether another speaker follows cannot be read.");
            None
        }
        Err(_) => None,
    }
}

async fn learn(client: &Client, node: &str, daemon_set: Option<&str>) -> kube::Result<Option<String>> {
    let facts = NodeFacts::of(&Api::<Node>::all(client.clone()).get(node).await?);
    let leaving = facts.why_leaving();
    if !leaving.is_empty() {
        return Ok(Some(leaving));
    }
    let Some(name) = daemon_set else { return Ok(None) };
    let set = Api::<DaemonSet>::default_namespaced(client.clone()).get_opt(name).await?;
    Ok((!set.is_some_and(|set| wants(&set, &facts.labels))).then(|| UNSERVED.to_owned()))
}

fn wants(set: &DaemonSet, labels: &BTreeMap<String, String>) -> bool {
    let mut selector = set.spec.template.spec.node_selector.iter();
    set.metadata.deletion_timestamp.is_none() && selector.all(|(name, value)| labels.get(name) == Some(value))
}

const UNSERVED: &str = "no longer served by FerroLB";
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
