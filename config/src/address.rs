//! Addresses that nobody can have as a VIP.

use std::net::{IpAddr, Ipv4Addr};

use ferrolb_model::IpRange;
use ipnet::IpNet;

/// The IPv4 address that an IPv4-mapped one stands for (RFC 4291 §2.5.5.2): `::ffff:192.0.2.7` is 192.0.2.7.
pub(crate) fn mapped(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => v6.to_ipv4_mapped(),
    }
}

/// What of the range is no unicast address that clients elsewhere could use, in words.
pub(crate) fn unusable(range: IpRange) -> Option<String> {
    const NOT_UNICAST: [(&str, &str); 10] = [
        ("0.0.0.0/32", "the unspecified address"),
        ("127.0.0.0/8", "loopback addresses"),
        ("169.254.0.0/16", "link-local addresses"),
        ("224.0.0.0/4", "multicast addresses"),
        ("255.255.255.255/32", "the broadcast address"),
        ("::/128", "the unspecified address"),
        ("::1/128", "the loopback address"),
        ("::ffff:0.0.0.0/96", "IPv4 addresses written as IPv6"),
        ("fe80::/10", "link-local addresses"),
        ("ff00::/8", "multicast addresses"),
    ];
    NOT_UNICAST.into_iter().find_map(|(net, words)| {
        let net: IpRange = net.parse::<IpNet>().expect("it stands above").into();
        let overlaps =
            net.family() == range.family() && net.first() <= range.last() && range.first() <= net.last();
        overlaps.then(|| format!("{words} ({net})"))
    })
}
