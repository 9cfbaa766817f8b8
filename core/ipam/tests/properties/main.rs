//! Random events, and what must hold whatever happens: an oracle, the slow obvious thing, is asked after each.
//!
//! A seed that fails is shrunk to the events that are needed, and printed as the Rust of a regression test for
//! `regressions.rs`. `SEED=n` runs one seed and prints its events, `SEEDS=n` the first n, `SEEDS=from..to` those.

#[path = "../world/mod.rs"]
mod world;

mod causes;
mod check;
mod cluster;
mod draw;
mod event;
mod foretold;
mod oracle;
mod order;
mod regressions;
mod run;
mod seeds;
mod why;
