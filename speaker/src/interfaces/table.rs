mod link_local;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_ownership::{Interface, Mac};
use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoPortKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Globs, Usable};
pub use link_local::LinkLocal;

/// What the kernel has told of links, addresses and default routes so far.
#[derive(Clone, Debug, Default)]
pub struct Table {
    links: BTreeMap<u32, Link>,
    addresses: BTreeMap<u32, Vec<IpNet>>,
    defaults: Vec<DefaultRoute>,
}

/// What is listed separately.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Interfaces.
    Links,
    /// Addresses of interfaces.
    Addresses,
    /// Routes.
    Routes,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Link {
    name: String,
    mac: Option<Mac>,
    up: bool,
    carrier: bool,
    /// Part of a bond, bridge or team, whose master has the addresses.
    slave: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct DefaultRoute {
    v4: bool,
    metric: u32,
    index: u32,
    gateway: Option<IpAddr>,
}

impl Table {
    /// Forgets everything of one kind; the kernel's list of it follows.
    pub fn forget(&mut self, kind: Kind) {
        match kind {
            Kind::Links => self.links.clear(),
            Kind::Addresses => self.addresses.clear(),
            Kind::Routes => self.defaults.clear(),
        }
    }

    /// Takes one message of a list.
    pub fn list(&mut self, message: RouteNetlinkMessage) {
        if let RouteNetlinkMessage::NewRoute(route) = message {
            self.add_route(&route);
        } else {
            self.notify(message);
        }
    }

    /// Takes one notification. Some changes of routes are not notified, or not fully (a link that goes down takes its
    /// routes along silently, a replaced route is not named): then the answer is what must be listed again.
    pub fn notify(&mut self, message: RouteNetlinkMessage) -> Option<Kind> {
        if let RouteNetlinkMessage::NewLink(link) = message {
            self.set_link(link)
        } else if let RouteNetlinkMessage::DelLink(link) = message {
            if link.header.interface_family != AddressFamily::Unspec {
                return None;
            }
            self.links.remove(&link.header.index);
            self.addresses.remove(&link.header.index);
            Some(Kind::Routes)
        } else if let RouteNetlinkMessage::NewAddress(address) = message {
            let network = network(&address)?;
            let addresses = self.addresses.entry(address.header.index).or_default();
            addresses.retain(|known| known.addr() != network.addr());
            addresses.push(network);
            addresses.sort_unstable();
            None
        } else if let RouteNetlinkMessage::DelAddress(address) = message {
            let network = network(&address)?;
            self.addresses.get_mut(&address.header.index)?.retain(|known| *known != network);
            // IPv4 routes go with their address, silently.
            self.defaults.iter().any(|route| route.index == address.header.index).then_some(Kind::Routes)
        } else if let RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) = message {
            is_default(&route).then_some(Kind::Routes)
        } else {
            None
        }
    }

    /// The interfaces VIPs can live on: Ethernet, up, no slave, with an address that is not only link-local, and not
    /// excluded.
    pub fn usable(&self, exclude: &Globs) -> Vec<Usable> {
        let best = |v4: bool| {
            let family = self.defaults.iter().filter(|route| route.v4 == v4);
            let usable = family.filter(|route| self.usable_link(route.index, exclude).is_some());
            usable.min_by_key(|route| (route.metric, route.index)).map(|route| route.index)
        };
        let (best_v4, best_v6) = (best(true), best(false));
        self.links
            .keys()
            .filter_map(|&index| {
                let (link, mac) = self.usable_link(index, exclude)?;
                let addresses = self.addresses.get(&index)?.clone();
                let mut gateways: Vec<_> = self
                    .defaults
                    .iter()
                    .filter(|route| route.index == index)
                    .filter_map(|route| route.gateway)
                    .collect();
                gateways.sort_unstable();
                gateways.dedup();
                let interface = Interface {
                    index,
                    name: link.name.clone(),
                    mac,
                    addresses,
                    gateways,
                    carrier: link.carrier,
                };
                let default = |best| best == Some(index);
                Some(Usable { interface, default_v4: default(best_v4), default_v6: default(best_v6) })
            })
            .collect()
    }

    fn usable_link(&self, index: u32, exclude: &Globs) -> Option<(&Link, Mac)> {
        let link = self.links.get(&index)?;
        let routable = self.addresses.get(&index)?.iter().any(|network| is_routable(network.addr()));
        (link.up && !link.slave && routable && !exclude.matches(&link.name)).then_some((link, link.mac?))
    }

    fn set_link(&mut self, message: LinkMessage) -> Option<Kind> {
        // Bridges and IPv6 tell of their own view of a link in messages of their family.
        if message.header.interface_family != AddressFamily::Unspec {
            return None;
        }
        let index = message.header.index;
        let flags = message.header.flags;
        let unfit = LinkFlags::Loopback | LinkFlags::Noarp | LinkFlags::Pointopoint;
        let ethernet = message.header.link_layer_type == LinkLayerType::Ether && !flags.intersects(unfit);
        let mut link = Link {
            name: String::new(),
            mac: None,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
            slave: false,
        };
        let mut vrf = false;
        for attribute in message.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                link.name = name;
            } else if let LinkAttribute::Address(octets) = attribute {
                link.mac = <[u8; 6]>::try_from(octets).ok().map(Mac).filter(|_| ethernet);
            } else if let LinkAttribute::Controller(master) = attribute {
                link.slave = master != 0;
            } else if let LinkAttribute::LinkInfo(infos) = attribute {
                vrf = infos.contains(&LinkInfo::PortKind(InfoPortKind::Vrf));
            }
        }
        // A VRF is a master too, but its members keep their addresses.
        link.slave &= !vrf;
        // Notifications of wireless drivers bear no name; the next full one does.
        if link.name.is_empty() {
            return None;
        }
        let up = link.up;
        let before = self.links.insert(index, link);
        (before.is_some_and(|before| before.up) != up).then_some(Kind::Routes)
    }

    fn add_route(&mut self, route: &RouteMessage) {
        if !is_default(route) {
            return;
        }
        let v4 = route.header.address_family == AddressFamily::Inet;
        let metric = attribute(route, |a| if let RouteAttribute::Priority(m) = a { Some(*m) } else { None });
        let metric = metric.unwrap_or(0);
        let mut add = |index: Option<u32>, attributes: &[RouteAttribute]| {
            if let Some(index) = index {
                self.defaults.push(DefaultRoute { v4, metric, index, gateway: gateway(attributes) });
            }
        };
        add(
            attribute(route, |a| if let RouteAttribute::Oif(index) = a { Some(*index) } else { None }),
            &route.attributes,
        );
        for attribute in &route.attributes {
            if let RouteAttribute::MultiPath(hops) = attribute {
                for hop in hops {
                    add(Some(hop.interface_index), &hop.attributes);
                }
            }
        }
    }
}

