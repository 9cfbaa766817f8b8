//! VIPs: addresses that Services hold.

use std::net::IpAddr;

use crate::{Labels, NodeName, PoolName, ServiceId, TrafficPolicy, Uid};

/// An address that one Service holds, or several share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// The address.
    pub address: IpAddr,
    /// The pool it was taken from, which may be gone; `None` if nobody remembers.
    pub pool: Option<PoolName>,
    /// The Services reachable at it.
    pub services: Vec<VipService>,
    /// Their traffic policy: Services with different ones do not share.
    pub traffic_policy: TrafficPolicy,
    /// The node that one of them asks to answer for it.
    pub move_to: Option<NodeName>,
}

/// A Service as its VIP sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipService {
    /// Its namespace and name.
    pub id: ServiceId,
    /// Its uid.
    pub uid: Uid,
    /// Its labels.
    pub labels: Labels,
}
