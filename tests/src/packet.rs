//! A packet socket on the segment's interface of a namespace.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use anyhow::{Context, Result};
use ferrolb_lab::Lab;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{
    ControlMessageOwned, LinkAddr, MsgFlags, SockaddrLike, bind, recvmsg, send, setsockopt,
};
use nix::sys::time::TimeSpec;
use socket2::{Domain, Protocol, Socket, Type};

use crate::inside;

/// A MAC address.
pub type Mac = [u8; 6];

/// `02:00:00:00:00:0b`.
pub fn mac_text(mac: Mac) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// What every host of a lab calls its cable to the switch.
const INTERFACE: &str = "eth0";

/// In bytes: some thousand frames, so that none is lost while the reader waits for its turn on a busy machine.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Sends and receives whole Ethernet frames.
#[derive(Debug)]
pub(crate) struct PacketSocket {
    socket: Socket,
    /// The interface's own address.
    pub(crate) mac: Mac,
}

impl PacketSocket {
    /// On the network of `name`, for frames of one EtherType. 0: for sending only.
    pub(crate) fn open(lab: &Lab, name: &str, ether_type: u16) -> Result<Self> {
        inside(lab, name, || {
            let protocol = Protocol::from(i32::from(ether_type.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))
                .context("cannot open a packet socket")?;
            let address = link_address()?;
            bind(socket.as_raw_fd(), &address).context("cannot bind a packet socket")?;
            setsockopt(&socket, ReceiveTimestampns, &true)?;
            setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER)
                .context("cannot enlarge a packet socket's buffer")?;
            let mac = address.addr().context("the interface has no MAC address")?;
            Ok(Self { socket, mac })
        })
    }

    /// Sends a frame; one that the interface has no room for now is lost, as on a wire. Whether it went.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<bool> {
        match send(self.fd(), frame, MsgFlags::empty()) {
            Ok(_) => Ok(true),
            Err(Errno::ENOBUFS | Errno::EAGAIN | Errno::ENETDOWN) => Ok(false),
            Err(error) => Err(error).context("cannot send a frame"),
        }
    }

    /// The next frame and when the kernel had it (see [`now`]); `None` if none comes in time.
    pub(crate) fn receive<'a>(
        &self,
        buffer: &'a mut [u8],
        patience: Duration,
    ) -> Result<Option<(&'a [u8], u64)>> {
        self.socket.set_read_timeout(Some(patience.max(Duration::from_micros(1))))?;
        let mut control = nix::cmsg_space!(TimeSpec);
        let mut parts = [IoSliceMut::new(buffer)];
        let received = recvmsg::<LinkAddr>(self.fd(), &mut parts, Some(&mut control), MsgFlags::empty());
        let (length, at) = match received {
            Ok(received) => {
                let mut at = now();
                for message in received.cmsgs()? {
                    if let ControlMessageOwned::ScmTimestampns(stamp) = message {
                        at = nanoseconds(stamp);
                    }
                }
                (received.bytes, at)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error).context("cannot receive a frame"),
        };
        Ok(Some((&buffer[..length], at)))
    }

    fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Nanoseconds of the clock that the kernel stamps received frames with.
pub(crate) fn now() -> u64 {
    let now =
        nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME).expect("every Linux has this clock");
    nanoseconds(now)
}

fn nanoseconds(time: TimeSpec) -> u64 {
    u64::try_from(Duration::from(time).as_nanos()).expect("it is before the year 2554")
}

fn link_address() -> Result<LinkAddr> {
    let found =
        getifaddrs()?.filter(|interface| interface.interface_name == INTERFACE).find_map(|interface| {
            let address = interface.address?;
            address
                .as_link_addr()
                .copied()
                .filter(|link| link.family() == Some(nix::sys::socket::AddressFamily::Packet))
        });
    found.with_context(|| format!("there is no interface {INTERFACE}"))
}
