//! Messages as netgauze-bgp-pkt reads and writes them, in our types.

#![allow(clippy::wildcard_enum_match_arm, reason = "the enums are somebody else's")]

use std::net::IpAddr;

use ferrolb_bgp::wire::Open;
use ferrolb_bgp::{
    AsPath, Asn, Attributes, Community, ExtendedCommunity, Family, LargeCommunity, NextHop, Origin, Prefix,
};
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::path_attribute::{self, As4PathSegment, MpReach, MpUnreach, PathAttributeValue};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
use netgauze_iana::address_family::AddressType;
use netgauze_parse_utils::WritablePdu as _;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput as _;

pub(crate) fn parse(bytes: &[u8], four_octets: bool) -> Option<BgpMessage> {
    let mut context = BgpParsingContext::asn2_default();
    context.set_asn4(four_octets);
    BgpMessage::parse(&mut SliceReader::new(bytes), &mut context).ok()
}

pub(crate) fn update(bytes: &[u8], four_octets: bool) -> Option<BgpUpdateMessage> {
    match parse(bytes, four_octets)? {
        BgpMessage::Update(update) => Some(update),
        BgpMessage::Open(_)
        | BgpMessage::Notification(_)
        | BgpMessage::KeepAlive
        | BgpMessage::RouteRefresh(_) => None,
    }
}

/// What they write of what they read.
pub(crate) fn rewritten(bytes: &[u8], four_octets: bool) -> Vec<u8> {
    rewritten_if_known(bytes, four_octets).expect("they can read it")
}

pub(crate) fn rewritten_if_known(bytes: &[u8], four_octets: bool) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    parse(bytes, four_octets)?.write(&mut out).unwrap();
    Some(out)
}

/// The attributes of an UPDATE and the prefixes it announces.
pub(crate) fn route(bytes: &[u8], four_octets: bool) -> (Attributes, Vec<Prefix>) {
    let update = update(bytes, four_octets).expect("they can read it");
    let unset = NextHop::V4([0; 4].into());
    let mut attributes = Attributes::new(AsPath::empty(), unset);
    let mut whole_path = None;
    let mut prefixes: Vec<Prefix> =
        update.nlri().iter().map(|it| Prefix::V4(it.network().address())).collect();
    for attribute in update.path_attributes() {
        match attribute.value() {
            PathAttributeValue::Origin(origin) => attributes.origin = origin_of(*origin),
            PathAttributeValue::AsPath(path) => attributes.as_path = path_of(path),
            PathAttributeValue::As4Path(path) => whole_path = Some(wide_path_of(path.segments())),
            PathAttributeValue::NextHop(next_hop) => attributes.next_hop = NextHop::V4(next_hop.next_hop()),
            PathAttributeValue::MultiExitDiscriminator(med) => attributes.med = Some(med.metric()),
            PathAttributeValue::LocalPreference(preference) => {
                attributes.local_pref = Some(preference.metric());
            }
            PathAttributeValue::Communities(communities) => {
                attributes.communities =
                    communities.communities().iter().map(|it| Community(it.value())).collect();
            }
            PathAttributeValue::ExtendedCommunities(communities) => {
                for community in communities.communities() {
                    let mut octets = Vec::new();
                    community.write(&mut octets).unwrap();
                    attributes.extended_communities.insert(ExtendedCommunity(octets.try_into().unwrap()));
                }
            }
            PathAttributeValue::LargeCommunities(communities) => {
                let numbers = communities.communities().iter();
                attributes.large_communities = numbers
                    .map(|it| LargeCommunity {
                        global: it.global_admin(),
                        local1: it.local_data1(),
                        local2: it.local_data2(),
                    })
                    .collect();
            }
            PathAttributeValue::MpReach(reach) => {
                let (next_hop, reached) = reach_of(reach);
                attributes.next_hop = next_hop;
                prefixes = reached;
            }
            other => panic!("{other:?} was not sent"),
        }
    }
    // RFC 6793 §4.2.3.
    if let Some(path) = whole_path {
        assert!(
            attributes
                .as_path
                .asns()
                .iter()
                .zip(path.asns())
                .all(|(two, four)| *two == Asn(four.in_two_octets().into()))
        );
        attributes.as_path = path;
    }
    (attributes, prefixes)
}

