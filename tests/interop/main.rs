//! FerroLB's BGP beside the routing programs that stand in people's racks: BIRD, FRR, GoBGP, OpenBGPD, ExaBGP, each with a lab of the
//! test's own, without a cluster. What is read from these programs is itself tested, on one another (`routers_…`).
//!
//! `hack/test.sh interop [FILTER]` runs them. They need root and what `hack/prepare.sh all` makes.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod crossed;
mod deaf;
mod faults;
mod fields;
mod graceful;
mod ours;
mod rig;
mod routers;
mod speaker;
mod taken;
mod trouble;
mod unnumbered;
