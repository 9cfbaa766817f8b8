//! TCP as routing protocols use it: signed, from a chosen address, with the hops that a peer may be away.

mod connection;
mod hops;
mod listener;
mod password;

pub use connection::{Connection, Dial, Received};
pub use hops::Hops;
pub use listener::Listener;
pub use password::{Password, PasswordError};
