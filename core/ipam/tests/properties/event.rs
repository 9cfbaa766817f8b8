//! What can happen, as data: it can be drawn, shrunk and printed as the Rust that makes it happen again.

use std::{fmt::Write as _, net::IpAddr};

use ferrolb_model::{Family, Ingress, Labels, Pool, Selector, Service, ServiceId};

use crate::world;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A Service is created or edited; its status stays as it is.
    Put(Service),
    /// A Service is deleted and made anew under its name, and both are noticed at once.
    Recreate(Service),
    /// A Service is deleted, or is no longer of type LoadBalancer.
    Remove(ServiceId),
    /// A Service is of another class from now on; its status stays.
    Leave(ServiceId),
    /// A Service of another class has these addresses.
    Bystander(ServiceId, Vec<IpAddr>),
    /// Another load balancer writes these addresses to a Service's status.
    Foreign(ServiceId, Vec<IpAddr>),
    /// The controller writes a Service's status. Never drawn: what it writes follows from what happened before.
    Status(ServiceId, Ingress),
    /// Somebody empties a Service's status.
    Clear(ServiceId),
    /// The last write of a leader that was frozen arrives.
    OldLeader(ServiceId, IpAddr),
    /// These are the pools.
    Pools(Vec<Pool>),
    /// These are the addresses of nodes.
    Nodes(Vec<IpAddr>),
    /// Several objects are edited at once, as by one `kubectl apply`, in the order in which `plan` takes them.
    Together(Vec<Self>),
    /// A namespace has these labels.
    Namespace(String, Labels),
    /// A namespace is gone.
    NoNamespace(String),
    /// The nth of the statuses that are still to be written is written.
    Write(usize),
    /// All statuses are written.
    WriteAll,
    /// The controller crashes, and another begins with what the API server has.
    Crash,
}

/// The events as the body of a regression test.
pub(crate) fn rust(events: &[Event]) -> String {
    let mut text = String::from("passes(&[\n");
    for event in events {
        writeln!(text, "    {},", event.rust()).expect("writing to a String does not fail");
    }
    text + "]);"
}

impl Event {
    fn rust(&self) -> String {
        let id = |id: &ServiceId| format!("id(\"{id}\")");
        match self {
            Self::Put(one) => format!("Put({})", service(one)),
            Self::Recreate(one) => format!("Recreate({})", service(one)),
            Self::Remove(one) => format!("Remove({})", id(one)),
            Self::Leave(one) => format!("Leave({})", id(one)),
            Self::Bystander(one, addresses) => format!("Bystander({}, {})", id(one), ips(addresses)),
            Self::Foreign(one, addresses) => format!("Foreign({}, {})", id(one), ips(addresses)),
            Self::Status(one, ingress) => format!("Status({}, {ingress:?})", id(one)),
            Self::Clear(one) => format!("Clear({})", id(one)),
            Self::OldLeader(one, address) => format!("OldLeader({}, ip(\"{address}\"))", id(one)),
            Self::Pools(all) => {
                format!("Pools(vec![{}])", all.iter().map(pool).collect::<Vec<_>>().join(", "))
            }
            Self::Together(edits) => {
                format!("Together(vec![{}])", edits.iter().map(Self::rust).collect::<Vec<_>>().join(", "))
            }
            Self::Nodes(addresses) => format!("Nodes({})", ips(addresses)),
            Self::Namespace(name, labels) => format!("Namespace(\"{name}\".into(), {})", pairs(labels)),
            Self::NoNamespace(name) => format!("NoNamespace(\"{name}\".into())"),
            Self::Write(nth) => format!("Write({nth})"),
            Self::WriteAll => "WriteAll".into(),
            Self::Crash => "Crash".into(),
        }
    }
}

