use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use ferrolb_sansio::Instant;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use nix::sys::timer::TimerSetTimeFlags;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags};

/// What a thread sleeps on: sockets, a deadline in boot time, and a [`Waker`].
#[derive(Debug)]
pub struct Wakeups {
    epoll: Epoll,
    timer: TimerFd,
    armed: Option<Instant>,
    waker: Waker,
}

/// Wakes the thread that sleeps on the [`Wakeups`] it came from.
#[derive(Clone, Debug)]
pub struct Waker(Arc<EventFd>);

impl Waker {
    pub(super) fn of(event: Arc<EventFd>) -> Self {
        Self(event)
    }

    /// Wakes it; does nothing more if it is awake.
    pub fn wake(&self) {
        // The only error is a counter at its maximum, and then the thread wakes anyway.
        let _ = self.0.write(1);
    }
}

impl Wakeups {
    /// Sleeps on nothing but its waker yet.
    ///
    /// # Errors
    /// No file descriptors are left.
    pub fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer =
            TimerFd::new(ClockId::CLOCK_BOOTTIME, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        let event = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        epoll.add(&timer, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))?;
        epoll.add(&event, EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, 0))?;
        Ok(Self { epoll, timer, armed: None, waker: Waker(Arc::new(event)) })
    }

    /// What wakes this thread from others.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Wakes while `source` can be read.
    ///
    /// # Errors
    /// No memory is left.
    pub fn add(&self, source: impl AsFd) -> io::Result<()> {
        Ok(self.epoll.add(source, EpollEvent::new(EpollFlags::EPOLLIN, 1))?)
    }

    /// Sleeps until something can be read, the waker is used, or `deadline`.
    ///
    /// # Errors
    /// The timer cannot be set.
    pub fn sleep(&mut self, deadline: Instant) -> io::Result<()> {
        if self.armed != Some(deadline) {
            let nanos = deadline.as_nanos().max(1);
            let time = TimeSpec::new((nanos / 1_000_000_000) as i64, (nanos % 1_000_000_000) as i64);
            self.timer.set(Expiration::OneShot(time), TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            self.armed = Some(deadline);
        }
        let mut events = [EpollEvent::empty(); 8];
        match self.epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
