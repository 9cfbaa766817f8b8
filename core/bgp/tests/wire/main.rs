//! What is read and written on the wire, rule by rule of the RFCs, on bytes made by hand.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod attributes;
mod build;
mod framing;
mod incidents;
mod open;
mod packing;
mod refresh;
mod updates;
