use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

/// Frames that leave together, by one system call; its memory is used again and again.
#[derive(Debug, Default)]
pub struct Burst {
    frames: Vec<Vec<u8>>,
    used: usize,
}

impl Burst {
    /// The most frames one holds.
    pub const FRAMES: usize = 32;

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.used == Self::FRAMES
    }

    /// How many frames are in it.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether none is in it.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Puts a frame behind the others if `write` makes one; whether it did. Nothing is asked of one that is full.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        if self.is_full() {
            return false;
        }
        if self.frames.len() == self.used {
            self.frames.push(Vec::new());
        }
        let written = write(&mut self.frames[self.used]);
        self.used += usize::from(written);
        written
    }

    /// Forgets the frames in it.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Sends all frames in order and empties the burst; how many were taken.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>) -> usize {
        let (mut taken, mut next) = (0, 0);
        while next < self.used {
            match Self::send_some(socket, &self.frames[next..self.used]) {
                Ok(sent) if sent > 0 => {
                    next += sent;
                    taken += sent;
                }
                Err(Errno::EINTR) => {}
                // The kernel stopped at this frame; those behind it may fare better.
                Ok(_) | Err(_) => next += 1,
            }
        }
        self.clear();
        taken
    }

    /// One system call for up to as many frames as a burst holds; how many of the first were taken.
    fn send_some(socket: BorrowedFd<'_>, frames: &[Vec<u8>]) -> nix::Result<usize> {
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; Self::FRAMES];
        // SAFETY: all fields of mmsghdr are numbers and pointers, for which zero is a value.
        let mut messages: [libc::mmsghdr; Self::FRAMES] = unsafe { std::mem::zeroed() };
        for ((frame, part), message) in frames.iter().zip(&mut parts).zip(&mut messages) {
            // The kernel only reads through this pointer.
            *part = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
            message.msg_hdr.msg_iov = part;
            message.msg_hdr.msg_iovlen = 1;
        }
        let count = frames.len().min(Self::FRAMES) as libc::c_uint;
        // SAFETY: the first `count` messages point to one iovec each, in `parts`, and these to whole frames; all three
        // outlive the call and are written by nobody else.
        let sent =
            unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
        Errno::result(sent).map(|sent| usize::try_from(sent).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    fn filled(frames: &[&[u8]]) -> Burst {
        let mut burst = Burst::default();
        for bytes in frames {
            assert!(burst.push(|frame| {
                frame.clear();
                frame.extend_from_slice(bytes);
                true
            }));
        }
        burst
    }

    /// A datagram socket keeps frames apart as a packet socket does, and needs no capability.
    fn pair() -> (UnixDatagram, UnixDatagram) {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        (sender, receiver)
    }

    #[test]
    fn a_burst_leaves_whole_and_in_order() {
        let (socket, receiver) = pair();
        let mut burst = filled(&[b"one", b"two of another length", b"three"]);
        assert_eq!(burst.send(socket.as_fd()), 3);
        assert!(burst.is_empty(), "what was sent is not sent again");
        let mut buffer = [0; 64];
        for expected in [b"one".as_slice(), b"two of another length", b"three"] {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected);
        }
        assert!(receiver.recv(&mut buffer).is_err(), "nothing more was sent");
    }

    #[test]
    fn a_frame_that_is_refused_costs_only_itself() {
        let (socket, receiver) = pair();
        let too_long = vec![0; 16 << 20];
        let mut burst = filled(&[b"before", &too_long, b"behind"]);
        assert_eq!(burst.send(socket.as_fd()), 2);
        let mut buffer = [0; 64];
        for expected in [b"before".as_slice(), b"behind"] {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected);
        }
    }

    #[test]
    fn a_burst_has_an_end_and_room_again_once_it_is_cleared() {
        let mut burst = Burst::default();
        assert!(!burst.push(|_| false) && burst.is_empty(), "nothing was written");
        while burst.push(|frame| {
            frame.push(7);
            true
        }) {}
        assert_eq!(burst.len(), Burst::FRAMES);
        assert!(burst.is_full());
        burst.clear();
        assert!(burst.push(|_| true));
    }
}
