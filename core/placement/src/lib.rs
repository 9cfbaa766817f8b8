//! Which nodes may announce a VIP on layer 2, and in which order; by which advertisements and nodes BGP peers are told of it.
//!
//! ```text
//!  VIPs, advertisements, pools' labels, nodes, endpoints  --events-->  Placer  --Vec<Change>-->  candidates of each VIP
//! ```
//!
//! - **Balanced when first placed.** A new VIP's first candidate is the node that is first for the fewest; its other
//!   candidates are drawn by rendezvous hashing, so that the VIPs of a node that dies scatter.
//! - **Sticky afterwards.** An order changes only by leaving out nodes that may no longer announce and by appending
//!   others; a node that dies leaves no order, because speakers move VIPs among candidates by themselves.
//! - **Moved when asked.** A Service names the node that shall answer for it; or somebody asks for balance, and the fewest
//!   moves are found that make it.
//! - **Incremental.** An event looks at the VIPs it can affect and reports those whose decision is another.
//!
//! To follow one VIP: `placer` (events) -> `eligible` (which nodes may) -> `order` (which come first). BGP has [`Routing`], which
//! decides less: every node that may announces, unless `maxNodes` limits them.

mod advertised;
mod balance;
mod decision;
mod eligible;
mod events;
mod glob;
mod order;
mod placer;
mod rebalance;
mod routing;
mod wish;

pub use decision::{Change, Decision, NotAnnounced, Placement};
pub use order::MAX_CANDIDATES;
pub use placer::Placer;
pub use rebalance::Move;
pub use routing::{RoutedBy, Routing};
pub use wish::{Declined, Obstacle};
