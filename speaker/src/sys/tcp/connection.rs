use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::hops::Hops;
use super::password::{Password, sign};

/// How to reach a peer.
#[derive(Clone, Copy, Debug)]
pub struct Dial<'a> {
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The interface that it is on, by index and name, where the address alone does not say that.
    pub link: Option<(u32, &'a str)>,
    /// The own address to speak from; `None`: as the route says.
    pub source: Option<IpAddr>,
    /// What signs every segment.
    pub password: Option<&'a Password>,
    /// How far away the peer may be.
    pub hops: Hops,
}

/// A TCP connection that never makes anybody wait.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    peer: IpAddr,
}

/// What one call of [`Connection::receive`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// So many octets of the buffer are filled.
    Octets(usize),
    /// Nothing has come yet.
    Nothing,
    /// The peer sends nothing more.
    End,
}

impl Connection {
    /// Begins to connect. Once it can be written to, [`Connection::outcome`] says how that went.
    ///
    /// # Errors
    /// There is no route, the source address is not this node's, or an option is not permitted.
    pub fn dial(dial: &Dial<'_>) -> io::Result<Self> {
        let v4 = dial.address.is_ipv4();
        let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        if let Some((_, name)) = dial.link {
            socket.bind_device(Some(name.as_bytes()))?;
        }
        if let Some(source) = dial.source {
            socket.bind(&scoped(source, 0, dial.link).into())?;
        }
        dial.hops.set(&socket, v4)?;
        if dial.password.is_some() {
            sign(&socket, dial.address, dial.password)?;
        }
        prepare(&socket, v4)?;
        match socket.connect(&scoped(dial.address, dial.port, dial.link).into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Self { socket, peer: dial.address })
    }

    /// Takes over what a listener accepted from `peer`.
    ///
    /// # Errors
    /// The connection has ended already.
    pub(super) fn accepted(socket: Socket, peer: IpAddr) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        prepare(&socket, peer.is_ipv4())?;
        Ok(Self { socket, peer })
    }

    /// Whether it could be connected.
    ///
    /// # Errors
    /// Why not.
    pub fn outcome(&self) -> io::Result<()> {
        match self.socket.take_error()? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The own end.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn local(&self) -> io::Result<IpAddr> {
        let address = self.socket.local_addr()?.as_socket();
        address.map(|address| address.ip().to_canonical()).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Signs with another password from now on, or with none.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn sign(&self, password: Option<&Password>) -> io::Result<()> {
        sign(&self.socket, self.peer, password)
    }

    /// Lets the peer be so far away from now on.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn limit(&self, hops: Hops) -> io::Result<()> {
        hops.set(&self.socket, self.peer.is_ipv4())
    }

    /// Takes what has come, as far as `buffer` holds it.
    ///
    /// # Errors
    /// The connection has failed.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        match (&self.socket).read(buffer) {
            Ok(0) => Ok(Received::End),
            Ok(count) => Ok(Received::Octets(count)),
            Err(error) if is_not_yet(&error) => Ok(Received::Nothing),
            Err(error) => Err(error),
        }
    }

    /// Sends as much of `octets` as fits now; how much that was.
    ///
    /// # Errors
    /// The connection has failed.
    pub fn send(&self, octets: &[u8]) -> io::Result<usize> {
        match (&self.socket).write(octets) {
            Err(error) if is_not_yet(&error) => Ok(0),
            result => result,
        }
    }

    /// Ends it: in good order after the `last` octets, or at once if there are none and `abort`.
    pub fn close(self, last: &[u8], abort: bool) {
        if abort {
            // What waits to be sent would be kept in the kernel for a peer that does not read.
            let _ = self.socket.set_linger(Some(Duration::ZERO));
            return;
        }
        let _ = self.send(last);
        let _ = self.socket.shutdown(Shutdown::Write);
        // What was not read would turn the end into a reset, which can overtake the last octets.
        let mut rest = [0; 4096];
        for _ in 0..LAST_READS {
            if !matches!(self.receive(&mut rest), Ok(Received::Octets(_))) {
                break;
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Small messages at once, marked as those that keep the network going (RFC 4594 §3.2: CS6).
fn prepare(socket: &Socket, v4: bool) -> io::Result<()> {
    let socket = SockRef::from(socket);
    socket.set_tcp_nodelay(true)?;
    if v4 { socket.set_tos_v4(CS6) } else { socket.set_tclass_v6(CS6) }
}

fn scoped(address: IpAddr, port: u16, link: Option<(u32, &str)>) -> SocketAddr {
    match address {
        IpAddr::V6(address) if address.is_unicast_link_local() => {
            SocketAddrV6::new(address, port, 0, link.map_or(0, |(index, _)| index)).into()
        }
        IpAddr::V4(_) | IpAddr::V6(_) => SocketAddr::new(address, port),
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// The class of network control, in the upper six bits.
const CS6: u32 = 48 << 2;
const LAST_READS: usize = 16;
