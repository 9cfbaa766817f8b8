//! What is fuzzed. Each target holds what it reads to a few promises; `make check` replays the corpus against them.

pub mod bgp;
