//! Routing programs as tests see them, in one form for all: what one is told ([`Instance`]) and what it heard ([`Route`]). A file
//! for each program writes the first and reads the second; `tests/interop/routers` tries both on the programs themselves.
//!
//! What a test asks of a program that it cannot do, or that it does not do in time, ends the test.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod bird;
mod control;
mod exabgp;
mod frr;
mod gobgp;
mod instance;
mod json;
mod openbgpd;
mod peer;
mod route;

pub use control::BirdControl;
pub use instance::{Family, HOLD_TIME, Instance, Remote, Session};
pub use peer::{Peer, SETTLED, SessionState};
pub use route::{Extended, ExtendedKind, Heard, Origin, Route, Table};
