//! Where Services have ready endpoints, gathered from EndpointSlices.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_model::{EndpointSet, NodeName, ServiceId};
use ferrolb_runtime::{
    kinds::{EndpointSlice, SERVICE_NAME_LABEL},
    watch::Change,
};

/// The ready endpoints of every Service, by slice.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    slices: BTreeMap<(String, String), Ready>,
    by_service: BTreeMap<ServiceId, BTreeSet<(String, String)>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Ready {
    service: ServiceId,
    nodes: BTreeSet<NodeName>,
    anywhere: bool,
}

impl Endpoints {
    /// Applies what a watch saw and returns the Services whose endpoints are not what they were.
    pub(crate) fn apply(&mut self, change: Change<EndpointSlice>) -> BTreeSet<ServiceId> {
        let mut changed = BTreeSet::new();
        match change {
            Change::All(slices) => {
                let keys: BTreeSet<_> = slices.iter().map(key).collect();
                let gone: Vec<_> = self.slices.keys().filter(|key| !keys.contains(*key)).cloned().collect();
                for key in gone {
                    self.remove(&key, &mut changed);
                }
                for slice in slices {
                    self.insert(&slice, &mut changed);
                }
            }
            Change::Applied(slice) => self.insert(&slice, &mut changed),
            Change::Deleted(slice) => self.remove(&key(&slice), &mut changed),
        }
        changed
    }

    /// The ready endpoints of one Service.
    pub(crate) fn of(&self, service: &ServiceId) -> EndpointSet {
        let mut set =
            EndpointSet { service: service.clone(), ready_nodes: BTreeSet::new(), ready_anywhere: false };
        let slices =
            self.by_service.get(service).into_iter().flatten().filter_map(|key| self.slices.get(key));
        for ready in slices {
            set.ready_nodes.extend(ready.nodes.iter().cloned());
            set.ready_anywhere |= ready.anywhere;
        }
        set
    }

    fn insert(&mut self, slice: &EndpointSlice, changed: &mut BTreeSet<ServiceId>) {
        let key = key(slice);
        let Some(ready) = Ready::of(slice) else { return self.remove(&key, changed) };
        if self.slices.get(&key) == Some(&ready) {
            return;
        }
        self.remove(&key, changed);
        changed.insert(ready.service.clone());
        self.by_service.entry(ready.service.clone()).or_default().insert(key.clone());
        self.slices.insert(key, ready);
    }

    fn remove(&mut self, key: &(String, String), changed: &mut BTreeSet<ServiceId>) {
        let Some(ready) = self.slices.remove(key) else { return };
        if let Some(keys) = self.by_service.get_mut(&ready.service) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_service.remove(&ready.service);
            }
        }
        changed.insert(ready.service);
    }
}

impl Ready {
    fn of(slice: &EndpointSlice) -> Option<Self> {
        let labels = slice.metadata.labels.as_ref()?;
        let service =
            ServiceId::new(slice.metadata.namespace.as_deref()?, labels.get(SERVICE_NAME_LABEL)?.as_str());
        let ready = || slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true));
        Some(Self {
            service,
            nodes: ready().filter_map(|endpoint| endpoint.node_name.as_deref()).map(NodeName::from).collect(),
            anywhere: ready().next().is_some(),
        })
    }
}

fn key(slice: &EndpointSlice) -> (String, String) {
    let metadata = &slice.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ferrolb_runtime::kinds::{Endpoint, EndpointConditions};

    use super::*;

    fn slice(name: &str, nodes: &[(&str, Option<bool>)]) -> EndpointSlice {
        let mut slice = EndpointSlice::default();
        slice.metadata.namespace = Some("default".into());
        slice.metadata.name = Some(name.into());
        slice.metadata.labels = Some([(SERVICE_NAME_LABEL.to_owned(), "web".to_owned())].into());
        slice.endpoints = nodes
            .iter()
            .map(|(node, ready)| Endpoint {
                conditions: EndpointConditions { ready: *ready },
                node_name: Some((*node).into()),
            })
            .collect();
        slice
    }

    #[test]
    fn slices_of_one_service_add_up() {
        let mut endpoints = Endpoints::default();
        let web = ServiceId::new("default", "web");
        let changed = endpoints.apply(Change::All(vec![
            slice("web-4", &[("n1", Some(true)), ("n2", Some(false))]),
            slice("web-6", &[("n3", None)]),
        ]));
        assert_eq!(changed, [web.clone()].into());
        let nodes = |endpoints: &Endpoints| {
            endpoints.of(&web).ready_nodes.iter().map(NodeName::to_string).collect::<Vec<_>>()
        };
        assert_eq!(nodes(&endpoints), ["n1", "n3"]);

        assert!(endpoints.apply(Change::Applied(slice("web-6", &[("n3", None)]))).is_empty());
        endpoints.apply(Change::Deleted(slice("web-6", &[])));
        assert_eq!(nodes(&endpoints), ["n1"]);
        endpoints.apply(Change::All(Vec::new()));
        assert!(!endpoints.of(&web).ready_anywhere);
    }
}