/// An IPv4 or IPv6 unicast default route of the main table.
fn is_default(route: &RouteMessage) -> bool {
    let table = attribute(route, |a| if let RouteAttribute::Table(table) = a { Some(*table) } else { None });
    route.header.destination_prefix_length == 0
        && route.header.kind == RouteType::Unicast
        && matches!(route.header.address_family, AddressFamily::Inet | AddressFamily::Inet6)
        && table.unwrap_or_else(|| u32::from(route.header.table)) == u32::from(RouteHeader::RT_TABLE_MAIN)
}

fn attribute<T>(route: &RouteMessage, pick: impl Fn(&RouteAttribute) -> Option<T>) -> Option<T> {
    route.attributes.iter().find_map(pick)
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| {
        if let RouteAttribute::Gateway(RouteAddress::Inet(gateway)) = attribute {
            Some(IpAddr::V4(*gateway))
        } else if let RouteAttribute::Gateway(RouteAddress::Inet6(gateway)) = attribute {
            Some(IpAddr::V6(*gateway))
        } else {
            None
        }
    })
}

/// The interface's own address (on a point-to-point link the other attribute is the peer's).
fn network(message: &AddressMessage) -> Option<IpNet> {
    let mut own = None;
    for attribute in &message.attributes {
        if let AddressAttribute::Local(address) = attribute {
            own = Some(*address);
        } else if let AddressAttribute::Address(address) = attribute {
            own = own.or(Some(*address));
        }
    }
    IpNet::new(own?, message.header.prefix_len).ok()
}

