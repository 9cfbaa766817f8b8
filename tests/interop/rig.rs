//! A lab without a cluster that goes down with the test, and its numbers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Deref;

use ferrolb_lab::{Lab, Options};

/// The AS that most of a test is in.
pub(crate) const OWN: u32 = 64512;
/// Another.
pub(crate) const OTHER: u32 = 64513;

/// A lab of the test's own.
pub(crate) struct Rig(Lab);

impl Rig {
    /// `nodes` machines for speakers, n1…, and `routers` for routing programs, r1…
    pub(crate) fn up(name: &str, nodes: u8, routers: u8) -> Self {
        let name = format!("io-{name}");
        Lab::down_named(&name).unwrap();
        Self(Lab::up(&Options { name, nodes, routers, cluster: false, ..Options::default() }).unwrap())
    }
}

impl Deref for Rig {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.0
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let down = self.0.clone().down();
        if !std::thread::panicking() {
            down.unwrap();
        }
    }
}

/// Addresses of the router with this number.
pub(crate) fn router_v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 200 + number)
}

pub(crate) fn router_v6(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x200 + u16::from(number))
}

/// Those of the node with this number.
pub(crate) fn node_v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 10 + number)
}
