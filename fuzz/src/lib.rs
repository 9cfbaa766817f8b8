//! What is fuzzed. Each target holds what it reads to a few promises; `make check` replays the corpus against them.

pub mod bfd;
pub mod bgp;
pub mod frame;
pub mod heartbeat;
pub mod router;
pub mod speaker;
