use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::wake::Waker;

/// What a thread with many sockets sleeps on. Each socket has a number of the caller's choice.
#[derive(Debug)]
pub struct Poller {
    epoll: Epoll,
    waker: Waker,
    ready: [EpollEvent; MOST],
}

/// A socket that something can be done with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// Its number.
    pub number: u64,
    /// It can be read, or has ended.
    pub readable: bool,
    /// It can be written, or has ended.
    pub writable: bool,
}

impl Poller {
    /// Sleeps on nothing but its waker yet.
    ///
    /// # Errors
    /// No file descriptors are left.
    pub fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        epoll.add(&event, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, WAKER))?;
        Ok(Self { epoll, waker: Waker::of(Arc::new(event)), ready: [EpollEvent::empty(); MOST] })
    }

    /// What wakes this thread from others.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Wakes while `source` can be read, and if `write` also while it can be written. It is forgotten when it is closed.
    ///
    /// # Errors
    /// No memory is left.
    pub fn add(&self, source: impl AsFd, number: u64, write: bool) -> io::Result<()> {
        Ok(self.epoll.add(source, EpollEvent::new(interest(write), number))?)
    }

    /// Wakes for other things than before.
    ///
    /// # Errors
    /// It was never added.
    pub fn change(&self, source: impl AsFd, number: u64, write: bool) -> io::Result<()> {
        Ok(self.epoll.modify(source, &mut EpollEvent::new(interest(write), number))?)
    }

    /// Sleeps until something can be done, the waker is used, or `longest` has passed. What can be done beyond what is told
    /// now is told the next time, before what was told already.
    ///
    /// # Errors
    /// The kernel has no memory left.
    pub fn sleep(&mut self, longest: Duration) -> io::Result<impl Iterator<Item = Ready>> {
        // Rounded up: a timer that is almost due would be asked for again and again.
        let millis = longest.as_nanos().div_ceil(1_000_000);
        let timeout = EpollTimeout::try_from(millis).unwrap_or(EpollTimeout::MAX);
        let count = match self.epoll.wait(&mut self.ready, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        let ready = self.ready.iter().take(count).filter(|event| event.data() != WAKER);
        Ok(ready.map(|event| {
            let ended = event.events().intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP);
            Ready {
                number: event.data(),
                readable: ended || event.events().contains(EpollFlags::EPOLLIN),
                writable: ended || event.events().contains(EpollFlags::EPOLLOUT),
            }
        }))
    }
}

fn interest(write: bool) -> EpollFlags {
    if write { EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT } else { EpollFlags::EPOLLIN }
}

/// The number that no socket may have.
const WAKER: u64 = u64::MAX;
/// As many are told at a time.
const MOST: usize = 64;
