//! The cluster's objects: pools, nodes, namespaces, what speakers report.

use std::collections::BTreeMap;

use ferrolb_api::{
    Configuration, IPAddressPool, Interface, L2Advertisement, SpeakerState, SpeakerStateSpec,
    SpeakerStateStatus,
};
use ferrolb_runtime::{kinds, watch::Change};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{super::super::Event, store::Store};

/// The pools' names, and what their specs may become; the first is what they begin as, the last is invalid.
pub(super) const POOLS: [(&str, &[&str]); 3] = [
    (
        "lan",
        &[
            r#"{"addresses":["192.0.2.1-192.0.2.6","2001:db8::1-2001:db8::4"]}"#,
            r#"{"addresses":["192.0.2.1-192.0.2.10","2001:db8::1-2001:db8::8"]}"#,
            r#"{"addresses":["192.0.2.3-192.0.2.6","2001:db8::3-2001:db8::4"]}"#,
            r#"{"addresses":["192.0.2.1-192.0.2.6","2001:db8::1-2001:db8::4"],"exclude":["192.0.2.4"]}"#,
            r#"{"addresses":["192.0.2.1-192.0.2.6","2001:db8::1-2001:db8::4"],"drain":true}"#,
            r#"{"addresses":["192.0.2.1-192.0.2.6"],"serviceAllocation":{"namespaceSelectors":[{"matchLabels":{"team":"x"}}]}}"#,
            r#"{"addresses":["192.0.2.6-192.0.2.1"]}"#,
        ],
    ),
    (
        "wan",
        &[
            r#"{"addresses":["198.51.100.1-198.51.100.2"]}"#,
            r#"{"addresses":["198.51.100.1-198.51.100.2","192.0.2.5-192.0.2.12"]}"#,
            r#"{"addresses":["198.51.100.1-198.51.100.3","2001:db8:1::1-2001:db8:1::2"]}"#,
            r#"{"addresses":["198.51.100.1-198.51.100.2"],"serviceAllocation":{"priority":5,"namespaces":["a"]}}"#,
            r#"{"addresses":["198.51.100.2-198.51.100.1"]}"#,
        ],
    ),
    (
        "named",
        &[
            r#"{"addresses":["203.0.113.1-203.0.113.3"],"autoAssign":false,"sharing":"AnyNamespace"}"#,
            r#"{"addresses":["203.0.113.1-203.0.113.3"],"autoAssign":false,"allowRequests":false,"sharing":"AnyNamespace"}"#,
            r#"{"addresses":["203.0.113.3-203.0.113.1"]}"#,
        ],
    ),
];

/// The networks of every node's interface.
const NETWORKS: [&str; 4] = ["192.0.2.20/24", "198.51.100.20/24", "203.0.113.20/24", "2001:db8::20/32"];

/// A cluster of two nodes with every pool, advertised by a label that every pool has.
pub(super) fn first_objects() -> Store {
    let mut store = Store::default();
    for number in 0..POOLS.len() {
        set_pool(&mut store, number, 0, i64::try_from(number).unwrap());
    }
    let by_label = spec_of(json!({"ipAddressPoolSelectors": [{"matchLabels": {"announced": "yes"}}]}));
    store.advertisements.insert("all".into(), L2Advertisement::new("all", by_label));
    for name in ["a", "b"] {
        label(&mut store, name, false);
    }
    for number in 0..2 {
        add_node(&mut store, number);
        report(&mut store, &format!("n{number}"), "0".into());
    }
    store
}

/// A speaker's report, if it says anything new.
pub(super) fn report(store: &mut Store, node: &str, revision: String) -> Option<Event> {
    if !store.nodes.contains_key(node) {
        return None;
    }
    let known = store.speakers.get(node).and_then(|state| state.status.as_ref());
    if known.is_some_and(|status| status.configuration.revision == revision) {
        return None;
    }
    let mut state = SpeakerState::new(node, SpeakerStateSpec {});
    state.metadata.resource_version = Some(store.next_version());
    state.status = Some(SpeakerStateStatus {
        configuration: Configuration { revision, ..Configuration::default() },
        interfaces: vec![Interface {
            name: "eth0".into(),
            addresses: NETWORKS.map(str::to_owned).into(),
            carrier: true,
            segment: None,
        }],
        ..SpeakerStateStatus::default()
    });
    store.speakers.insert(node.into(), state.clone());
    Some(Event::Speakers(Change::Applied(state)))
}

/// Makes the pool of this number, or edits it.
pub(super) fn set_pool(store: &mut Store, number: usize, variant: usize, created: i64) -> Event {
    let (name, variants) = POOLS[number];
    let spec: Value = serde_json::from_str(variants[variant]).unwrap();
    let spec = serde_json::from_value(spec).unwrap();
    let version = store.next_version();
    let before = store.pools.get(name);
    let mut pool = before.cloned().unwrap_or_else(|| {
        let mut pool = IPAddressPool::new(name, spec_of(json!({"addresses": ["192.0.2.1/32"]})));
        pool.metadata.labels = Some(BTreeMap::from([("announced".to_owned(), "yes".to_owned())]));
        pool.metadata.creation_timestamp =
            Some(Time(jiff::Timestamp::from_second(created).unwrap_or_default()));
        pool.metadata.uid = Some(format!("uid-{version}"));
        pool
    });
    if before.is_none() || pool.spec != spec {
        pool.metadata.generation = Some(pool.metadata.generation.unwrap_or_default() + 1);
    }
    pool.spec = spec;
    pool.metadata.resource_version = Some(version);
    store.pools.insert(name.into(), pool.clone());
    Event::Pools(Change::Applied(pool))
}

fn spec_of<S: DeserializeOwned>(spec: Value) -> S {
    serde_json::from_value(spec).unwrap()
}

/// Gives the namespace the label that a pool selects by, or takes it.
pub(super) fn label(store: &mut Store, name: &str, is_set: bool) -> Event {
    let mut namespace = kinds::Namespace::default();
    namespace.metadata.name = Some(name.into());
    namespace.metadata.resource_version = Some(store.next_version());
    if is_set {
        namespace.metadata.labels = Some(BTreeMap::from([("team".to_owned(), "x".to_owned())]));
    }
    store.namespaces.insert(name.into(), namespace.clone());
    Event::Namespaces(Change::Applied(namespace))
}

/// The third node has an address of a pool.
pub(super) fn add_node(store: &mut Store, number: u64) -> Event {
    let name = format!("n{number}");
    let mut node = kinds::Node::default();
    node.metadata.name = Some(name.clone());
    node.metadata.resource_version = Some(store.next_version());
    node.status.conditions =
        vec![kinds::NodeCondition { r#type: "Ready".into(), status: "True".into(), ..Default::default() }];
    let address = if number == 2 { "192.0.2.2".to_owned() } else { format!("203.0.113.{}", 100 + number) };
    node.status.addresses = vec![kinds::NodeAddress { r#type: "InternalIP".into(), address }];
    store.nodes.insert(name, node.clone());
    Event::Nodes(Change::Applied(node))
}
