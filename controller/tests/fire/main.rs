//! The whole controller against an API server on which everything goes wrong: refusals, lost answers, dead connections,
//! silent watches, missing definitions, a storage set back, frozen leaders. What counts is what the server holds in the
//! end, and how many requests it took.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod events;
mod fault;
mod lease;
mod scene;
mod server;
mod start;
mod store;
mod streaming;
mod watches;
mod writes;
