use std::net::IpAddr;

use ferrolb_ownership::Interface;

use super::Globs;

/// An interface VIPs can live on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Usable {
    /// As the kernel describes it.
    pub interface: Interface,
    /// Whether the best IPv4 default route leaves by it.
    pub default_v4: bool,
    /// Whether the best IPv6 default route leaves by it.
    pub default_v6: bool,
}

/// The indices of the interfaces `vip` lives on, lowest first: the one whose network holds it ([`on_link`]); else those in
/// `named`; else the one with the default route. Empty if there is none of these.
pub fn serving(vip: IpAddr, named: &Globs, usable: &[Usable]) -> Vec<u32> {
    if let Some(index) = on_link(vip, named, usable) {
        return vec![index];
    }
    let mut named: Vec<_> =
        usable.iter().map(|u| &u.interface).filter(|i| named.matches(&i.name)).map(|i| i.index).collect();
    if !named.is_empty() {
        named.sort_unstable();
        return named;
    }
    let leads_out = |usable: &&Usable| if vip.is_ipv4() { usable.default_v4 } else { usable.default_v6 };
    usable.iter().filter(leads_out).map(|usable| usable.interface.index).min().into_iter().collect()
}

/// The index of the interface whose network holds `vip`: the longest prefix wins; of two on one network those in `named`, then
/// the lower index.
pub fn on_link(vip: IpAddr, named: &Globs, usable: &[Usable]) -> Option<u32> {
    let connected = usable
        .iter()
        .filter_map(|usable| {
            let prefix = connected_prefix(vip, &usable.interface)?;
            Some((prefix, named.matches(&usable.interface.name), std::cmp::Reverse(usable.interface.index)))
        })
        .max();
    connected.map(|(_, _, std::cmp::Reverse(index))| index)
}

/// The length of the longest network of the interface that holds `vip`. A host address (/32, /128) is no network.
fn connected_prefix(vip: IpAddr, interface: &Interface) -> Option<u8> {
    interface
        .addresses
        .iter()
        .filter(|network| network.prefix_len() < network.max_prefix_len() && network.contains(&vip))
        .map(ipnet::IpNet::prefix_len)
        .max()
}

#[cfg(test)]
mod tests {
    use ferrolb_ownership::Mac;

    use super::*;

    fn usable(index: u32, name: &str, addresses: &[&str], default_v4: bool) -> Usable {
        let interface = Interface {
            index,
            name: name.to_owned(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            gateways: Vec::new(),
            carrier: true,
        };
        Usable { interface, default_v4, default_v6: false }
    }

    fn chosen(vip: &str, named: &str, usable: &[Usable]) -> Vec<u32> {
        serving(vip.parse().unwrap(), &Globs::parse(named), usable)
    }

    #[test]
    fn the_network_that_holds_the_address_decides_before_names_and_routes() {
        let all = [
            usable(2, "eth0", &["192.0.2.10/24", "2001:db8:1::10/64"], true),
            usable(3, "eth1", &["198.51.100.10/24"], false),
            usable(4, "eth2", &["198.51.100.130/25", "203.0.113.1/32"], false),
        ];
        assert_eq!(chosen("192.0.2.200", "", &all), [2]);
        assert_eq!(chosen("2001:db8:1::ffff", "", &all), [2]);
        assert_eq!(chosen("198.51.100.20", "eth0", &all), [3], "a name does not take it off its network");
        assert_eq!(chosen("198.51.100.200", "", &all), [4], "the longer prefix");
        assert_eq!(chosen("203.0.113.1", "", &all), [2], "a host address is no network: default route");
    }

    #[test]
    fn elsewhere_names_decide_and_then_the_default_route() {
        let all = [
            usable(2, "eth0", &["192.0.2.10/24"], true),
            usable(3, "eth1", &["198.51.100.10/24"], false),
            usable(4, "bond0", &["198.51.101.10/24"], false),
        ];
        assert_eq!(chosen("203.0.113.5", "eth1", &all), [3]);
        assert_eq!(chosen("203.0.113.5", "bond*,eth1", &all), [3, 4]);
        assert_eq!(chosen("203.0.113.5", "", &all), [2]);
        assert_eq!(chosen("203.0.113.5", "eth9", &all), [2], "names that match nothing here");
        assert_eq!(chosen("2001:db8::5", "", &all), [0_u32; 0], "no IPv6 default route");
    }

    #[test]
    fn of_two_interfaces_on_one_network_the_lower_index_serves() {
        let all = [usable(7, "eth1", &["192.0.2.11/24"], false), usable(5, "eth0", &["192.0.2.10/24"], true)];
        assert_eq!(chosen("192.0.2.200", "", &all), [5]);
        assert_eq!(chosen("192.0.2.200", "eth1", &all), [7], "unless the other one is named");
    }
}
