use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use ferrolb_neighbor::Mac;
use libc::sock_filter;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// A packet socket on one interface: whole Ethernet frames, in and out.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

/// What one call of [`PacketSocket::receive`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// How many bytes of the buffer the frame fills.
    pub len: usize,
    /// The wall-clock time at which the kernel took it, in nanoseconds.
    pub wall: Option<u64>,
    /// How many frames were lost so far because the buffer was full.
    pub lost: u32,
}

/// Where received frames are put; made once, used for every frame.
#[derive(Debug)]
pub struct Batch {
    frame: Box<[u8; MAX_FRAME]>,
    control: Vec<u8>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { frame: Box::new([0; MAX_FRAME]), control: nix::cmsg_space!(TimeSpec, u32) }
    }
}

impl Batch {
    /// The frame received last.
    pub fn frame(&self, received: Received) -> &[u8] {
        self.frame.get(..received.len).unwrap_or_default()
    }
}

impl PacketSocket {
    /// Opens a socket that receives only what `filter` passes, on the interface with this index.
    ///
    /// # Errors
    /// CAP_NET_RAW is missing, or there is no such interface.
    pub fn open(index: u32, filter: &[sock_filter]) -> io::Result<Self> {
        // Protocol 0 receives nothing, so no frame slips in before the filter is attached.
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?;
        socket.set_nonblocking(true)?;
        let filter: Vec<_> = filter.iter().map(|i| SockFilter::new(i.code, i.jt, i.jf, i.k)).collect();
        socket.attach_filter(&filter)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        // Kernel memory, used only while the thread is behind; without CAP_NET_ADMIN the default size has to do.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER);
        set_packet_option(socket.as_fd(), libc::PACKET_IGNORE_OUTGOING, &1_i32)?;
        bind(socket.as_fd(), index)?;
        Ok(Self(socket.into()))
    }

    /// Takes the next frame that waits, if one does.
    ///
    /// # Errors
    /// The interface went down or away.
    pub fn receive(&self, batch: &mut Batch) -> io::Result<Option<Received>> {
        let mut parts = [IoSliceMut::new(batch.frame.as_mut_slice())];
        let message = match recvmsg::<SockaddrStorage>(
            self.0.as_raw_fd(),
            &mut parts,
            Some(&mut batch.control),
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut received = Received { len: message.bytes, wall: None, lost: 0 };
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(time) = control {
                let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
                let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
                received.wall = Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos));
            } else if let ControlMessageOwned::RxqOvfl(lost) = control {
                received.lost = lost;
            }
        }
        Ok(Some(received))
    }

    /// Hands all frames of a burst to the interface, in order, and empties it; never waits. Returns how many were taken;
    /// the others are lost, because the interface is down or its queue is full.
    pub fn send(&self, burst: &mut Burst) -> usize {
        let mut taken = 0;
        let mut next = 0;
        while next < burst.used {
            match self.send_some(&burst.frames[next..burst.used]) {
                Ok(sent) => {
                    next += sent;
                    taken += sent;
                }
                Err(Errno::EINTR) => {}
                // The kernel stopped at this frame; those behind it may fare better.
                Err(_) => next += 1,
            }
        }
        burst.clear();
        taken
    }

    /// One system call for up to as many frames as a burst holds; how many of the first were taken.
    fn send_some(&self, frames: &[Vec<u8>]) -> nix::Result<usize> {
        let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; Burst::FRAMES];
        // SAFETY: all fields of mmsghdr are numbers and pointers, for which zero is a value.
        let mut messages: [libc::mmsghdr; Burst::FRAMES] = unsafe { std::mem::zeroed() };
        for ((frame, part), message) in frames.iter().zip(&mut parts).zip(&mut messages) {
            // The kernel only reads through this pointer.
            *part = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
            message.msg_hdr.msg_iov = part;
            message.msg_hdr.msg_iovlen = 1;
        }
        let count = frames.len().min(Burst::FRAMES) as libc::c_uint;
        // SAFETY: the first `count` messages point to one iovec each, in `parts`, and these to whole frames; all three
        // outlive the call and are written by nobody else.
        let sent =
            unsafe { libc::sendmmsg(self.0.as_raw_fd(), messages.as_mut_ptr(), count, libc::MSG_DONTWAIT) };
        Errno::result(sent).map(|sent| usize::try_from(sent).unwrap_or(0))
    }
}

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
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A packet socket that receives nothing and only makes interfaces take frames to multicast addresses.
#[derive(Debug)]
pub(super) struct MembershipSocket(OwnedFd);

impl MembershipSocket {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self(Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0)))?.into()))
    }

    /// Makes the interface take frames to `mac`, or no longer.
    pub(super) fn set(&self, index: u32, mac: Mac, member: bool) -> io::Result<()> {
        let mut address = [0; 8];
        address[..6].copy_from_slice(&mac.0);
        let request = libc::packet_mreq {
            mr_ifindex: i32::try_from(index).map_err(io::Error::other)?,
            mr_type: libc::PACKET_MR_MULTICAST as u16,
            mr_alen: 6,
            mr_address: address,
        };
        let option = if member { libc::PACKET_ADD_MEMBERSHIP } else { libc::PACKET_DROP_MEMBERSHIP };
        set_packet_option(self.0.as_fd(), option, &request)
    }
}

fn bind(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: i32::try_from(index).map_err(io::Error::other)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer is to a whole sockaddr_ll that outlives the call, and the length is its size.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

fn set_packet_option<T: Copy>(socket: BorrowedFd<'_>, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: the pointer is to a whole T that outlives the call, and the length is its size; the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// Longer frames are cut; none that a segment understands is longer.
const MAX_FRAME: usize = 2048;
/// In bytes: holds some thousand small frames.
const RECEIVE_BUFFER: usize = 4 << 20;

#[cfg(test)]
mod tests {
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
    fn pair() -> (PacketSocket, UnixDatagram) {
        let (sender, receiver) = UnixDatagram::pair().unwrap();
        receiver.set_nonblocking(true).unwrap();
        (PacketSocket(sender.into()), receiver)
    }

    #[test]
    fn a_burst_leaves_whole_and_in_order() {
        let (socket, receiver) = pair();
        let mut burst = filled(&[b"one", b"two of another length", b"three"]);
        assert_eq!(socket.send(&mut burst), 3);
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
        assert_eq!(socket.send(&mut burst), 2);
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
