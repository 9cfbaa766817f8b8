use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrLike as _, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

/// A UDP socket that receives on one port of all addresses of a family, and is told how far away a datagram came from.
#[derive(Debug)]
pub struct InSocket(Socket);

/// What one call of [`InSocket::receive`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Datagram {
    /// How many bytes of the buffer the payload fills; what is longer is cut.
    pub len: usize,
    /// Its sender.
    pub source: IpAddr,
    /// The own address it was sent to.
    pub destination: IpAddr,
    /// The index of the interface it came by.
    pub interface: u32,
    /// Its time to live or hop limit.
    pub ttl: u8,
    /// The wall-clock time at which the kernel took it, in nanoseconds.
    pub wall: Option<u64>,
    /// How many datagrams were lost so far because the buffer was full.
    pub lost: u32,
}

/// Where received datagrams are put; made once, used for every one.
#[derive(Debug)]
pub struct InBuffer {
    payload: [u8; MAX_PAYLOAD],
    control: Vec<u8>,
}

impl Default for InBuffer {
    fn default() -> Self {
        let control = nix::cmsg_space!(TimeSpec, u32, libc::in6_pktinfo, libc::c_int);
        Self { payload: [0; MAX_PAYLOAD], control }
    }
}

impl InBuffer {
    /// The payload received last.
    pub fn payload(&self, datagram: Datagram) -> &[u8] {
        self.payload.get(..datagram.len).unwrap_or_default()
    }
}

impl InSocket {
    /// Opens the port for IPv4, or for IPv6.
    ///
    /// # Errors
    /// Somebody else has the port, or this machine has no such family.
    pub fn open(port: u16, v6: bool) -> io::Result<Self> {
        let any = if v6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
        let socket = udp(any)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        if v6 {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv4RecvTtl, &true)?;
        }
        socket.bind(&SocketAddr::new(any, port).into())?;
        Ok(Self(socket))
    }

    /// Takes the next datagram that waits, if one does.
    ///
    /// # Errors
    /// The kernel has no memory, or says less of the datagram than it was asked for.
    pub fn receive(&self, buffer: &mut InBuffer) -> io::Result<Option<Datagram>> {
        let mut parts = [IoSliceMut::new(&mut buffer.payload)];
        let received = recvmsg::<SockaddrStorage>(
            self.0.as_raw_fd(),
            &mut parts,
            Some(&mut buffer.control),
            MsgFlags::MSG_DONTWAIT,
        );
        let message = match received {
            Ok(message) => message,
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let source = message.address.and_then(|address| ip(&address));
        let (mut to, mut ttl, mut wall, mut lost) = (None, None, None, 0);
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(time) = control {
                let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
                let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
                wall = Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos));
            } else if let ControlMessageOwned::RxqOvfl(dropped) = control {
                lost = dropped;
            } else if let ControlMessageOwned::Ipv4PacketInfo(info) = control {
                let address = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                to = Some((IpAddr::from(address), u32::try_from(info.ipi_ifindex).unwrap_or(0)));
            } else if let ControlMessageOwned::Ipv6PacketInfo(info) = control {
                to = Some((IpAddr::from(info.ipi6_addr.s6_addr), info.ipi6_ifindex));
            } else if let ControlMessageOwned::Ipv4Ttl(hops) | ControlMessageOwned::Ipv6HopLimit(hops) =
                control
            {
                ttl = u8::try_from(hops).ok();
            }
        }
        let (Some(source), Some((destination, interface)), Some(ttl)) = (source, to, ttl) else {
            return Err(io::Error::other("the kernel does not say whence a datagram came"));
        };
        Ok(Some(Datagram { len: message.bytes, source, destination, interface, ttl, wall, lost }))
    }
}

impl AsFd for InSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A UDP socket that sends to one peer from a port of its own and receives nothing.
#[derive(Debug)]
pub struct OutSocket {
    socket: Socket,
    peer: SockAddr,
}