fn service(one: &Service) -> String {
    let plain = world::service(&one.id.to_string());
    let mut fields = Vec::new();
    if one.created != plain.created {
        fields.push(format!("created: {}", one.created));
    }
    if one.families != plain.families {
        let families: Vec<_> = one.families.iter().map(|family| format!("Family::{family:?}")).collect();
        fields.push(format!("families: vec![{}]", families.join(", ")));
    }
    if one.policy != plain.policy {
        fields.push(format!("policy: FamilyPolicy::{:?}", one.policy));
    }
    if one.traffic_policy != plain.traffic_policy {
        fields.push(format!("traffic_policy: TrafficPolicy::{:?}", one.traffic_policy));
    }
    if one.selector != plain.selector {
        fields.push(format!("selector: {:?}.into()", one.selector));
    }
    if one.labels != plain.labels {
        fields.push(format!("labels: {}", pairs(&one.labels)));
    }
    if one.ports != plain.ports {
        let ports: Vec<_> = one
            .ports
            .iter()
            .map(|port| {
                format!("Port {{ protocol: Protocol::{:?}, number: {} }}", port.protocol, port.number)
            })
            .collect();
        fields.push(format!("ports: vec![{}]", ports.join(", ")));
    }
    if one.request != plain.request {
        let mut request = Vec::new();
        if let Some(pool) = &one.request.pool {
            request.push(format!("pool: Some(\"{pool}\".into())"));
        }
        if !one.request.addresses.is_empty() {
            request.push(format!("addresses: {}", ips(&one.request.addresses)));
        }
        if let Some(key) = &one.request.sharing_key {
            request.push(format!("sharing_key: Some({key:?}.into())"));
        }
        if let Some(problem) = &one.request.problem {
            request.push(format!("problem: Some({problem:?}.into())"));
        }
        fields.push(format!("request: Request {{ {}, ..Request::default() }}", request.join(", ")));
    }
    with(&fields, "Service", &format!("service(\"{}\")", one.id))
}

fn pool(one: &Pool) -> String {
    let list = |ranges: &[ferrolb_model::IpRange]| {
        ranges.iter().map(|range| format!("\"{range}\"")).collect::<Vec<_>>().join(", ")
    };
    let mut fields = Vec::new();
    if !one.exclude.is_empty() {
        let exclude: Vec<_> = one.exclude.iter().map(|range| format!("range(\"{range}\")")).collect();
        fields.push(format!("exclude: vec![{}]", exclude.join(", ")));
    }
    for (name, value, default) in [
        ("auto_assign", one.auto_assign, true),
        ("avoid_buggy_ips", one.avoid_buggy_ips, false),
        ("drain", one.drain, false),
        ("allow_requests", one.allow_requests, true),
    ] {
        if value != default {
            fields.push(format!("{name}: {value}"));
        }
    }
    if one.sharing != ferrolb_model::Sharing::SameNamespace {
        fields.push(format!("sharing: Sharing::{:?}", one.sharing));
    }
    if let Some(allocation) = &one.allocation {
        let selectors = |all: &[Selector]| {
            let one = |selector: &Selector| {
                let (key, value) = selector.match_labels.iter().next().expect("drawn with one label");
                format!("selector(\"{key}\", \"{value}\")")
            };
            all.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let names: Vec<_> = allocation.namespaces.iter().map(|name| format!("\"{name}\".into()")).collect();
        fields.push(format!(
            "allocation: Some(ServiceAllocation {{ priority: {}, namespaces: vec![{}], namespace_selectors: vec![{}], service_selectors: vec![{}] }})",
            allocation.priority,
            names.join(", "),
            selectors(&allocation.namespace_selectors),
            selectors(&allocation.service_selectors)
        ));
    }
    if one.created != 0 {
        fields.push(format!("created: {}", one.created));
    }
    with(&fields, "Pool", &format!("pool(\"{}\", &[{}])", one.name, list(&one.ranges)))
}

fn with(fields: &[String], kind: &str, base: &str) -> String {
    if fields.is_empty() {
        return base.to_owned();
    }
    format!("{kind} {{ {}, ..{base} }}", fields.join(", "))
}

fn ips(addresses: &[IpAddr]) -> String {
    format!("vec![{}]", addresses.iter().map(|one| format!("ip(\"{one}\")")).collect::<Vec<_>>().join(", "))
}

fn pairs(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(key, value)| format!("(\"{key}\", \"{value}\")")).collect();
    format!("labels(&[{}])", pairs.join(", "))
}

/// The small ranges that everything is drawn from; .255 and .0 lie in the midst of the IPv4 one.
pub(crate) fn address(family: Family, at: u64) -> IpAddr {
    let base = match family {
        Family::V4 => world::ip("192.0.2.250"),
        Family::V6 => world::ip("2001:db8::"),
    };
    family.address(Family::number(base) + u128::from(at))
}
