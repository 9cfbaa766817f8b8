//! What RFC 826, 5227, 4861 and 4862 ask of a host that answers for an address, rule by rule. Frames are read and written
//! byte by byte here, so that a mistake of the crate's own decoder cannot hide one of its encoder.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod arp;
mod bytes;
mod conflict;
mod ndp;
