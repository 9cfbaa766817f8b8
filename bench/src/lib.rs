//! What the benchmarks share: percentiles, processes under measurement, and reports as a line and as a file.

mod apiserver;
mod processes;
mod report;
mod stats;

pub use apiserver::ApiServer;
pub use processes::{Process, Resident, beside, cpu_seconds};
pub use report::Report;
pub use stats::Samples;

/// The load balancer class that the echo controller answers, and nobody else.
pub const ECHO_CLASS: &str = "example.com/echo";
