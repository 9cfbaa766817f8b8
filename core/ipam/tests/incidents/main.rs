//! What went wrong at the peers, by number: each test says what happened there and shows that it does not here.
//!
//! What concerns controllers, leases and writes is told in the controller's simulator, and who announces an address in
//! `core/placement` and `core/ownership`; here are the addresses.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../world/mod.rs"]
mod world;

mod cilium;
mod metallb_code;
mod metallb_issues;
mod others;
