//! The session with one peer, event by event.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod collisions;
mod edits;
mod ends;
mod lengths;
#[path = "../reader/mod.rs"]
mod reader;
mod retries;
mod rig;
mod states;
mod stops;