pub(crate) fn withdrawn(bytes: &[u8]) -> Vec<Prefix> {
    let update = update(bytes, true).expect("they can read it");
    let classic = update.withdraw_routes().iter().map(|it| Prefix::V4(it.network().address()));
    let mut prefixes: Vec<Prefix> = classic.collect();
    for attribute in update.path_attributes() {
        let PathAttributeValue::MpUnreach(MpUnreach::Ipv6Unicast { nlri }) = attribute.value() else {
            panic!("{attribute:?} was not sent");
        };
        prefixes.extend(nlri.iter().map(|it| Prefix::V6(it.network().address())));
    }
    prefixes
}

pub(crate) fn end_of_rib(bytes: &[u8]) -> Option<Family> {
    let end = update(bytes, true)?.end_of_rib()?;
    Family::ALL.into_iter().find(|&family| address_type(family) == end)
}

pub(crate) fn assert_open(bytes: &[u8], open: &Open) {
    let Some(BgpMessage::Open(heard)) = parse(bytes, true) else { panic!("they cannot read {open:?}") };
    assert_eq!(heard.my_asn4(), open.asn.0);
    assert_eq!((heard.hold_time(), heard.bgp_id()), (open.hold_time, open.identifier.address()));
    let codes: Vec<u8> = heard
        .capabilities()
        .into_iter()
        .map(|it| it.code().map_or_else(|code| code, |it| it as u8))
        .collect();
    assert_eq!(codes, open.capabilities.iter().map(ferrolb_bgp::wire::Capability::code).collect::<Vec<_>>());
}

/// How many prefixes of our families are announced and withdrawn.
pub(crate) fn counts(update: &BgpUpdateMessage) -> [usize; 4] {
    let mut counts = [update.nlri().len(), 0, update.withdraw_routes().len(), 0];
    for attribute in update.path_attributes() {
        match attribute.value() {
            PathAttributeValue::MpReach(MpReach::Ipv4Unicast { nlri, .. }) => counts[0] += nlri.len(),
            PathAttributeValue::MpReach(MpReach::Ipv6Unicast { nlri, .. }) => counts[1] += nlri.len(),
            PathAttributeValue::MpUnreach(MpUnreach::Ipv4Unicast { nlri }) => counts[2] += nlri.len(),
            PathAttributeValue::MpUnreach(MpUnreach::Ipv6Unicast { nlri }) => counts[3] += nlri.len(),
            _ => {}
        }
    }
    counts
}

fn address_type(family: Family) -> AddressType {
    match family {
        Family::Ipv4Unicast => AddressType::Ipv4Unicast,
        Family::Ipv6Unicast => AddressType::Ipv6Unicast,
    }
}

fn origin_of(origin: path_attribute::Origin) -> Origin {
    match origin {
        path_attribute::Origin::IGP => Origin::Igp,
        path_attribute::Origin::EGP => Origin::Egp,
        path_attribute::Origin::Incomplete => Origin::Incomplete,
    }
}

fn path_of(path: &path_attribute::AsPath) -> AsPath {
    match path {
        path_attribute::AsPath::As2PathSegments(segments) => {
            segments.iter().flat_map(|it| it.as_numbers().to_vec()).map(|asn| Asn(asn.into())).collect()
        }
        path_attribute::AsPath::As4PathSegments(segments) => wide_path_of(segments),
    }
}

fn wide_path_of(segments: &[As4PathSegment]) -> AsPath {
    segments.iter().flat_map(|it| it.as_numbers().to_vec()).map(Asn).collect()
}

fn reach_of(reach: &MpReach) -> (NextHop, Vec<Prefix>) {
    match reach {
        MpReach::Ipv4Unicast { next_hop, next_hop_local, nlri } => {
            let IpAddr::V6(global) = *next_hop else { panic!("IPv4 is sent outside MP_REACH_NLRI") };
            let prefixes = nlri.iter().map(|it| Prefix::V4(it.network().address())).collect();
            (next_hop_of(global, *next_hop_local), prefixes)
        }
        MpReach::Ipv6Unicast { next_hop_global, next_hop_local, nlri } => {
            let prefixes = nlri.iter().map(|it| Prefix::V6(it.network().address())).collect();
            (next_hop_of(*next_hop_global, *next_hop_local), prefixes)
        }
        other => panic!("{other:?} was not sent"),
    }
}

fn next_hop_of(global: std::net::Ipv6Addr, link_local: Option<std::net::Ipv6Addr>) -> NextHop {
    match link_local {
        Some(link_local) => NextHop::V6WithLinkLocal { global, link_local },
        None => NextHop::V6(global),
    }
}
