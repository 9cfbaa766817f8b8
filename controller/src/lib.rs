//! FerroLB's controller: gives Services addresses and tells speakers who announces them.
//!
//! ```text
//!  API server --watch--> Event --> Index --poll_write--> Writer --> API server
//!                                    ^                     |
//!                                    +------ Outcome ------+            Lease: only the leader does any of this
//! ```
//!
//! - [`run`]: stand by, lead, stand by again.
//! - [`lease`]: who leads. A standby watches nothing; once it leads it lists everything from the quorum.
//! - [`turn`]: one turn of leading, with all that is known in it.
//! - [`index`]: what is known and decided, without awaiting anything.
//! - [`write`]: the requests that follow, as many in flight as the API server bears.
//! - [`definitions`]: whether the cluster's CustomResourceDefinitions are as new as this program.

mod args;
mod definitions;
mod heartbeat_key;
mod index;
mod lease;
mod metrics;
mod phase;
mod run;
mod sweep;
mod turn;
mod write;

pub use args::Args;
pub use lease::Timing as LeaseTiming;
pub use run::{Timing, run, run_until};
