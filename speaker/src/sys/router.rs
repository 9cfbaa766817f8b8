use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, sendmsg, setsockopt, sockopt,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::option;

/// A raw socket for what routers and those who look for them say (ICMPv6 types 133 and 134), on any number of interfaces. The
/// kernel makes and checks the checksums.
#[derive(Debug)]
pub struct RouterSocket {
    socket: Socket,
    control: Vec<u8>,
}

/// What one call of [`RouterSocket::receive`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouterMessage {
    /// How many octets of the buffer it fills, from the ICMPv6 header on; what is longer is cut.
    pub len: usize,
    /// Its sender.
    pub source: Ipv6Addr,
    /// The index of the interface it came by.
    pub interface: u32,
    /// Its hop limit.
    pub hop_limit: u8,
}

impl RouterSocket {
    /// Hears and speaks on no interface yet but what comes to the node anyway.
    ///
    /// # Errors
    /// Raw sockets are not permitted, or this machine has no IPv6.
    pub fn open() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV6, Type::RAW.nonblocking(), Some(Protocol::ICMPV6))?;
        option::set(&socket, libc::SOL_ICMPV6, ICMPV6_FILTER, &but(&[133, 134]))?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        socket.set_multicast_loop_v6(false)?;
        socket.set_multicast_hops_v6(HOP_LIMIT)?;
        socket.set_unicast_hops_v6(HOP_LIMIT)?;
        let control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
        Ok(Self { socket, control })
    }

    /// Hears what is sent to all routers of this interface, too.
    ///
    /// # Errors
    /// There is no such interface, or the kernel has no memory.
    pub fn join(&self, interface: u32) -> io::Result<()> {
        self.socket.join_multicast_v6(&ALL_ROUTERS, interface)
    }

    /// The opposite of [`RouterSocket::join`].
    ///
    /// # Errors
    /// It was never joined, or the interface is gone.
    pub fn leave(&self, interface: u32) -> io::Result<()> {
        self.socket.leave_multicast_v6(&ALL_ROUTERS, interface)
    }

    /// Sends one ICMPv6 message by this interface, from `source`; never waits.
    ///
    /// # Errors
    /// The interface has no such address yet, or takes nothing now.
    pub fn send(&self, interface: u32, source: Ipv6Addr, to: Ipv6Addr, message: &[u8]) -> io::Result<()> {
        let from = libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr { s6_addr: source.octets() },
            ipi6_ifindex: interface,
        };
        let to = SockaddrIn6::from(SocketAddrV6::new(to, 0, 0, interface));
        sendmsg(
            self.socket.as_raw_fd(),
            &[IoSlice::new(message)],
            &[ControlMessage::Ipv6PacketInfo(&from)],
            MsgFlags::MSG_DONTWAIT,
            Some(&to),
        )?;
        Ok(())
    }

    /// Takes the next message that waits, if one does.
    ///
    /// # Errors
    /// The kernel has no memory, or says less of the message than it was asked for.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<RouterMessage>> {
        let mut parts = [IoSliceMut::new(buffer)];
        let received = recvmsg::<SockaddrIn6>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut self.control),
            MsgFlags::MSG_DONTWAIT,
        );
        let message = match received {
            Ok(message) => message,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (mut interface, mut hop_limit) = (None, None);
        for control in message.cmsgs()? {
            if let ControlMessageOwned::Ipv6PacketInfo(info) = control {
                interface = Some(info.ipi6_ifindex);
            } else if let ControlMessageOwned::Ipv6HopLimit(hops) = control {
                hop_limit = u8::try_from(hops).ok();
            }
        }
        let (Some(source), Some(interface), Some(hop_limit)) = (message.address, interface, hop_limit) else {
            return Err(io::Error::other("the kernel does not say whence a message came"));
        };
        Ok(Some(RouterMessage { len: message.bytes, source: source.ip(), interface, hop_limit }))
    }
}

impl AsFd for RouterSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The kernel's `struct icmp6_filter` (RFC 3542 §3.2): a bit for each type that is held back.
fn but(passed: &[u8]) -> [u32; 8] {
    let mut filter = [u32::MAX; 8];
    for kind in passed {
        if let Some(word) = filter.get_mut(usize::from(kind >> 5)) {
            *word &= !(1 << (kind & 31));
        }
    }
    filter
}

/// From linux/icmpv6.h; the libc crate has it not.
const ICMPV6_FILTER: i32 = 1;
const HOP_LIMIT: u32 = 255;
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_types_pass() {
        let filter = but(&[133, 134]);
        let passes = |kind: usize| filter[kind / 32] & (1 << (kind % 32)) == 0;
        assert_eq!((0..=255).filter(|kind| passes(*kind)).collect::<Vec<_>>(), [133, 134]);
    }
}
