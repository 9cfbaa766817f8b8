//! Two speakers that run the real session over virtual TCP, with faults, and what must hold meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod check;
mod fault;
mod figures;
mod host;
#[path = "../reader/mod.rs"]
mod reader;
mod scene;
mod seeds;
#[path = "../reader/table.rs"]
mod table;
mod tcp;
mod walks;
mod world;
