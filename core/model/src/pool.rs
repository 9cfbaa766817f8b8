//! Pools of addresses.

use crate::{IpRange, Labels, PoolName, Selector};

/// An `IPAddressPool`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// Its labels.
    pub labels: Labels,
    /// Its addresses, handed out in this order.
    pub ranges: Vec<IpRange>,
    /// Addresses never handed out.
    pub exclude: Vec<IpRange>,
    /// Whether Services that name no pool may get its addresses.
    pub auto_assign: bool,
    /// Whether IPv4 addresses that end in .0 or .255 are left out.
    pub avoid_buggy_ips: bool,
    /// Whether nothing new is given out.
    pub drain: bool,
    /// Whether a Service may name the pool or one of its addresses.
    pub allow_requests: bool,
    /// Which Services may share an address.
    pub sharing: Sharing,
    /// Which Services it is for; `None`: every one.
    pub allocation: Option<ServiceAllocation>,
    /// When it was created, in seconds since 1970. Of two pools that overlap, the older one has the addresses.
    pub created: i64,
}

impl Pool {
    /// A pool with the API's defaults.
    pub fn new(name: impl Into<PoolName>, ranges: Vec<IpRange>) -> Self {
        Self {
            name: name.into(),
            labels: Labels::new(),
            ranges,
            exclude: Vec::new(),
            auto_assign: true,
            avoid_buggy_ips: false,
            drain: false,
            allow_requests: true,
            sharing: Sharing::SameNamespace,
            allocation: None,
            created: 0,
        }
    }
}

/// Which Services with equal sharing keys may share an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Those of one namespace.
    SameNamespace,
    /// Those of any namespace.
    AnyNamespace,
}

/// Binds a pool to Services. One matches if its namespace is listed or selected (both lists empty: any namespace) and
/// one of `service_selectors` matches its labels (empty: any labels).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAllocation {
    /// Lower is tried first, 0 last.
    pub priority: u32,
    /// Namespaces by name.
    pub namespaces: Vec<String>,
    /// Namespaces by label.
    pub namespace_selectors: Vec<Selector>,
    /// Services by label.
    pub service_selectors: Vec<Selector>,
}
