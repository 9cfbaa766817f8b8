//! Linux: sockets, clocks, scheduling. The only home of `unsafe` in the project.

#![allow(
    unsafe_code,
    reason = "sockets and scheduling that no safe wrapper offers; each use says why it is sound"
)]

mod burst;
mod clock;
mod datagram;
mod filter;
mod groups;
mod inotify;
mod option;
mod packet;
mod poller;
mod router;
mod schedule;
pub mod tcp;
mod wake;

pub use burst::Burst;
pub use clock::{Clocks, now};
pub use datagram::{Datagram, InBuffer, InSocket, OutSocket};
pub use filter::{Acceptance, program};
pub use groups::Groups;
pub use inotify::FolderWatch;
pub use packet::{Batch, PacketSocket};
pub use poller::{Poller, Ready};
pub use router::{RouterMessage, RouterSocket};
pub use schedule::{limit_memory, schedule_realtime, schedule_short_slice};
pub use wake::{Waker, Wakeups};
