//! Layer 2: who answers for a VIP, and how that changes within a tenth of a second with no API server involved.
//!
//! [`Segment`] is the whole of it for one interface: raw Ethernet frames in, raw Ethernet frames out.

mod acts;
mod backup;
mod ballot;
mod clear;
mod compare;
mod counters;
mod damping;
mod deaf;
mod event;
mod evict;
mod evidence;
mod handover;
mod ids;
mod isolation;
mod join;
mod keys;
mod liveness;
mod machine;
mod outbox;
mod pages;
mod pages_heard;
mod peers;
mod presence;
mod probing;
mod receive;
mod replay;
mod rest;
mod rules;
mod segment;
mod send;
mod settings;
mod shadow;
mod state;
mod timeline;
mod timing;
mod wire;

pub use ballot::Ballot;
pub use counters::Counters;
pub use event::{Event, LostCause, SegmentStatus, StateName, VipStatus};
pub use ferrolb_neighbor::Mac;
pub use ids::{ClusterId, NodeName, NodeNameError, ShortUid, Uid};
pub use keys::{Key, KeyError, Keys};
pub use presence::Presence;
pub use segment::Segment;
pub use settings::{Interface, Plan, Settings, Timing, VipPlan};

/// The UDP port of speaker frames, source and destination.
pub const PORT: u16 = 7114;
/// Where speaker frames go on interfaces with an IPv4 address; switches always flood this group.
pub const GROUP_V4: std::net::Ipv4Addr = std::net::Ipv4Addr::new(224, 0, 0, 254);
/// Where speaker frames go on interfaces without one.
pub const GROUP_V6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x114);
