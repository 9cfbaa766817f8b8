//! BGP on one node: the objects that say what it should do, and what follows from them. The speaker does it; others who ask what
//! a node should do ask here too.
//!
//! ```text
//!  source --Change--> Objects --+
//!  slices, node, endpoints -----+--> Ledger --BgpDesired-->
//! ```

mod desired;
mod objects;
mod routes;
mod rules;
mod serving;
mod table;

pub use desired::{BgpDesired, Input, Ledger, PeerPlan, Routed, desired, sources};
pub use objects::{Change, Kept, Objects};
pub use serving::serving;
pub use table::{RouteAttributes, RouteChange, Source, Table};

#[cfg(test)]
mod tests;