impl OutSocket {
    /// A socket from `local`, if that is given, and a free one of `ports`, of which `first` is tried first, to a port of
    /// `peer`; by the interface with this index alone, if one is given. Datagrams leave with a time to live of 255.
    ///
    /// # Errors
    /// There is no such address or interface, or no port is free.
    pub fn open(
        peer: SocketAddr,
        local: Option<IpAddr>,
        interface: Option<NonZeroU32>,
        ports: RangeInclusive<u16>,
        first: u16,
    ) -> io::Result<Self> {
        let any = match peer.ip() {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let local = local.unwrap_or(any);
        let socket = udp(any)?;
        // What others send to the port must not fill its buffer.
        socket.attach_filter(&[SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0)])?;
        match peer {
            SocketAddr::V4(_) => {
                socket.set_ttl_v4(u32::from(u8::MAX))?;
                socket.set_tos_v4(CONTROL)?;
            }
            SocketAddr::V6(_) => {
                socket.set_unicast_hops_v6(u32::from(u8::MAX))?;
                socket.set_tclass_v6(CONTROL)?;
            }
        }
        let index = interface.map_or(0, NonZeroU32::get);
        if interface.is_some() {
            let name = nix::net::if_::if_indextoname(index)?;
            socket.bind_device(Some(name.to_bytes()))?;
        }
        bind_to_one(&socket, local, index, ports, first)?;
        Ok(Self { socket, peer: scoped(peer.ip(), peer.port(), index).into() })
    }

    /// Sends one datagram; never waits.
    ///
    /// # Errors
    /// There is no way to the peer, or its link takes nothing now.
    pub fn send(&self, payload: &[u8]) -> io::Result<()> {
        self.socket.send_to(payload, &self.peer).map(drop)
    }
}

fn udp(family: IpAddr) -> io::Result<Socket> {
    let socket =
        Socket::new(Domain::for_address(SocketAddr::new(family, 0)), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if family.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Binds to the first free port, from `first` on and around.
fn bind_to_one(
    socket: &Socket,
    local: IpAddr,
    index: u32,
    ports: RangeInclusive<u16>,
    first: u16,
) -> io::Result<()> {
    for port in (first..=*ports.end()).chain(*ports.start()..first) {
        match socket.bind(&scoped(local, port, index).into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Link-local addresses mean something together with their link only.
fn scoped(address: IpAddr, port: u16, index: u32) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, index).into()
        }
        IpAddr::V4(_) | IpAddr::V6(_) => SocketAddr::new(address, port),
    }
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::from(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into())).filter(|_| address.len() > 0)
}

/// Longer payloads are cut; none that BFD understands is longer.
const MAX_PAYLOAD: usize = 128;
/// Class selector 6, internetwork control, which routing protocols use (RFC 2474 §4.2.2).
const CONTROL: u32 = 0xc0;

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: RangeInclusive<u16> = 49_152..=65_535;

    fn receive(socket: &InSocket, buffer: &mut InBuffer) -> Datagram {
        for _ in 0..1_000 {
            if let Some(datagram) = socket.receive(buffer).unwrap() {
                return datagram;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        panic!("nothing arrived within a second");
    }

    #[test]
    fn a_datagram_is_received_with_all_that_is_asked_of_it() {
        for local in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            // A port that is free at the moment.
            let socket = InSocket::open(0, local.is_ipv6()).unwrap();
            let port = socket.0.local_addr().unwrap().as_socket().unwrap().port();
            let peer = SocketAddr::new(local, port);
            let sender = OutSocket::open(peer, Some(local), NonZeroU32::new(1), PORTS, 60_000).unwrap();
            sender.send(b"twenty-four octets, more").unwrap();
            let mut buffer = InBuffer::default();
            let datagram = receive(&socket, &mut buffer);
            assert_eq!(buffer.payload(datagram), b"twenty-four octets, more");
            assert_eq!((datagram.source, datagram.destination), (local, local));
            assert_eq!((datagram.interface, datagram.ttl, datagram.lost), (1, 255, 0));
            assert!(datagram.wall.is_some());
            sender.send(&[7; 500]).unwrap();
            let datagram = receive(&socket, &mut buffer);
            assert_eq!(buffer.payload(datagram), [7; MAX_PAYLOAD]);
        }
    }

    #[test]
    fn a_port_that_somebody_has_is_refused_and_a_source_port_is_another() {
        let socket = InSocket::open(0, false).unwrap();
        let port = socket.0.local_addr().unwrap().as_socket().unwrap().port();
        let error = InSocket::open(port, false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let peer = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let local = Some(peer.ip());
        let open = || OutSocket::open(peer, local, None, PORTS, 65_535).unwrap();
        let port = |socket: &OutSocket| socket.socket.local_addr().unwrap().as_socket().unwrap().port();
        let (one, other) = (open(), open());
        assert_ne!(port(&one), port(&other));
        assert!(PORTS.contains(&port(&one)) && PORTS.contains(&port(&other)));
    }
}