fn is_routable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_link_local() && !address.is_loopback(),
        IpAddr::V6(address) => !address.is_unicast_link_local() && !address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, flags: LinkFlags, more: &[LinkAttribute]) -> RouteNetlinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.header.link_layer_type = LinkLayerType::Ether;
        message.header.flags = flags;
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        message.attributes.push(LinkAttribute::Address(vec![2, 0, 0, 0, 0, index as u8]));
        message.attributes.extend_from_slice(more);
        RouteNetlinkMessage::NewLink(message)
    }

    fn address_message(index: u32, network: &str) -> AddressMessage {
        let network: IpNet = network.parse().unwrap();
        let mut message = AddressMessage::default();
        message.header.index = index;
        message.header.prefix_len = network.prefix_len();
        message.attributes.push(AddressAttribute::Address(network.addr()));
        message
    }

    fn address(index: u32, network: &str) -> RouteNetlinkMessage {
        RouteNetlinkMessage::NewAddress(address_message(index, network))
    }

    fn default_route(index: u32, gateway: &str, metric: u32) -> RouteMessage {
        let mut route = RouteMessage::default();
        route.header.address_family = AddressFamily::Inet;
        route.header.kind = RouteType::Unicast;
        route.header.table = RouteHeader::RT_TABLE_MAIN;
        route.attributes.push(RouteAttribute::Oif(index));
        route.attributes.push(RouteAttribute::Priority(metric));
        route.attributes.push(RouteAttribute::Gateway(RouteAddress::Inet(gateway.parse().unwrap())));
        route
    }

    fn up() -> LinkFlags {
        LinkFlags::Up | LinkFlags::LowerUp | LinkFlags::Broadcast
    }

    fn names(table: &Table, exclude: &str) -> Vec<String> {
        table.usable(&Globs::parse(exclude)).into_iter().map(|u| u.interface.name).collect()
    }

    #[test]
    fn usable_interfaces_are_up_addressed_masters() {
        let mut table = Table::default();
        let slave = LinkAttribute::Controller(9);
        let vrf = LinkAttribute::LinkInfo(vec![LinkInfo::PortKind(InfoPortKind::Vrf)]);
        table.notify(link(1, "lo", up() | LinkFlags::Loopback, &[]));
        table.notify(link(2, "eth0", up(), std::slice::from_ref(&slave)));
        table.notify(link(3, "eth1", up(), &[slave, vrf]));
        table.notify(link(4, "down", LinkFlags::Broadcast, &[]));
        table.notify(link(5, "local", up(), &[]));
        table.notify(link(6, "nocarrier", LinkFlags::Up, &[]));
        table.notify(link(7, "docker0", up(), &[]));
        table.notify(link(8, "bare", up(), &[]));
        for index in [1, 2, 3, 4, 6, 7] {
            table.notify(address(index, &format!("192.0.2.{index}/24")));
        }
        table.notify(address(5, "fe80::5/64"));
        assert_eq!(names(&table, "docker*"), ["eth1", "nocarrier"]);
        // A router may be found where no VIP can live.
        let local = table.link_local();
        assert_eq!(local.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["local"]);
        let usable = table.usable(&Globs::parse("docker*"));
        assert!(usable[0].interface.carrier && !usable[1].interface.carrier);
    }

    #[test]
    fn the_default_route_with_the_lowest_metric_leads_out() {
        let mut table = Table::default();
        for (index, name) in [(2, "eth0"), (3, "eth1")] {
            table.notify(link(index, name, up(), &[]));
            table.notify(address(index, &format!("192.0.{index}.1/24")));
        }
        for (index, gateway, metric) in
            [(2, "192.0.2.254", 200), (3, "192.0.3.254", 100), (3, "192.0.3.253", 300)]
        {
            table.list(RouteNetlinkMessage::NewRoute(default_route(index, gateway, metric)));
        }
        let usable = table.usable(&Globs::default());
        assert!(!usable[0].default_v4 && usable[1].default_v4);
        let expected: Vec<IpAddr> = ["192.0.3.253", "192.0.3.254"].map(|a| a.parse().unwrap()).to_vec();
        assert_eq!(usable[1].interface.gateways, expected);
    }

    #[test]
    fn what_notifications_leave_out_is_listed_again() {
        let mut table = Table::default();
        assert_eq!(table.notify(link(2, "eth0", up(), &[])), Some(Kind::Routes));
        assert_eq!(table.notify(link(2, "eth0", LinkFlags::Up, &[])), None, "carrier alone takes no routes");
        assert_eq!(table.notify(link(2, "eth0", LinkFlags::empty(), &[])), Some(Kind::Routes));
        let route = default_route(2, "192.0.2.254", 0);
        assert_eq!(table.notify(RouteNetlinkMessage::DelRoute(route.clone())), Some(Kind::Routes));
        let mut other = route;
        other.header.destination_prefix_length = 24;
        assert_eq!(table.notify(RouteNetlinkMessage::NewRoute(other)), None);
    }

    #[test]
    fn a_bridge_telling_of_its_port_removes_no_link() {
        let mut table = Table::default();
        table.notify(link(2, "eth0", up(), &[]));
        table.notify(address(2, "192.0.2.1/24"));
        let mut message = LinkMessage::default();
        message.header.index = 2;
        message.header.interface_family = AddressFamily::Bridge;
        assert_eq!(table.notify(RouteNetlinkMessage::DelLink(message)), None);
        assert_eq!(names(&table, ""), ["eth0"]);
    }

    #[test]
    fn removed_addresses_are_forgotten() {
        let mut table = Table::default();
        table.notify(link(2, "eth0", up(), &[]));
        table.notify(address(2, "192.0.2.1/24"));
        table.notify(address(2, "2001:db8::1/64"));
        table.notify(RouteNetlinkMessage::DelAddress(address_message(2, "192.0.2.1/24")));
        let left = &table.usable(&Globs::default())[0].interface.addresses;
        assert_eq!(left.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2001:db8::1/64"]);
    }
}
