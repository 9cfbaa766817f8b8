use std::collections::BTreeMap;
use std::ops::Bound;

use ferrolb_runtime::kinds::{EndpointSlice, SERVICE_NAME_LABEL};
use ferrolb_runtime::watch::Change;

/// A Service: `namespace/name/`, with which the names of what is its own begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceName<'a>(&'a str);

/// One `EndpointSlice`, reduced to whether it has ready endpoints here and at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointGroup {
    /// `namespace/service/slice`: a node has those of the whole cluster.
    name: Box<str>,
    ready: Ready,
}

/// The endpoints of all Services, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    /// By Service and slice, as [`EndpointGroup::name`]; `None` until they have been listed.
    groups: Option<BTreeMap<Box<str>, Ready>>,
}

/// What a slice says of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ready {
    /// How many on this node are ready.
    here: u32,
    /// Whether any is.
    anywhere: bool,
}

impl<'a> ServiceName<'a> {
    /// The Service with whose name `text` begins.
    pub(super) fn begins(text: &'a str) -> Self {
        let end = text.match_indices('/').nth(1).map_or(text.len(), |(at, _)| at + 1);
        Self(&text[..end])
    }

    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }
}

impl EndpointGroup {
    /// Reads a slice as the speaker of `node` sees it; `None` if it belongs to no Service.
    pub fn read(slice: &EndpointSlice, node: &str) -> Option<Self> {
        let service = slice.metadata.labels.as_ref()?.get(SERVICE_NAME_LABEL)?;
        let mut ready = slice.endpoints.iter().filter(|e| e.conditions.ready.unwrap_or(true)).peekable();
        let anywhere = ready.peek().is_some();
        let here = ready.filter(|endpoint| endpoint.node_name.as_deref() == Some(node)).count();
        let here = u32::try_from(here).unwrap_or(u32::MAX);
        let (namespace, name) = (slice.metadata.namespace.as_ref()?, slice.metadata.name.as_ref()?);
        let name = [namespace, "/", service, "/", name].concat().into();
        Some(Self { name, ready: Ready { here, anywhere } })
    }

    /// The Service it belongs to.
    pub(crate) fn service(&self) -> ServiceName<'_> {
        ServiceName::begins(&self.name)
    }
}

impl Endpoints {
    /// Forgets all of them: nobody follows them any more.
    pub(crate) fn forget(&mut self) {
        self.groups = None;
    }

    /// Takes a change; tells whether anything differs now.
    pub(crate) fn apply(&mut self, change: Change<EndpointGroup>) -> bool {
        match change {
            Change::All(groups) => {
                let groups = groups.into_iter().map(|group| (group.name, group.ready));
                let groups = Some(groups.collect());
                let differs = groups != self.groups;
                self.groups = groups;
                differs
            }
            Change::Applied(EndpointGroup { name, ready }) => {
                self.groups.get_or_insert_default().insert(name, ready) != Some(ready)
            }
            Change::Deleted(EndpointGroup { name, .. }) => {
                self.groups.as_mut().is_some_and(|groups| groups.remove(&name).is_some())
            }
        }
    }

    /// Whether this node may carry a Service's traffic under the Local policy: it has a ready endpoint, or no node has
    /// (then whoever answers can at least refuse). While endpoints are unknown the plan is trusted: its candidates had
    /// one.
    pub(crate) fn gate(&self, service: ServiceName<'_>) -> bool {
        self.ready(service).is_none_or(|(here, anywhere)| here > 0 || !anywhere)
    }

    /// How many endpoints of a Service are ready on this node, and whether any is anywhere; `None` while they are unknown.
    pub(crate) fn ready(&self, service: ServiceName<'_>) -> Option<(u32, bool)> {
        let groups = self.groups.as_ref()?;
        let from = (Bound::Included(service.as_str()), Bound::Unbounded);
        let groups = groups.range::<str, _>(from);
        let of_service = groups.take_while(|(name, _)| name.starts_with(service.as_str()));
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
pub(crate) mod tests {
    use super::*;

    /// A slice of the Service `ns/SERVICE`.
    pub(crate) fn group(service: &str, slice: &str, here: u32, anywhere: bool) -> EndpointGroup {
        let name = format!("ns/{service}/{slice}").into();
        EndpointGroup { name, ready: Ready { here, anywhere } }
    }

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
        let readiness = |group: EndpointGroup| (group.ready.here, group.ready.anywhere);
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
        assert_eq!(slice("null").name.as_ref(), "ns/web/web-1");
        assert_eq!(slice("null").service(), ServiceName("ns/web/"));
        assert_eq!(read(r#"{"metadata":{"namespace":"ns","name":"stray"},"endpoints":[]}"#), None);
    }

    #[test]
    fn the_gate_opens_with_an_endpoint_here_or_none_at_all() {
        let mut endpoints = Endpoints::default();
        assert!(endpoints.gate(ServiceName("ns/web/")), "unknown");
        assert!(endpoints.apply(Change::All(vec![group("web", "1", 0, true), group("weber", "1", 1, true)])));
        assert!(!endpoints.gate(ServiceName("ns/web/")), "ready elsewhere only");
        assert!(endpoints.gate(ServiceName("ns/none/")), "no endpoints at all");
        assert!(endpoints.apply(Change::Applied(group("web", "2", 1, true))));
        assert!(!endpoints.apply(Change::Applied(group("web", "2", 1, true))), "the same again");
        assert!(endpoints.gate(ServiceName("ns/web/")));
        assert!(endpoints.apply(Change::Deleted(group("web", "2", 1, true))));
        assert!(endpoints.apply(Change::Applied(group("web", "1", 0, false))));
        assert!(endpoints.gate(ServiceName("ns/web/")), "none anywhere");
        endpoints.forget();
        assert!(endpoints.gate(ServiceName("ns/web/")));
    }
}
