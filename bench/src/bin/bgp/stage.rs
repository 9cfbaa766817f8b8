//! The lab: two senders and four routers on one switch.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Deref;

use anyhow::Result;
use ferrolb_lab::{Lab, Options};
use ipnet::IpNet;

/// The AS of those who send.
pub(crate) const OURS: u32 = 64512;
/// The AS of the routers.
pub(crate) const ROUTERS: u32 = 64513;
/// The network of the speaker under measurement.
pub(crate) const SPEAKER: &str = "n1";
/// The network of whoever sends what was packed beforehand.
pub(crate) const FLOOR: &str = "n2";

const NAME: &str = "bench-bgp";

/// A lab of the benchmark's own.
pub(crate) struct Stage(Lab);

impl Stage {
    pub(crate) fn up() -> Result<Self> {
        Lab::down_named(NAME)?;
        let options =
            Options { name: NAME.into(), nodes: 2, routers: 4, cluster: false, ..Options::default() };
        Ok(Self(Lab::up(&options)?))
    }

    pub(crate) fn down(self) -> Result<()> {
        self.0.down()
    }
}

impl Deref for Stage {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.0
    }
}

pub(crate) fn router(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 200 + number)
}

pub(crate) fn node(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 10 + number)
}

/// The address with this number, of a range that is set aside for benchmarks (RFC 2544).
pub(crate) fn vip(number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + number).into()
}

pub(crate) fn host(number: u32) -> IpNet {
    vip(number).into()
}
