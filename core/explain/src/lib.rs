//! Why a Service has the address it has, or has none.
//!
//! ```text
//!  Facts (what was read of the cluster) + Subject (one Service)  --explain-->  Chain of Links, the first broken one marked
//! ```
//!
//! - **The chain** follows a Service from its class through pool, address and status to the plan and to the speaker that
//!   answers. A link is fine, broken, waiting for a link before it, or unknown because something could not be read.
//! - **One vocabulary.** What a link says of a refusal is what the Service's condition says: both come from
//!   [`ferrolb_ipam::Refusal`].
//! - **BGP.** Which nodes tell which peers of an address, and why others do not, follows from the objects; whether sessions carry
//!   it, from what speakers report. What a condition says of routes counts where that could not be read.
//! - **Pure.** What was read, and what time it is, are arguments.

mod address;
mod announcement;
mod between;
mod chain;
mod class;
mod condition;
mod explain;
mod facts;
mod fate;
mod plan;
mod pool;
mod reason;
mod routed;
mod routes;
mod routing;
mod segment;
mod text;

pub use chain::{Chain, Link, LinkKind, State};
pub use explain::explain;
pub use facts::{
    Announcement, Condition, Controller, DefaultClass, ExceptionKind, Facts, Hearing, Known, Report, Speaker,
    Subject,
};
pub use reason::Reason;
pub use routing::{RoutedBy, Routing, Session, SessionState};
pub use text::{Style, text};
