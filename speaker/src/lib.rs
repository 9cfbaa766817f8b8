//! `ferrolb-speaker`: answers ARP and NDP for VIPs on its node, and agrees with the other speakers on who does.
//!
//! ```text
//!  source (cluster | folder)  --Event--+                   +--> Told --Command--> wire thread <==> segments, BFD peers
//!  interfaces (netlink)       --Event--+--> Index --Desired--+                        |
//!                                                            +--> Told --Command--> BGP thread <==> routers
//!                                                                                     |
//!         SpeakerState, metrics, logs, health  <-------------Output (events, reports)-+
//! ```
//!
//! `run` holds the async side together; it decides nothing. What to announce is decided by [`index`], who owns what by
//! `ferrolb-ownership` inside the wire thread, and the kernel is spoken to only in [`sys`], [`interfaces`] and `rejects`.

mod absence;
pub mod apply;
mod args;
pub mod bgp;
mod dismissal;
pub mod hearing;
pub mod index;
pub mod interfaces;
pub mod metrics;
mod narrate;
mod observe;
pub mod paths;
mod rejects;
pub mod report;
mod routing;
mod run;
pub mod sessions;
pub mod snapshot;
pub mod source;
mod speaker;
pub mod status;
pub mod sys;
pub mod wire;

pub use args::Options;
pub use run::run;
