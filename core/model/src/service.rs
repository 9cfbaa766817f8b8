//! Services of `type: LoadBalancer`.

use std::{fmt, net::IpAddr};

use crate::{Family, Labels, NodeName, PoolName, ServiceId, Uid};

/// A Service that FerroLB serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its namespace and name.
    pub id: ServiceId,
    /// Its uid.
    pub uid: Uid,
    /// The version read, opaque; guards the write of its status.
    pub resource_version: String,
    /// When it was created, in seconds since 1970. The older of two that wait is served first.
    pub created: i64,
    /// Its labels.
    pub labels: Labels,
    /// The families it has cluster IPs of, the preferred one first.
    pub families: Vec<Family>,
    /// How many of them it needs.
    pub policy: FamilyPolicy,
    /// Which nodes may carry its traffic.
    pub traffic_policy: TrafficPolicy,
    /// The ports clients connect to.
    pub ports: Vec<Port>,
    /// Its pod selector as text, equal for equal selectors; empty if it has none. Under `Local` only Services with
    /// equal selectors may share an address.
    pub selector: String,
    /// What it asks for.
    pub request: Request,
    /// The node that it asks to answer for its addresses.
    pub move_to: Option<NodeName>,
    /// What its status says.
    pub ingress: Ingress,
}

impl Service {
    /// A Service with the API's defaults in an IPv4 cluster, which asks for nothing and has nothing.
    pub fn new(id: ServiceId, uid: impl Into<Uid>, ports: Vec<Port>) -> Self {
        Self {
            id,
            uid: uid.into(),
            resource_version: String::new(),
            created: 0,
            labels: Labels::new(),
            families: vec![Family::V4],
            policy: FamilyPolicy::Single,
            traffic_policy: TrafficPolicy::Cluster,
            ports,
            selector: String::new(),
            request: Request::default(),
            move_to: None,
            ingress: Ingress::Empty,
        }
    }
}

/// `spec.ipFamilyPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyPolicy {
    /// One family.
    Single,
    /// Both if they can be had.
    Prefer,
    /// Both or nothing.
    Require,
}

/// `spec.externalTrafficPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrafficPolicy {
    /// Any node.
    #[default]
    Cluster,
    /// Nodes with a ready endpoint of it.
    Local,
}

impl TrafficPolicy {
    /// Whether a node's routes carry a Service: under Cluster once an endpoint is ready anywhere, under Local once one is on the
    /// node.
    pub fn carries(self, on_node: bool, anywhere: bool) -> bool {
        match self {
            Self::Cluster => anywhere,
            Self::Local => on_node,
        }
    }
}

/// A port clients connect to. Displayed as `443/TCP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub number: u16,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// What a Service asks for by its annotations and `spec.loadBalancerIP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The pool its addresses are to come from.
    pub pool: Option<PoolName>,
    /// The addresses it is to get, at most one of a family.
    pub addresses: Vec<IpAddr>,
    /// The key it shares its addresses under.
    pub sharing_key: Option<String>,
    /// Why the request cannot be understood, as a sentence that names the field. Nothing is given for such a request,
    /// and nothing is taken away.
    pub problem: Option<String>,
}

/// What a Service's `status.loadBalancer.ingress` holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ingress {
    /// Nothing.
    #[default]
    Empty,
    /// Addresses that our condition names: FerroLB gave them.
    Ours {
        /// The addresses.
        assigned: Vec<Assignment>,
        /// Others that our condition names and that somebody took out of it.
        removed: Vec<Assignment>,
        /// Since when, in seconds since 1970. Of two Services with one address the earlier keeps it.
        since: i64,
    },
    /// Nothing, or other addresses, although our condition names those that FerroLB gave: edited by hand, or handed over to
    /// another load balancer without a word.
    Edited {
        /// The addresses in it.
        addresses: Vec<IpAddr>,
        /// What our condition names.
        given: Vec<Assignment>,
        /// Since when it has said so, in seconds since 1970.
        since: i64,
    },
    /// Something our condition does not name: another load balancer's, a cloud's.
    Foreign {
        /// Its addresses.
        addresses: Vec<IpAddr>,
        /// Its host names; FerroLB never writes one.
        hostnames: Vec<String>,
    },
}

impl Ingress {
    /// Every address in it, whoever wrote it.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.each().collect()
    }

    /// Each address in it, whoever wrote it.
    pub fn each(&self) -> impl Iterator<Item = IpAddr> {
        let (ours, foreign) = match self {
            Self::Empty => (&[][..], &[][..]),
            Self::Ours { assigned, removed: _, since: _ } => (&assigned[..], &[][..]),
            Self::Edited { addresses, given: _, since: _ } => (&[][..], &addresses[..]),
            Self::Foreign { addresses, hostnames: _ } => (&[][..], &addresses[..]),
        };
        ours.iter().map(|one| one.address).chain(foreign.iter().copied())
    }

    /// Whether it names the address, whoever wrote it.
    pub fn names(&self, address: IpAddr) -> bool {
        self.each().any(|one| one == address)
    }
}

/// An address that a Service has, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The address.
    pub address: IpAddr,
    /// The pool it was taken from, which may be gone; `None` if nobody remembers.
    pub pool: Option<PoolName>,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        })
    }
}
