//! A tiny echo server for tests, UDP and TCP on one port, both families: it says who it is and repeats what it
//! was sent.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv6Addr, SocketAddrV6, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::socket::sockopt::Ipv6RecvPacketInfo;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, sendmsg, setsockopt,
};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Who to say it is; the host's name if not given.
    #[arg(long, env = "SERVER_NAME")]
    server: Option<String>,
    #[arg(long, default_value_t = 7777)]
    port: u16,
}

pub(crate) fn run(args: &Serve) -> Result<()> {
    let name = match &args.server {
        Some(name) => name.clone(),
        None => nix::unistd::gethostname()?.to_string_lossy().into_owned(),
    };
    // Bound to :: a socket takes both families; the second thread serves UDP.
    let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, args.port, 0, 0);
    let tcp =
        TcpListener::bind(address).with_context(|| format!("cannot listen on TCP port {}", args.port))?;
    let udp = UdpSocket::bind(address).with_context(|| format!("cannot listen on UDP port {}", args.port))?;
    let udp_name = name.clone();
    let udp_thread = thread::spawn(move || serve_udp(&udp, &udp_name));
    thread::spawn(move || serve_tcp(&tcp, &name));
    udp_thread.join().map_err(|_| anyhow::anyhow!("the UDP server panicked"))?
}

/// Answers `NAME` and a space before the request, from the address that the request was sent to (which is not
/// the one that the kernel would choose when a VIP is bound to this host).
fn serve_udp(socket: &UdpSocket, name: &str) -> Result<()> {
    setsockopt(socket, Ipv6RecvPacketInfo, &true)?;
    let mut request = [0; 2048];
    let mut control = nix::cmsg_space!(nix::libc::in6_pktinfo);
    let prefix = format!("{name} ");
    loop {
        let mut parts = [IoSliceMut::new(&mut request)];
        let received =
            recvmsg::<SockaddrIn6>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
        let (length, from) = (received.bytes, received.address);
        let mut to = None;
        for message in received.cmsgs()? {
            if let ControlMessageOwned::Ipv6PacketInfo(info) = message {
                to = Some(nix::libc::in6_pktinfo { ipi6_ifindex: 0, ..info });
            }
        }
        let answer = [IoSlice::new(prefix.as_bytes()), IoSlice::new(&request[..length])];
        let source = to.as_ref().map(ControlMessage::Ipv6PacketInfo);
        // A client that is out of reach now must not end the server for the others.
        let _ = sendmsg(socket.as_raw_fd(), &answer, source.as_slice(), MsgFlags::empty(), from.as_ref());
    }
}

fn serve_tcp(listener: &TcpListener, name: &str) {
    for stream in listener.incoming().flatten() {
        let name = name.to_owned();
        thread::spawn(move || echo(stream, &name));
    }
}

/// Says `NAME` and a line feed, then repeats every byte.
fn echo(mut stream: TcpStream, name: &str) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(format!("{name}\n").as_bytes())?;
    let mut buffer = [0; 2048];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count])?;
    }
}
