//! What every protocol is made of: virtual time, timers, bounded queues, seeded randomness.
//!
//! A protocol here is a struct with `handle_*(now, input)`, `handle_timeout(now)`, `poll_timeout()` and
//! `poll_*()` for its outputs. It never reads a clock and never draws a number of its own: both are arguments,
//! so that the same code runs on a wire and in a simulator.

mod bucket;
mod queue;
mod rng;
mod time;
mod timers;

pub use bucket::TokenBucket;
pub use queue::BoundedQueue;
pub use rng::Rng;
pub use time::Instant;
pub use timers::TimerTable;
