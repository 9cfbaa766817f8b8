use std::net::{IpAddr, Ipv6Addr};

use ferrolb_bgp::policy::Addresses;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nix::ifaddrs::getifaddrs;

use super::message::Remote;

/// The own addresses of the interface by which a session with `peer` runs whose own end is `local`.
pub(super) fn around(local: IpAddr, peer: &Remote) -> Addresses {
    let networks: Vec<(String, IpNet)> = getifaddrs().into_iter().flatten().filter_map(network).collect();
    let link = peer.link.as_ref().map(|(_, name)| &**name);
    choose(local, peer.address, link, &networks)
}

fn network(address: nix::ifaddrs::InterfaceAddress) -> Option<(String, IpNet)> {
    let own = address.address?;
    let mask = address.netmask?;
    let network = match (own.as_sockaddr_in(), own.as_sockaddr_in6()) {
        (Some(own), _) => IpNet::V4(Ipv4Net::with_netmask(own.ip(), mask.as_sockaddr_in()?.ip()).ok()?),
        (None, Some(own)) => IpNet::V6(Ipv6Net::with_netmask(own.ip(), mask.as_sockaddr_in6()?.ip()).ok()?),
        (None, None) => return None,
    };
    Some((address.interface_name, network))
}

fn choose(local: IpAddr, peer: IpAddr, link: Option<&str>, networks: &[(String, IpNet)]) -> Addresses {
    let of_local = || networks.iter().find(|(_, network)| network.addr() == local);
    // A link-local address may be that of several interfaces, those with VLANs for instance.
    let interface = link.or_else(|| of_local().map(|(name, _)| name.as_str()));
    let own =
        || networks.iter().filter(|(name, _)| Some(name.as_str()) == interface).map(|(_, network)| network);
    let ipv4 = own().filter_map(|network| match network.addr() {
        IpAddr::V4(address) => {
            Some(address).filter(|address| !address.is_loopback() && !address.is_link_local())
        }
        IpAddr::V6(_) => None,
    });
    let ipv6 = || {
        own().filter_map(|network| match network.addr() {
            IpAddr::V6(address) => Some(address).filter(|address| !address.is_loopback()),
            IpAddr::V4(_) => None,
        })
    };
    let is_near = is_link_local(peer) || own().any(|network| network.contains(&peer));
    Addresses {
        local,
        // Of several the least, so that a session that begins anew finds the same.
        ipv4: ipv4.min(),
        ipv6: ipv6().filter(|address| !address.is_unicast_link_local()).min(),
        link_local: ipv6().filter(Ipv6Addr::is_unicast_link_local).min().filter(|_| is_near),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interface_of_the_session_gives_the_other_addresses() {
        let networks = [
            ("lo", "127.0.0.1/8"),
            ("eth0", "192.0.2.11/24"),
            ("eth0", "2001:db8::11/64"),
            ("eth0", "fe80::11/64"),
            ("eth1", "198.51.100.11/24"),
            ("eth1", "fe80::11/64"),
        ];
        let networks: Vec<_> = networks.map(|(name, net)| (name.to_owned(), net.parse().unwrap())).into();
        let on = |link, local: &str, peer: &str| {
            let chosen = choose(local.parse().unwrap(), peer.parse().unwrap(), link, &networks);
            format!("{:?} {:?} {:?}", chosen.ipv4, chosen.ipv6, chosen.link_local)
        };
        let around = |local: &str, peer: &str| on(None, local, peer);
        let near = "Some(192.0.2.11) Some(2001:db8::11) Some(fe80::11)";
        assert_eq!(around("192.0.2.11", "192.0.2.1"), near);
        assert_eq!(around("2001:db8::11", "2001:db8::1"), near);
        assert_eq!(around("fe80::11", "fe80::1"), near);
        assert_eq!(around("2001:db8::11", "2001:db8:1::1"), "Some(192.0.2.11) Some(2001:db8::11) None");
        assert_eq!(around("198.51.100.11", "198.51.100.1"), "Some(198.51.100.11) None Some(fe80::11)");
        assert_eq!(on(Some("eth1"), "fe80::11", "fe80::1"), "Some(198.51.100.11) None Some(fe80::11)");
        assert_eq!(around("203.0.113.1", "203.0.113.2"), "None None None", "an address that went away");
    }
}
