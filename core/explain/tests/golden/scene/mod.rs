//! A small cluster with one Service to explain: two nodes, a pool `lan`, a controller that leads.

pub(crate) mod routed;

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_explain::{
    Announcement, Condition, Controller, DefaultClass, ExceptionKind, Facts, Hearing, Known, Report, Routing,
    Speaker, Subject,
};
use ferrolb_ipam::Snapshot;
use ferrolb_model::{
    Assignment, Ingress, IpRange, Labels, NodeInterface, NodeName, Pool, PoolName, Port, Protocol, Service,
    ServiceId, TrafficPolicy,
};

pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) kind: String,
    pub(crate) class: Option<String>,
    pub(crate) allocated: Option<Condition>,
    pub(crate) announced: Option<Condition>,
    pub(crate) pools: Vec<Pool>,
    pub(crate) invalid_pools: BTreeMap<PoolName, String>,
    pub(crate) others: Vec<Service>,
    pub(crate) default_class: DefaultClass,
    pub(crate) controller: Known<Controller>,
    pub(crate) announcements: Known<BTreeMap<IpAddr, Announcement>>,
    pub(crate) speakers: Known<BTreeMap<NodeName, Speaker>>,
    pub(crate) routing: Option<Known<Routing>>,
}

impl Scene {
    /// A Service `default/web` that nobody has looked at yet.
    pub(crate) fn pending() -> Self {
        let speaker = || Speaker { ready: Some(true), report: Some(Report::default()) };
        let speakers = ["n1", "n2"].map(|node| (NodeName::from(node), speaker()));
        Self {
            service: service("default/web"),
            kind: "LoadBalancer".into(),
            class: None,
            allocated: None,
            announced: None,
            pools: vec![pool("lan", "192.0.2.128", "192.0.2.199")],
            invalid_pools: BTreeMap::new(),
            others: Vec::new(),
            default_class: DefaultClass::Served,
            controller: Known::Known(Controller::Leads { holder: "controller-1".into(), renewed: 1 }),
            announcements: Known::Known(BTreeMap::new()),
            speakers: Known::Known(speakers.into()),
            routing: None,
        }
    }

    /// The same with this address of pool `lan`, announced.
    pub(crate) fn served(address: &str) -> Self {
        let mut scene = Self::pending();
        let address: IpAddr = address.parse().unwrap();
        scene.service.ingress = ours(address);
        scene.allocated = Some(Condition {
            status: true,
            reason: "Allocated".into(),
            message: format!("{address} from pool lan"),
        });
        scene.announced = Some(Condition {
            status: true,
            reason: "Layer2".into(),
            message: format!("{address} on node n1 (eth0)"),
        });
        let told = Announcement {
            slice: "vips-0".into(),
            nodes: vec!["n1".into(), "n2".into()],
            services: vec![ServiceId::new("default", "web")],
            traffic_policy: TrafficPolicy::Cluster,
            routed_by: Vec::new(),
        };
        scene.announcements = Known::Known([(address, told)].into());
        scene
    }

    /// Its condition says that it is refused for this reason.
    pub(crate) fn says(&mut self, reason: &str) {
        self.allocated =
            Some(Condition { status: false, reason: reason.into(), message: "as the pool says".into() });
    }

    /// Another Service that has the address.
    pub(crate) fn other(&mut self, id: &str, address: &str) {
        let mut other = service(id);
        other.ingress = ours(address.parse().unwrap());
        self.others.push(other);
    }

    pub(crate) fn speaker(&mut self, node: &str) -> &mut Speaker {
        match &mut self.speakers {
            Known::Known(speakers) => speakers.get_mut(&NodeName::from(node)).unwrap(),
            Known::Unknown(why) => panic!("the speakers are not known: {why}"),
        }
    }

    pub(crate) fn except(&mut self, node: &str, address: &str, kind: ExceptionKind, why: &str) {
        let report = self.speaker(node).report.as_mut().unwrap();
        report.exceptions.push((address.parse().unwrap(), kind, why.into()));
    }

    /// The node's speaker, on an interface in `network`, hears no other, or none of those that are filtered.
    pub(crate) fn deaf(&mut self, node: &str, network: &str, filtered: &[&str]) {
        let interface =
            NodeInterface { name: "eth0".into(), networks: vec![network.parse().unwrap()], carrier: true };
        let isolated = filtered.is_empty();
        let filtered = filtered.iter().map(|node| NodeName::from(*node)).collect();
        let report = self.speaker(node).report.as_mut().unwrap();
        report.hearing.push(Hearing { interface, filtered, isolated });
    }

    pub(crate) fn build(self) -> (Facts, Subject) {
        let served = self.kind == "LoadBalancer"
            && self.class.is_none()
            && self.default_class != DefaultClass::NotServed;
        let mut services = self.others;
        if served {
            services.push(self.service.clone());
        }
        let namespaces = ["default", "team"].map(|name| (name.to_owned(), Labels::new()));
        let snapshot = Snapshot {
            pools: self.pools,
            invalid_pools: self.invalid_pools.keys().cloned().collect(),
            services,
            namespaces: namespaces.into(),
            ..Snapshot::default()
        };
        let facts = Facts {
            now: 1_000_000,
            allocator: snapshot.allocator(),
            invalid_pools: self.invalid_pools,
            default_class: self.default_class,
            controller: self.controller,
            announcements: self.announcements,
            speakers: self.speakers,
            routing: self.routing,
        };
        let subject = Subject {
            service: self.service,
            kind: self.kind,
            class: self.class,
            allocated: self.allocated,
            announced: self.announced,
        };
        (facts, subject)
    }
}

pub(crate) fn pool(name: &str, first: &str, last: &str) -> Pool {
    Pool::new(name, vec![IpRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()])
}

fn ours(address: IpAddr) -> Ingress {
    Ingress::Ours {
        assigned: vec![Assignment { address, pool: Some("lan".into()) }],
        removed: Vec::new(),
        since: 1,
    }
}

fn service(id: &str) -> Service {
    let (namespace, name) = id.split_once('/').unwrap();
    let ports = vec![Port { protocol: Protocol::Tcp, number: 80 }];
    Service { created: 1, ..Service::new(ServiceId::new(namespace, name), id, ports) }
}
