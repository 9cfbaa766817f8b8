//! Ends that run the real table on a virtual network, with faults, and what must hold meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod check;
mod fault;
mod node;
mod seeds;
mod walks;
mod world;
