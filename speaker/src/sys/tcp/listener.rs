use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::connection::Connection;
use super::hops::{FARTHEST, Hops, set_least, set_sent};
use super::password::{Password, sign};

/// Waits for peers to connect, on every address of one family.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    v4: bool,
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// The port is taken, or low ports are not permitted.
    pub fn open(v4: bool, port: u16) -> io::Result<Self> {
        let domain = if v4 { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        // Connections of the last run do not keep the port.
        socket.set_reuse_address(true)?;
        let any: IpAddr = if v4 {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            socket.set_only_v6(true)?;
            Ipv6Addr::UNSPECIFIED.into()
        };
        // Its answer to a peer that checks has crossed no router.
        set_sent(&socket, v4, FARTHEST)?;
        socket.bind(&SocketAddr::new(any, port).into())?;
        socket.listen(BACKLOG)?;
        Ok(Self { socket, v4 })
    }

    /// Whether it is that of IPv4.
    pub fn is_v4(&self) -> bool {
        self.v4
    }

    /// Demands signatures of `peer`, or none.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn sign(&self, peer: IpAddr, password: Option<&Password>) -> io::Result<()> {
        sign(&self.socket, peer, password)
    }

    /// Drops what comes from farther away than every one of `peers` may be.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn limit(&self, peers: impl Iterator<Item = Hops>) -> io::Result<()> {
        set_least(&self.socket, self.v4, peers.map(Hops::least).min().unwrap_or(0))
    }

    /// The next connection that waits, and whose it is: address, and index of the interface for a link-local one.
    ///
    /// # Errors
    /// No file descriptors are left.
    pub fn accept(&self) -> io::Result<Option<(Connection, IpAddr, u32)>> {
        loop {
            let (socket, address) = match self.socket.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // It has ended before it was taken.
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            let Some(address) = address.as_socket() else { continue };
            let scope = match address {
                SocketAddr::V4(_) => 0,
                SocketAddr::V6(address) => address.scope_id(),
            };
            if let Ok(connection) = Connection::accepted(socket, address.ip()) {
                return Ok(Some((connection, address.ip(), scope)));
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted)
}

const BACKLOG: i32 = 64;
