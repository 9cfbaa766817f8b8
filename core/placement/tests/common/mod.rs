//! What tests of placement are made of.

use std::net::IpAddr;

use ferrolb_model::{
    EndpointSet, Labels, Node, NodeInterface, NodeName, ServiceId, TrafficPolicy, Vip, VipService,
};
use ferrolb_placement::{Decision, Placement, Placer};

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

pub(crate) fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        labels: labels(&[("name", name)]),
        addresses: Vec::new(),
        interfaces: None,
        excluded: false,
        leaving: None,
        ready: true,
    }
}

pub(crate) fn on(name: &str, interfaces: &[(&str, &str)]) -> Node {
    let interfaces = interfaces.iter().map(|(name, network)| NodeInterface {
        name: (*name).into(),
        networks: vec![network.parse().unwrap()],
        carrier: true,
    });
    Node { interfaces: Some(interfaces.collect()), ..node(name) }
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn vip(address: &str) -> Vip {
    Vip {
        address: ip(address),
        pool: Some("lan".into()),
        services: vec![VipService {
            id: ServiceId::new("default", address),
            uid: address.into(),
            labels: labels(&[("app", "web")]),
        }],
        traffic_policy: TrafficPolicy::Cluster,
        move_to: None,
    }
}

pub(crate) fn endpoints(address: &str, nodes: &[&str]) -> EndpointSet {
    EndpointSet {
        service: ServiceId::new("default", address),
        ready_nodes: nodes.iter().map(|name| NodeName::from(*name)).collect(),
        ready_anywhere: !nodes.is_empty(),
    }
}

pub(crate) fn placement(placer: &Placer, address: &str) -> Placement {
    match placer.decision(ip(address)) {
        Some(Decision::Announced(placement)) => placement.clone(),
        other => panic!("{address} is not announced: {other:?}"),
    }
}
