//! Nodes, and where the endpoints of Services run.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

use crate::{Labels, NodeName, ServiceId};

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Its labels.
    pub labels: Labels,
    /// The addresses that its object names.
    pub addresses: Vec<IpAddr>,
    /// The interfaces its speaker reports; `None` until it reports.
    pub interfaces: Option<Vec<NodeInterface>>,
    /// Whether it is labelled out of load balancers (KEP-1143).
    pub excluded: bool,
    /// Why it is about to be taken away, such as `cordoned`; `None`: it stays.
    pub leaving: Option<String>,
    /// Whether its condition `Ready` is true.
    pub ready: bool,
}

impl Node {
    /// Its own addresses, which are never handed out: those its object names, and those its speaker reports of interfaces. One may
    /// come twice.
    pub fn own_addresses(&self) -> impl Iterator<Item = IpAddr> {
        let interfaces = self.interfaces.iter().flatten();
        let reported = interfaces.flat_map(|interface| interface.networks.iter().map(IpNet::addr));
        self.addresses.iter().copied().chain(reported)
    }
}

/// An interface of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInterface {
    /// Its name.
    pub name: String,
    /// Its addresses, each with its network.
    pub networks: Vec<IpNet>,
    /// Whether it has a link.
    pub carrier: bool,
}

/// Where a Service's ready endpoints run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSet {
    /// The Service.
    pub service: ServiceId,
    /// Nodes with a ready endpoint.
    pub ready_nodes: BTreeSet<NodeName>,
    /// Whether any endpoint is ready, on a known node or not.
    pub ready_anywhere: bool,
}
