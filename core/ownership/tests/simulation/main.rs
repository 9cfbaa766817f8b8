//! Speakers that run the real segment on a virtual network, with faults, and what must hold meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod apply;
mod check;
mod client;
mod contested;
mod evict;
mod exhaustive;
mod fault;
mod figures;
mod handover;
mod isolation;
mod peace;
mod prober;
mod scene;
mod seeds;
mod silence;
mod speaker;
mod start;
mod trust;
mod walks;
mod world;
