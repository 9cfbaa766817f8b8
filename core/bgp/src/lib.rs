//! BGP: the messages, the session with one peer, and what that peer is told.
//!
//! A load balancer announces and never accepts: routes that a peer sends are checked as RFC 7606 asks, counted and
//! dropped.

pub mod policy;
pub mod rib_out;
pub mod session;
mod types;
pub mod wire;

pub use types::{
    AfiSafi, AsPath, Asn, Attributes, Community, ExtendedCommunity, Families, Family, LargeCommunity,
    NextHop, Origin, Prefix, RouterId,
};

/// The TCP port that speakers listen on (RFC 4271 §8.2.1).
pub const PORT: u16 = 179;
