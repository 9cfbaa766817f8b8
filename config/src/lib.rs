//! From API objects to the cores' types, parsed once: what leaves this crate needs no checking any more.
//!
//! What the CRDs' rules refuse at the door is parsed here all the same, because an object may be older than the rules.

mod address;
mod advertisement;
pub mod bgp;
mod error;
mod node;
mod pool;
mod selector;
mod service;

pub use advertisement::l2_advertisement;
pub use error::Error;
pub use node::{interfaces, node};
pub use pool::pool;
pub use service::{Class, class, service, service_id};
