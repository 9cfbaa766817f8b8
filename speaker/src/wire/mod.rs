//! The wire thread: it alone reads and writes frames, keeps time, and never waits for anything but those.
//!
//! ```text
//!  async side --Command--> bounded queue + waker --> thread: Port(Segment + socket) per interface <==> segments
//!                                                         Bfd(Table + sockets)                 <==> peers
//!             <--Output--- bounded queue, never waited for ---+
//!                          joins multicast groups for it <----+  (the thread "groups")
//! ```

mod bfd;
mod groups;
mod message;
mod pace;
mod port;
mod thread;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::time::Duration;

use ferrolb_ownership::{Settings, Timing};
use ferrolb_sansio::Instant;
use tokio::sync::mpsc::Receiver;

pub use bfd::{BfdReport, Unopened};
pub use message::{Command, Edition, Output, PortReport, Report, SocketCounters};

use crate::sys::{self, Waker, Wakeups};
use thread::Thread;

/// What the wire thread needs to know of this speaker.
#[derive(Clone, Debug)]
pub struct Identity {
    /// As in [`Settings`]; `timing`, unless it is relaxed, is overwritten by what scheduling permits.
    pub settings: Settings,
    /// The names of interfaces on which other speakers were heard before.
    pub acquainted: BTreeSet<String>,
    /// Where random numbers start.
    pub seed: u64,
}

/// The running wire thread.
#[derive(Debug)]
pub struct Wire {
    commands: SyncSender<Command>,
    waker: Waker,
    beat: Arc<AtomicU64>,
    realtime: bool,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Wire {
    /// Starts the thread.
    ///
    /// # Errors
    /// Packet sockets are not permitted, or no thread can be made.
    pub fn start(identity: Identity) -> io::Result<(Self, Receiver<Output>)> {
        let wakeups = Wakeups::new()?;
        let waker = wakeups.waker();
        let (commands, queue) = mpsc::sync_channel(COMMANDS);
        let (outputs, received) = tokio::sync::mpsc::channel(OUTPUTS);
        let beat = Arc::new(AtomicU64::new(sys::now().as_nanos()));
        let (started, scheduled) = mpsc::sync_channel(1);
        let thread_beat = Arc::clone(&beat);
        let (wishes, wished) = mpsc::channel();
        let joiner = std::thread::Builder::new().name("groups".to_owned()).stack_size(STACK);
        joiner.spawn(move || groups::fulfil(&wished))?;
        let thread =
            std::thread::Builder::new().name("wire".to_owned()).stack_size(STACK).spawn(move || {
                let realtime = sys::schedule_realtime().is_ok();
                if !realtime {
                    // Heartbeats at the ordinary pace bear a kernel that does not even give short slices.
                    let _ = sys::schedule_short_slice();
                }
                let _ = started.send(realtime);
                let mut identity = identity;
                if identity.settings.timing != Timing::RELAXED {
                    identity.settings.timing = if realtime { Timing::REALTIME } else { Timing::ORDINARY };
                }
                Thread::new(identity, wakeups, queue, outputs, wishes, thread_beat).run();
            })?;
        let realtime = scheduled.recv().unwrap_or(false);
        Ok((Self { commands, waker, beat, realtime, thread: Some(thread) }, received))
    }

    /// Whether the thread has real-time scheduling.
    pub fn realtime(&self) -> bool {
        self.realtime
    }

    /// Hands a command to the thread; waits while its queue is full, which it never is for longer than a wake-up.
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

    /// Tells when the thread last woke up.
    pub fn pulse(&self) -> Pulse {
        Pulse(Arc::clone(&self.beat))
    }

    /// Begins to hand every VIP over, which takes at most a second; what nobody takes is resigned. BFD goes on.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn hand_over(&self) -> Result<(), Stopped> {
        self.send(Command::HandOver).await
    }

    /// Hands over what is left, tells the peers of BFD that it is switched off, which takes at most a second too, and ends the
    /// thread.
    pub async fn stop(mut self) {
        if self.send(Command::Stop).await.is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// The wire thread ended, which it does only when told to or by a defect.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the wire thread has ended; restart the speaker")]
pub struct Stopped;

/// When the wire thread last woke up.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// How long ago.
    pub fn age(&self) -> Duration {
        sys::now().since(Instant::from_nanos(self.0.load(Ordering::Relaxed)))
    }
}

/// Commands that may wait: a whole new plan is one a interface.
const COMMANDS: usize = 256;
/// Outputs that may wait; events beyond are counted and dropped, and the next report tells the same.
const OUTPUTS: usize = 4096;
/// In bytes; only what is touched is resident.
const STACK: usize = 256 << 10;
