use std::net::{IpAddr, Ipv6Addr};

use ferrolb_ownership::Mac;

use super::Table;

/// An interface at whose other end a router may be that has no address but a link-local one: Ethernet, up, with a carrier and a
/// link-local IPv6 address. It need not be one that VIPs can live on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkLocal {
    /// The kernel's number of it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: Mac,
    /// Its link-local addresses, lowest first; there is one at least.
    pub addresses: Vec<Ipv6Addr>,
}

impl Table {
    /// The interfaces of that kind, by index. None is excluded: whoever wants one names it.
    pub fn link_local(&self) -> Vec<LinkLocal> {
        let links = self.links.iter().filter(|(_, link)| link.up && link.carrier);
        let links = links.filter_map(|(&index, link)| {
            let mac = link.mac?;
            let addresses = self.addresses.get(&index)?.iter().filter_map(|network| match network.addr() {
                IpAddr::V6(address) => Some(address).filter(Ipv6Addr::is_unicast_link_local),
                IpAddr::V4(_) => None,
            });
            let mut addresses: Vec<_> = addresses.collect();
            addresses.sort_unstable();
            let name = link.name.clone();
            (!addresses.is_empty()).then_some(LinkLocal { index, name, mac, addresses })
        });
        links.collect()
    }
}
