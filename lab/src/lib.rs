//! A real Kubernetes cluster in private namespaces of one machine: nodes, switch, router and clients that a
//! test can cut, silence, freeze and kill, and that leave nothing behind.
//!
//! [`Lab`] is the way in for tests; the `ferrolb-lab` command offers the same to people. How a lab is built is
//! told in `docs/lab.md`.

mod cable;
mod cgroup;
mod checkout;
pub mod cli;
mod controlplane;
mod faults;
mod image;
mod inflict;
mod kubectl;
mod lab;
mod network;
mod node;
mod pause;
mod plan;
mod preflight;
pub mod probe;
mod process;
mod router;
mod serve;
mod space;
mod state;
mod switch;
mod wait;
mod world;

pub use checkout::Checkout;
pub use faults::kill_pid;
pub use image::Image;
pub use lab::Lab;
pub use plan::{Families, KubeProxy, Options};
pub use router::{Router, RouterProgram};
pub use space::{Output, Running, Space};
pub use state::State;
pub use switch::{Direction, Querier};
pub use wait::wait;
