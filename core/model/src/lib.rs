//! What the cores speak of: pools, Services, nodes, endpoints, VIPs. Plain data, parsed once from the API or from a
//! folder; deciding is the business of the crates that use it.

mod address;
mod advertisement;
mod labels;
mod name;
mod node;
mod pool;
mod reasons;
mod selector;
mod service;
mod vip;

pub use address::{Family, IpRange};
pub use advertisement::{BgpAdvertisement, BgpPeer, L2Advertisement, PreferredNodes};
pub use labels::Labels;
pub use name::{NodeName, PoolName, ServiceId, Uid};
pub use node::{EndpointSet, Node, NodeInterface};
pub use pool::{Pool, ServiceAllocation, Sharing};
pub use selector::{Requirement, Selector, selected};
pub use service::{Assignment, FamilyPolicy, Ingress, Port, Protocol, Request, Service, TrafficPolicy};
pub use vip::{Vip, VipService};
