use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use ferrolb_neighbor::Mac;
use libc::sock_filter;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::burst::Burst;

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
        burst.send(self.0.as_fd())
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
