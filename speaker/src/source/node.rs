use std::collections::BTreeMap;

use ferrolb_api::{EXCLUDE_NODE_LABEL, LEAVING_TAINTS};
use ferrolb_ownership::Presence;
use ferrolb_runtime::kinds::Node;
use serde::{Deserialize, Serialize};

/// What the speaker reads of its own Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// The object's uid, which owns this speaker's `SpeakerState`.
    pub uid: String,
    /// Whether it is labelled to announce nothing.
    pub excluded: bool,
    /// Why it is about to be taken away, such as `cordoned`.
    #[serde(default)]
    pub leaving: Option<String>,
    /// Its labels, by which peers and advertisements select it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl NodeFacts {
    /// As the object says.
    pub(crate) fn of(node: &Node) -> Self {
        let labels = node.metadata.labels.clone().unwrap_or_default();
        Self {
            uid: node.metadata.uid.clone().unwrap_or_default(),
            excluded: labels.contains_key(EXCLUDE_NODE_LABEL),
            leaving: node.leaving(&LEAVING_TAINTS),
            labels,
        }
    }

    /// Whether the node is to own VIPs.
    pub fn presence(&self) -> Presence {
        match (self.excluded, &self.leaving) {
            (true, _) => Presence::Draining,
            (false, Some(_)) => Presence::Leaving,
            (false, None) => Presence::Staying,
        }
    }

    /// Why it is not to, in words; empty if it is.
    pub fn why_leaving(&self) -> String {
        match self.excluded {
            true => "labelled to announce nothing".to_owned(),
            false => self.leaving.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_excludes_whatever_its_value() {
        let node = |labels: &str| -> Node {
            serde_json::from_str(&format!(r#"{{"metadata":{{"name":"a","uid":"u","labels":{labels}}}}}"#))
                .unwrap()
        };
        assert!(
            NodeFacts::of(&node(r#"{"node.kubernetes.io/exclude-from-external-load-balancers":"false"}"#))
                .excluded
        );
        assert_eq!(NodeFacts::of(&node("{}")), NodeFacts { uid: "u".to_owned(), ..NodeFacts::default() });
        assert_eq!(NodeFacts::of(&node(r#"{"rack":"7"}"#)).labels["rack"], "7");
    }

    #[test]
    fn a_node_leaves_when_it_is_cordoned_tainted_for_that_or_shut_down() {
        let leaving = |spec: &str| {
            let text = format!(r#"{{"metadata":{{"name":"a"}},"spec":{spec}}}"#);
            NodeFacts::of(&serde_json::from_str(&text).unwrap()).leaving
        };
        let tainted =
            |key: &str| format!(r#"{{"taints":[{{"key":"{key}","effect":"NoSchedule","value":"1"}}]}}"#);
        assert_eq!(leaving(r#"{"unschedulable":true}"#).as_deref(), Some("cordoned"));
        for taint in LEAVING_TAINTS {
            assert_eq!(leaving(&tainted(taint)), Some(format!("tainted {taint}")));
        }
        assert_eq!(leaving(&tainted("node-role.kubernetes.io/control-plane")), None);
        assert_eq!(leaving("{}"), None);

        // As kubelet puts it.
        let says = |status: &str, message: &str| {
            let ready = format!(r#"{{"type":"Ready","status":"{status}","message":"{message}"}}"#);
            let text = format!(r#"{{"metadata":{{"name":"a"}},"status":{{"conditions":[{ready}]}}}}"#);
            NodeFacts::of(&serde_json::from_str(&text).unwrap()).leaving
        };
        assert_eq!(says("False", "node is shutting down").as_deref(), Some("shutting down"));
        assert_eq!(
            says("False", "[PLEG is not healthy, node is shutting down]").as_deref(),
            Some("shutting down")
        );
        assert_eq!(says("False", "container runtime is down"), None);
        assert_eq!(says("True", "kubelet is posting ready status"), None);
    }
}
