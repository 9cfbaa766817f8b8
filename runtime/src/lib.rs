//! What controller and speaker share: the client, watches, lean kinds, the admin server, logs, shutdown.

pub mod admin;
pub mod backoff;
pub mod client;
pub mod clock;
pub mod kinds;
mod lean;
pub mod logs;
pub mod shutdown;
pub mod watch;
