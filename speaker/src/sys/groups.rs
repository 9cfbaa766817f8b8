use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ferrolb_neighbor::Mac;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockFilter, Socket, Type};

use super::packet::MembershipSocket;

/// The multicast groups one interface is a member of.
///
/// They are joined by ordinary UDP sockets, because the kernel sends IGMP and MLD reports for those and not for packet
/// sockets, and a snooping switch forwards only what was reported. Where the kernel refuses (no address of that family,
/// no room) a packet socket at least makes the interface take the frames. The sockets also hold the port, so the
/// kernel does not answer speaker frames with "port unreachable"; what they receive is dropped by a filter.
#[derive(Debug)]
pub struct Groups {
    index: u32,
    name: String,
    port: u16,
    sockets: Vec<Socket>,
    unreported: Option<MembershipSocket>,
    joined: BTreeMap<IpAddr, Membership>,
}

/// How a group was joined.
#[derive(Clone, Copy, Debug)]
enum Membership {
    /// By the socket at this place of the list.
    Reported(usize),
    /// At the interface only.
    Unreported,
}

impl Groups {
    /// Member of nothing yet, on the interface with this index and name.
    pub fn new(index: u32, name: &str, port: u16) -> Self {
        Self {
            index,
            name: name.to_owned(),
            port,
            sockets: Vec::new(),
            unreported: None,
            joined: BTreeMap::new(),
        }
    }

    /// Joins what is new in `wanted` (sorted) and leaves what is no longer in it; `failed` hears of what cannot be joined.
    /// Returns whether switches are told of every group; if not, another call tries that again: the interface may have got
    /// an address of that family by then.
    pub fn set(&mut self, wanted: &[IpAddr], mut failed: impl FnMut(IpAddr, io::Error)) -> bool {
        let gone: Vec<_> =
            self.joined.keys().filter(|group| wanted.binary_search(group).is_err()).copied().collect();
        for group in gone {
            self.leave(group);
        }
        let mut reported = true;
        for &group in wanted {
            if matches!(self.joined.get(&group), Some(Membership::Reported(_))) {
                continue;
            }
            if let Some(place) = self.report(group) {
                self.leave(group);
                self.joined.insert(group, Membership::Reported(place));
                continue;
            }
            reported = false;
            if !self.joined.contains_key(&group) {
                match self.take(group) {
                    Ok(()) => drop(self.joined.insert(group, Membership::Unreported)),
                    Err(error) => failed(group, error),
                }
            }
        }
        reported
    }

    /// Joins by a socket for which the kernel sends reports; which of the list.
    fn report(&mut self, group: IpAddr) -> Option<usize> {
        let domain = Domain::for_address(SocketAddr::new(group, 0));
        // The last one has room, if any has.
        for (place, socket) in self.sockets.iter().enumerate().rev() {
            if socket.domain().is_ok_and(|own| own == domain) && join(socket, self.index, group).is_ok() {
                return Some(place);
            }
        }
        // A socket can be a member of a limited number of groups: the next one gets a socket of its own.
        let socket = holder(&self.name, self.port, group).ok()?;
        join(&socket, self.index, group).ok()?;
        self.sockets.push(socket);
        Some(self.sockets.len() - 1)
    }

    /// Makes the interface take the group's frames, which nobody is told.
    fn take(&mut self, group: IpAddr) -> io::Result<()> {
        let unreported = match &mut self.unreported {
            Some(socket) => socket,
            none => none.insert(MembershipSocket::open()?),
        };
        unreported.set(self.index, ethernet_group(group), true)
    }

    fn leave(&mut self, group: IpAddr) {
        let Some(membership) = self.joined.remove(&group) else { return };
        // A failure means that the interface is gone, and the membership with it.
        let _ = match membership {
            Membership::Reported(place) => self.sockets.get(place).map_or(Ok(()), |socket| match group {
                IpAddr::V4(group) => {
                    socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(self.index))
                }
                IpAddr::V6(group) => socket.leave_multicast_v6(&group, self.index),
            }),
            Membership::Unreported => self
                .unreported
                .as_ref()
                .map_or(Ok(()), |socket| socket.set(self.index, ethernet_group(group), false)),
        };
    }
}

fn holder(name: &str, port: u16, group: IpAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(SocketAddr::new(group, 0));
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.attach_filter(&[SockFilter::new((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0)])?;
    socket.set_reuse_address(true)?;
    socket.bind_device(Some(name.as_bytes()))?;
    let any: IpAddr = match group {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => {
            socket.set_only_v6(true)?;
            Ipv6Addr::UNSPECIFIED.into()
        }
    };
    socket.bind(&SocketAddr::new(any, port).into())?;
    Ok(socket)
}

fn join(socket: &Socket, index: u32, group: IpAddr) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index)),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, index),
    }
}

/// The Ethernet address of a multicast group (RFC 1112 §6.4, RFC 2464 §7).
fn ethernet_group(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = group.octets();
            Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_map_to_ethernet() {
        let mac = |group: &str| ethernet_group(group.parse().unwrap()).to_string();
        assert_eq!(mac("224.0.0.254"), "01:00:5e:00:00:fe");
        assert_eq!(mac("239.129.2.3"), "01:00:5e:01:02:03");
        assert_eq!(mac("ff02::1:ff00:1234"), "33:33:ff:00:12:34");
    }
}
