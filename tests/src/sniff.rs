//! Hearing all that passes a host's cable, in both directions, with the kernel's time of each frame: what is measured by it
//! does not depend on when a thread of the measuring program ran.

use std::time::Duration;

use anyhow::Result;
use ferrolb_lab::Lab;

use crate::packet::{Mac, PacketSocket};

/// Every EtherType; the kernel shows frames that leave only to sockets that take all (packet(7)).
const ALL: u16 = 0x0003;

/// A socket that hears everything.
#[derive(Debug)]
pub struct Sniffer(PacketSocket);

/// A frame on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing<'a> {
    /// When the kernel had it, in nanoseconds of [`crate::arp::clock`].
    pub at: u64,
    /// From its Ethernet header to its end, without the checksum.
    pub bytes: &'a [u8],
}

impl Sniffer {
    /// On the cable of `name` (`client`, `n1`, …), whose network namespace it is.
    ///
    /// # Errors
    /// There is no such network.
    pub fn open(lab: &Lab, name: &str) -> Result<Self> {
        Ok(Self(PacketSocket::open(lab, name, ALL)?))
    }

    /// The host's own address.
    pub fn mac(&self) -> Mac {
        self.0.mac
    }

    /// The next frame; `None` if none comes in time.
    ///
    /// # Errors
    /// The socket fails.
    pub fn next<'a>(&self, buffer: &'a mut [u8], patience: Duration) -> Result<Option<Passing<'a>>> {
        Ok(self.0.receive(buffer, patience)?.map(|(bytes, at)| Passing { at, bytes }))
    }
}
