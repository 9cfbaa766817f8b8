use std::collections::BTreeMap;

use ferrolb_runtime::kinds::{EndpointSlice, SERVICE_NAME_LABEL};
use ferrolb_runtime::watch::Change;

/// A Service, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// One `EndpointSlice`, reduced to whether it has ready endpoints here and at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGroup {
    /// The slice's own name, unique in the Service's namespace.
    pub name: String,
    /// The Service it belongs to.
    pub service: ServiceName,
    /// How many endpoints on this node are ready.
    pub ready_here: u32,
    /// Whether any endpoint is ready.
    pub ready_anywhere: bool,
}

impl EndpointGroup {
    /// Reads a slice as the speaker of `node` sees it; `None` if it belongs to no Service.
    pub fn read(slice: &EndpointSlice, node: &str) -> Option<Self> {
        let service = ServiceName {
            namespace: slice.metadata.namespace.clone()?,
            name: slice.metadata.labels.as_ref()?.get(SERVICE_NAME_LABEL)?.clone(),
        };
        let mut ready = slice.endpoints.iter().filter(|e| e.conditions.ready.unwrap_or(true)).peekable();
        let ready_anywhere = ready.peek().is_some();
        let here = ready.filter(|endpoint| endpoint.node_name.as_deref() == Some(node)).count();
        let ready_here = u32::try_from(here).unwrap_or(u32::MAX);
        Some(Self { name: slice.metadata.name.clone()?, service, ready_here, ready_anywhere })
    }
}

/// The endpoints of all Services, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    /// By Service and slice; `None` until they have been listed.
    groups: Option<BTreeMap<(ServiceName, String), Ready>>,
}

/// What a slice says of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ready {
    here: u32,
    anywhere: bool,
}

impl Endpoints {
    /// Forgets all of them: nobody follows them any more.
    pub(crate) fn forget(&mut self) {
        self.groups = None;
    }

    /// Takes a change; tells whether anything differs now.
    pub(crate) fn apply(&mut self, change: Change<EndpointGroup>) -> bool {
        let keyed = |group: EndpointGroup| {
            let EndpointGroup { name, service, ready_here: here, ready_anywhere: anywhere } = group;
            ((service, name), Ready { here, anywhere })
        };
        match change {
            Change::All(groups) => {
                let groups = Some(groups.into_iter().map(keyed).collect());
                let differs = groups != self.groups;
                self.groups = groups;
                differs
            }
            Change::Applied(group) => {
                let (key, ready) = keyed(group);
                self.groups.get_or_insert_default().insert(key, ready) != Some(ready)
            }
            Change::Deleted(group) => {
                self.groups.as_mut().is_some_and(|groups| groups.remove(&keyed(group).0).is_some())
            }
        }
    }

    /// Whether this node may carry a Service's traffic under the Local policy: it has a ready endpoint, or no node has
    /// (then whoever answers can at least refuse). While endpoints are unknown the plan is trusted: its candidates had
    /// one.
    pub(crate) fn gate(&self, service: &ServiceName) -> bool {
        self.ready(service).is_none_or(|(here, anywhere)| here > 0 || !anywhere)
    }

    /// How many endpoints of a Service are ready on this node, and whether any is anywhere; `None` while they are unknown.
    pub(crate) fn ready(&self, service: &ServiceName) -> Option<(u32, bool)> {
        let groups = self.groups.as_ref()?;
        let from = (service.clone(), String::new());
        let of_service = groups.range(from..).take_while(|((of, _), _)| of == service);
        let sum = of_service.fold((0_u32, false), |(here, anywhere), (_, ready)| {
            (here.saturating_add(ready.here), anywhere || ready.anywhere)
        });
        Some(sum)
    }

    /// Whether they have been listed.
    pub(crate) fn is_listed(&self) -> bool {
        self.groups.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<EndpointGroup> {
        EndpointGroup::read(&serde_json::from_str(json).unwrap(), "node-a")
    }

    #[test]
    fn slices_are_reduced_to_readiness_here_and_anywhere() {
        let slice = |endpoints: &str| {
            read(&format!(
                r#"{{"metadata":{{"namespace":"ns","name":"web-1","labels":{{"kubernetes.io/service-name":"web"}}}},
                "addressType":"IPv4","endpoints":{endpoints}}}"#
            ))
            .unwrap()
        };
        let readiness = |group: EndpointGroup| (group.ready_here, group.ready_anywhere);
        assert_eq!(readiness(slice(r#"[{"nodeName":"node-a","conditions":{"ready":true}}]"#)), (1, true));
        assert_eq!(
            readiness(slice(r#"[{"nodeName":"node-a","conditions":{}}]"#)),
            (1, true),
            "absent is ready"
        );
        assert_eq!(
            readiness(slice(r#"[{"nodeName":"node-b"},{"nodeName":"node-a","conditions":{"ready":false}}]"#)),
            (0, true)
        );
        assert_eq!(readiness(slice("null")), (0, false));
        assert_eq!(read(r#"{"metadata":{"namespace":"ns","name":"stray"},"endpoints":[]}"#), None);
    }

    #[test]
    fn the_gate_opens_with_an_endpoint_here_or_none_at_all() {
        let service = |name: &str| ServiceName { namespace: "ns".to_owned(), name: name.to_owned() };
        let group = |of: &str, name: &str, ready_here, ready_anywhere| EndpointGroup {
            name: name.to_owned(),
            service: service(of),
            ready_here,
            ready_anywhere,
        };
        let mut endpoints = Endpoints::default();
        assert!(endpoints.gate(&service("web")), "unknown");
        assert!(endpoints.apply(Change::All(vec![group("web", "1", 0, true), group("weber", "1", 1, true)])));
        assert!(!endpoints.gate(&service("web")), "ready elsewhere only");
        assert!(endpoints.gate(&service("none")), "no endpoints at all");
        assert!(endpoints.apply(Change::Applied(group("web", "2", 1, true))));
        assert!(!endpoints.apply(Change::Applied(group("web", "2", 1, true))), "the same again");
        assert!(endpoints.gate(&service("web")));
        assert!(endpoints.apply(Change::Deleted(group("web", "2", 1, true))));
        assert!(endpoints.apply(Change::Applied(group("web", "1", 0, false))));
        assert!(endpoints.gate(&service("web")), "none anywhere");
        endpoints.forget();
        assert!(endpoints.gate(&service("web")));
    }
}
