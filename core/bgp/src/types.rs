//! What sessions, messages and routes are said in.

mod as_path;
mod asn;
mod attributes;
mod community;
mod family;
mod next_hop;

pub use as_path::AsPath;
pub use asn::{Asn, RouterId};
pub use attributes::{Attributes, Origin};
pub use community::{Community, ExtendedCommunity, LargeCommunity};
pub use family::{AfiSafi, Families, Family};
pub use next_hop::NextHop;

/// An IPv4 or IPv6 prefix. Bits beyond its length are never sent.
pub type Prefix = ipnet::IpNet;
