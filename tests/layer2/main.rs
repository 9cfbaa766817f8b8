//! Real speakers without a cluster on a switch that misbehaves, seen by clients: who answers, one or several, how long nobody
//! does. Each test has a lab of its own.
//!
//! `hack/test.sh layer2 [FILTER]` runs them. They need root and what `hack/prepare.sh all` makes.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod clients;
mod groups;
mod loss;
mod ports;
mod rig;
mod segments;
mod stalls;
mod watch;
