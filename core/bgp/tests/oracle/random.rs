//! Random things to say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrolb_bgp::wire::{Capability, ExtendedNextHop, GracefulFamily, GracefulRestart, Negotiated, Open};
use ferrolb_bgp::{
    AsPath, Asn, Attributes, Community, ExtendedCommunity, Family, LargeCommunity, NextHop, Origin, Prefix,
    RouterId,
};
use ferrolb_sansio::Rng;

pub(crate) fn bytes(rng: &mut Rng, limit: u64) -> Vec<u8> {
    (0..rng.below(limit)).map(|_| u8_of(rng)).collect()
}

pub(crate) fn coin(rng: &mut Rng) -> bool {
    rng.below(2) == 0
}

fn u8_of(rng: &mut Rng) -> u8 {
    rng.next().to_le_bytes()[0]
}

fn u16_of(rng: &mut Rng) -> u16 {
    u16::try_from(rng.below(1 << 16)).unwrap()
}

fn u32_of(rng: &mut Rng) -> u32 {
    u32::try_from(rng.below(1 << 32)).unwrap()
}

fn v6_of(rng: &mut Rng) -> Ipv6Addr {
    Ipv6Addr::from(0x2001_0DB8 << 96 | u128::from(rng.next()))
}

/// Not AS 0, which makes a path malformed (RFC 7607).
fn asn(rng: &mut Rng) -> Asn {
    Asn(if coin(rng) { u32::from(u16_of(rng)) } else { u32_of(rng) }.max(1))
}

/// With both families, whatever else.
pub(crate) fn negotiated(rng: &mut Rng) -> Negotiated {
    Negotiated {
        internal: coin(rng),
        families: Family::ALL.into_iter().collect(),
        four_octet_asns: coin(rng),
        extended_messages: coin(rng),
        extended_next_hop: coin(rng),
        ..Negotiated::default()
    }
}

pub(crate) fn family(rng: &mut Rng) -> Family {
    if coin(rng) { Family::Ipv4Unicast } else { Family::Ipv6Unicast }
}

/// At least one, of every length.
pub(crate) fn prefixes(rng: &mut Rng, family: Family) -> Vec<Prefix> {
    let most = if rng.below(20) == 0 { 3_000 } else { 30 };
    (0..=rng.below(most))
        .map(|_| match family {
            Family::Ipv4Unicast => {
                let address = Ipv4Addr::from(u32_of(rng) & 0x7FFF_FFFF);
                Prefix::new(IpAddr::V4(address), u8::try_from(rng.below(33)).unwrap()).unwrap()
            }
            Family::Ipv6Unicast => {
                Prefix::new(IpAddr::V6(v6_of(rng)), u8::try_from(rng.below(129)).unwrap()).unwrap()
            }
        })
        .collect()
}

pub(crate) fn attributes(rng: &mut Rng, family: Family, negotiated: &Negotiated) -> Attributes {
    let most = if rng.below(20) == 0 { 300 } else { 6 };
    let path: AsPath = (0..rng.below(most)).map(|_| asn(rng)).collect();
    let classic = family == Family::Ipv4Unicast && !(negotiated.extended_next_hop && coin(rng));
    let next_hop = if classic {
        NextHop::V4(Ipv4Addr::from(0xC000_0200 | u32::from(u8_of(rng))))
    } else if coin(rng) {
        NextHop::V6(v6_of(rng))
    } else {
        let link_local = Ipv6Addr::from(0xFE80 << 112 | u128::from(rng.next()));
        NextHop::V6WithLinkLocal { global: v6_of(rng), link_local }
    };
    let mut attributes = Attributes::new(path, next_hop);
    attributes.origin =
        [Origin::Igp, Origin::Egp, Origin::Incomplete][usize::try_from(rng.below(3)).unwrap()];
    attributes.med = coin(rng).then(|| u32_of(rng));
    attributes.local_pref = coin(rng).then(|| u32_of(rng));
    attributes.communities = (0..rng.below(80)).map(|_| Community(u32_of(rng))).collect();
    attributes.extended_communities =
        (0..rng.below(4)).map(|_| ExtendedCommunity::link_bandwidth(u16_of(rng), 1.25e9)).collect();
    attributes.large_communities = (0..rng.below(30))
        .map(|_| LargeCommunity { global: u32_of(rng), local1: u32_of(rng), local2: u32_of(rng) })
        .collect();
    attributes
}

pub(crate) fn open(rng: &mut Rng) -> Open {
    let asn = asn(rng);
    let mut capabilities = vec![
        Capability::Multiprotocol(Family::Ipv4Unicast.codes()),
        Capability::Multiprotocol(Family::Ipv6Unicast.codes()),
        Capability::RouteRefresh,
        Capability::ExtendedNextHop(vec![ExtendedNextHop::IPV4_OVER_IPV6]),
        Capability::ExtendedMessage,
        Capability::EnhancedRouteRefresh,
        Capability::GracefulRestart(GracefulRestart {
            restarting: coin(rng),
            notification: coin(rng),
            time: u16_of(rng) & 0x0FFF,
            families: Family::ALL
                .map(|family| GracefulFamily { family: family.codes(), forwarding: coin(rng) })
                .to_vec(),
        }),
    ];
    capabilities.retain(|_| coin(rng));
    if coin(rng) || asn.is_wide() {
        capabilities.push(Capability::FourOctetAsn(asn));
    }
    rng.shuffle(&mut capabilities);
    let hold_time = u16_of(rng).max(3);
    // The oracle still takes it for the address of a host, which RFC 6286 does not.
    let identifier = RouterId::new(Ipv4Addr::from(u32_of(rng) & 0x3FFF_FFFF | 0x4000_0000)).unwrap();
    Open { asn, hold_time, identifier, capabilities }
}
