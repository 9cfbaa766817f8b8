//! RFC 5880, 5881, 5883 rule by rule, on bytes written by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod administrative;
mod bytes;
mod end;
mod garbage;
mod receive;
mod states;
mod timers;
mod transmit;
