//! BGP on this node: the objects that say what it should do, and what follows from them.
//!
//! ```text
//!  source --Change--> Objects --+
//!  slices, node, endpoints -----+--> desired() --BgpDesired-->
//! ```

mod desired;
mod objects;
mod table;

pub use desired::{BgpDesired, Input, PeerPlan, desired};
pub use objects::{Change, Kept, Objects};
pub use table::{RouteAttributes, Table};

#[cfg(test)]
mod tests;
