//! Nodes, and what their speakers report of them.

use ferrolb_api::{EXCLUDE_NODE_LABEL, LEAVING_TAINTS, SpeakerState};
use ferrolb_model::{Labels, Node, NodeInterface};
use ferrolb_runtime::kinds;

/// Parses a node. Its interfaces come from its speaker: see [`interfaces`].
pub fn node(object: &kinds::Node) -> Node {
    let labels = Labels::from(object.metadata.labels.as_ref());
    Node {
        name: object.metadata.name.as_deref().unwrap_or_default().into(),
        addresses: object.status.addresses.iter().filter_map(|one| one.address.parse().ok()).collect(),
        interfaces: None,
        excluded: labels.get(EXCLUDE_NODE_LABEL).is_some(),
        leaving: object.leaving(&LEAVING_TAINTS),
        ready: object
            .status
            .conditions
            .iter()
            .any(|condition| condition.r#type == "Ready" && condition.status == "True"),
        labels,
    }
}

/// The interfaces a speaker reports; `None` until it reports any.
pub fn interfaces(state: &SpeakerState) -> Option<Vec<NodeInterface>> {
    let status = state.status.as_ref()?;
    let interfaces = status.interfaces.iter().map(|interface| NodeInterface {
        name: interface.name.clone(),
        networks: interface.addresses.iter().filter_map(|network| network.parse().ok()).collect(),
        carrier: interface.carrier,
    });
    Some(interfaces.collect())
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{Interface, SpeakerStateStatus};

    use super::*;

    #[test]
    fn names_are_no_addresses_and_the_labels_presence_excludes() {
        let mut object = kinds::Node::default();
        object.metadata.name = Some("n1".into());
        object.metadata.labels = Some([(EXCLUDE_NODE_LABEL.to_owned(), "false".to_owned())].into());
        object.status.addresses =
            [("InternalIP", "192.0.2.10"), ("InternalIP", "2001:db8::10"), ("Hostname", "n1")]
                .map(|(kind, address)| kinds::NodeAddress { r#type: kind.into(), address: address.into() })
                .into();
        let parsed = node(&object);
        assert_eq!(parsed.addresses.len(), 2);
        assert!(parsed.excluded, "only its presence counts");
        assert!(!parsed.ready, "a node that says nothing is not ready");
        assert_eq!(parsed.interfaces, None);
    }

    #[test]
    fn interfaces_are_unknown_until_the_speaker_reports() {
        let mut state = SpeakerState::new("n1", ferrolb_api::SpeakerStateSpec {});
        assert_eq!(interfaces(&state), None);
        let interface = Interface {
            name: "eth0".into(),
            addresses: vec!["192.0.2.10/24".into(), "?".into()],
            carrier: true,
            segment: None,
        };
        state.status =
            Some(SpeakerStateStatus { interfaces: vec![interface], ..SpeakerStateStatus::default() });
        let parsed = interfaces(&state).unwrap();
        assert_eq!(parsed[0].networks, ["192.0.2.10/24".parse().unwrap()]);
    }
}
