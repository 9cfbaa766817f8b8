//! The BGP thread: it alone speaks to routers, and waits for nothing but their sockets and its timers.
//!
//! ```text
//!  async side --Command--> bounded queue + waker --> thread: Peer(Session + connections) per BGPPeer <==> routers
//!             <--Output--- bounded queue, never waited for ---+
//! ```
//!
//! A peer that sends without end, or stops reading, has one buffer of each turn and no more ([`thread`]). What a session is
//! and when its routes change hands is decided in `ferrolb-bgp`.

mod addresses;
mod doors;
pub mod last_run;
mod line;
mod links;
mod message;
mod narrate;
mod peer;
pub mod setup;
mod thread;
pub mod told;

use std::io;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::time::Duration;

use ferrolb_bgp::session::{Restart, Stop};
use tokio::sync::mpsc::Receiver;

pub use message::{Command, Output, PeerReport, PeerSetup, Remote, Report, Routers};
pub(crate) use narrate::Narrator;

use crate::sys::{Poller, Waker};
use thread::Thread;

/// The running BGP thread.
#[derive(Debug)]
pub struct Sessions {
    commands: SyncSender<Command>,
    waker: Waker,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Sessions {
    /// Starts the thread. `restart` is what peers that keep routes are told of the last run; random numbers start at `seed`.
    ///
    /// # Errors
    /// No file descriptor is left, or no thread can be made.
    pub fn start(restart: Restart, seed: u64) -> io::Result<(Self, Receiver<Output>)> {
        let poller = Poller::new()?;
        let waker = poller.waker();
        let (commands, queue) = mpsc::sync_channel(COMMANDS);
        let (outputs, received) = tokio::sync::mpsc::channel(OUTPUTS);
        let thread = std::thread::Builder::new().name("bgp".to_owned()).stack_size(STACK);
        let thread = thread.spawn(move || Thread::new(poller, queue, outputs, restart, seed).run())?;
        Ok((Self { commands, waker, thread: Some(thread) }, received))
    }

    /// Hands a command to the thread; waits while its queue is full, which it never is for longer than a turn.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn send(&self, mut command: Command) -> Result<(), Stopped> {
        loop {
            match self.commands.try_send(command) {
                Ok(()) => {
                    self.waker.wake();
                    return Ok(());
                }
                Err(TrySendError::Full(back)) => command = back,
                Err(TrySendError::Disconnected(_)) => return Err(Stopped),
            }
            self.waker.wake();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ends every session in this way, and the thread.
    pub async fn stop(mut self, stop: Stop) {
        if self.send(Command::Stop(stop)).await.is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// The BGP thread ended, which it does only when told to or by a defect.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the BGP thread has ended; restart the speaker")]
pub struct Stopped;

/// Commands that may wait: all changes of a peer's routes that come together are one.
const COMMANDS: usize = 256;
/// Outputs that may wait; events beyond are counted and dropped, and the next report tells the same.
const OUTPUTS: usize = 1024;
/// In bytes; only what is touched is resident.
const STACK: usize = 512 << 10;
