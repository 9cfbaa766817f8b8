//! Bidirectional Forwarding Detection: whether a peer can still be reached, told within tens of milliseconds.
//!
//! RFC 5880 in asynchronous mode over one hop (RFC 5881) or several (RFC 5883). [`Table`] is the whole of it: datagrams in,
//! datagrams out, and [`Event`]s for those who depend on a peer (RFC 5882). There is no authentication, no echo function,
//! and demand mode only as far as a peer may ask for it.

mod counters;
mod deadlines;
mod diagnostic;
mod interval;
mod negotiation;
mod path;
mod profile;
mod remote;
mod session;
mod status;
mod table;
mod wire;

pub use counters::Counters;
pub use diagnostic::Diagnostic;
pub use interval::Interval;
pub use path::{Heard, Hops, Path, PathError};
pub use profile::{Profile, ProfileError};
pub use status::{Change, DownCause, Event, PeerStatus, Status};
pub use table::{Full, Table, Transmit};
pub use wire::{Discard, Discriminator, Packet, State};

/// The UDP port of sessions over one hop (RFC 5881 §4).
pub const SINGLE_HOP_PORT: u16 = 3784;
/// The UDP port of sessions over several hops (RFC 5883 §5).
pub const MULTI_HOP_PORT: u16 = 4784;
/// Where UDP source ports of sessions come from (RFC 5881 §4).
pub const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;
/// Time to live, or hop limit, of what is sent (RFC 5881 §5, RFC 5082 §3).
pub const TTL: u8 = 255;
