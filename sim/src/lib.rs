//! A virtual network for simulating protocols: a clock, a switch that learns, links that fail, seeds, shrinking.
//!
//! It carries Ethernet frames and knows nothing of what they mean. A simulation owns a [`Network`], takes one
//! [`Happening`] after the other from it, and lets its hosts answer with [`Network::send`] and
//! [`Network::schedule`]. The same seed gives the same run.

mod conditions;
mod network;
mod seeds;
mod shrink;

pub use conditions::Conditions;
pub use network::{Happening, Network, Port};
pub use seeds::{Asked, asked, none_failed, sweep};
pub use shrink::shrink;
