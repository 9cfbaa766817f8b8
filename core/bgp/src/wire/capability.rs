use core::fmt;

use super::TooLong;
use super::cursor::Cursor;
use crate::{AfiSafi, Asn};

/// Something that a speaker can do beyond RFC 4271, as its OPEN says (RFC 5492).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Capability {
    /// 1: routes of this family (RFC 4760 §8).
    Multiprotocol(AfiSafi),
    /// 2: sends all its routes again when asked (RFC 2918).
    RouteRefresh,
    /// 5: families whose routes may have next hops of another one (RFC 8950).
    ExtendedNextHop(Vec<ExtendedNextHop>),
    /// 6: messages of up to 65,535 octets (RFC 8654).
    ExtendedMessage,
    /// 64: forwarding may outlive the session (RFC 4724).
    GracefulRestart(GracefulRestart),
    /// 65: AS numbers of four octets, and the speaker's own (RFC 6793).
    FourOctetAsn(Asn),
    /// 70: marks where the answer to a route refresh begins and ends (RFC 7313).
    EnhancedRouteRefresh,
    /// One that we do not know, or whose value cannot be read: it has no effect.
    Unknown {
        /// Its code.
        code: u8,
        /// Its value.
        value: Vec<u8>,
    },
}

/// Next hops of AFI `next_hop` with routes of `family` (RFC 8950 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExtendedNextHop {
    /// The AFI of the routes.
    pub afi: u16,
    /// The SAFI of the routes; two octets wide here, other than elsewhere.
    pub safi: u16,
    /// The AFI of their next hops.
    pub next_hop: u16,
}

impl ExtendedNextHop {
    /// IPv4 unicast routes with IPv6 next hops.
    pub const IPV4_OVER_IPV6: Self =
        Self { afi: AfiSafi::IPV4, safi: AfiSafi::UNICAST as u16, next_hop: AfiSafi::IPV6 };
}

/// What a speaker says of its restarts (RFC 4724 §3, RFC 8538 §2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GracefulRestart {
    /// R: it has just restarted, and is not to be waited for with End-of-RIB.
    pub restarting: bool,
    /// N: a NOTIFICATION other than a hard reset ends the session gracefully too.
    pub notification: bool,
    /// How long it may take to come back, in seconds, at most 4095.
    pub time: u16,
    /// For which families; with none, it only helps others restart.
    pub families: Vec<GracefulFamily>,
}

/// A family within [`GracefulRestart`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GracefulFamily {
    /// Which.
    pub family: AfiSafi,
    /// F: its forwarding has outlived the restart.
    pub forwarding: bool,
}

const MULTIPROTOCOL: u8 = 1;
const ROUTE_REFRESH: u8 = 2;
const EXTENDED_NEXT_HOP: u8 = 5;
const EXTENDED_MESSAGE: u8 = 6;
const GRACEFUL_RESTART: u8 = 64;
pub(super) const FOUR_OCTET_ASN: u8 = 65;
const ENHANCED_ROUTE_REFRESH: u8 = 70;

const RESTARTING: u16 = 0x8000;
const NOTIFICATION: u16 = 0x4000;
const TIME: u16 = 0x0FFF;
const FORWARDING: u8 = 0x80;

impl Capability {
    /// Its code (IANA, Capability Codes).
    pub fn code(&self) -> u8 {
        match self {
            Self::Multiprotocol(_) => MULTIPROTOCOL,
            Self::RouteRefresh => ROUTE_REFRESH,
            Self::ExtendedNextHop(_) => EXTENDED_NEXT_HOP,
            Self::ExtendedMessage => EXTENDED_MESSAGE,
            Self::GracefulRestart(_) => GRACEFUL_RESTART,
            Self::FourOctetAsn(_) => FOUR_OCTET_ASN,
            Self::EnhancedRouteRefresh => ENHANCED_ROUTE_REFRESH,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// Reads the value of one. What cannot be read becomes [`Capability::Unknown`].
    pub(super) fn decode(code: u8, value: &[u8]) -> Self {
        let known = match code {
            MULTIPROTOCOL => multiprotocol(value),
            ROUTE_REFRESH => value.is_empty().then_some(Self::RouteRefresh),
            EXTENDED_NEXT_HOP => extended_next_hop(value),
            EXTENDED_MESSAGE => value.is_empty().then_some(Self::ExtendedMessage),
            GRACEFUL_RESTART => graceful_restart(value),
            FOUR_OCTET_ASN => {
                value.try_into().ok().map(|asn| Self::FourOctetAsn(Asn(u32::from_be_bytes(asn))))
            }
            ENHANCED_ROUTE_REFRESH => value.is_empty().then_some(Self::EnhancedRouteRefresh),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Unknown { code, value: value.to_vec() })
    }

    /// Appends code, length and value.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        out.extend_from_slice(&[self.code(), 0]);
        let start = out.len();
        self.encode_value(out);
        let length = out.len() - start;
        let limit = usize::from(u8::MAX);
        out[start - 1] = u8::try_from(length).map_err(|_| TooLong { length, limit })?;
        Ok(())
    }

    fn encode_value(&self, out: &mut Vec<u8>) {
        match self {
            Self::Multiprotocol(family) => {
                out.extend_from_slice(&family.afi.to_be_bytes());
                out.extend_from_slice(&[0, family.safi]);
            }
            Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => {}
            Self::ExtendedNextHop(entries) => {
                let numbers = entries.iter().flat_map(|entry| [entry.afi, entry.safi, entry.next_hop]);
                numbers.for_each(|number| out.extend_from_slice(&number.to_be_bytes()));
            }
            Self::GracefulRestart(restart) => {
                let mut first = restart.time.min(TIME);
                first |= if restart.restarting { RESTARTING } else { 0 };
                first |= if restart.notification { NOTIFICATION } else { 0 };
                out.extend_from_slice(&first.to_be_bytes());
                for entry in &restart.families {
                    out.extend_from_slice(&entry.family.afi.to_be_bytes());
                    out.extend_from_slice(&[
                        entry.family.safi,
                        if entry.forwarding { FORWARDING } else { 0 },
                    ]);
                }
            }
            Self::FourOctetAsn(asn) => out.extend_from_slice(&asn.0.to_be_bytes()),
            Self::Unknown { value, .. } => out.extend_from_slice(value),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiprotocol(family) => write!(f, "{family} routes"),
            Self::RouteRefresh => f.write_str("route refresh"),
            Self::ExtendedNextHop(_) => f.write_str("next hops of another family"),
            Self::ExtendedMessage => f.write_str("extended messages"),
            Self::GracefulRestart(_) => f.write_str("graceful restart"),
            Self::FourOctetAsn(_) => f.write_str("four-octet AS numbers"),
            Self::EnhancedRouteRefresh => f.write_str("enhanced route refresh"),
            Self::Unknown { code, .. } => write!(f, "capability {code}"),
        }
    }
}

fn multiprotocol(value: &[u8]) -> Option<Capability> {
    let &[high, low, _reserved, safi] = value else { return None };
    Some(Capability::Multiprotocol(AfiSafi { afi: u16::from_be_bytes([high, low]), safi }))
}

fn extended_next_hop(value: &[u8]) -> Option<Capability> {
    let mut cursor = Cursor(value);
    let mut entries = Vec::new();
    while !cursor.is_empty() {
        let (afi, safi, next_hop) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        entries.push(ExtendedNextHop { afi, safi, next_hop });
    }
    Some(Capability::ExtendedNextHop(entries))
}

fn graceful_restart(value: &[u8]) -> Option<Capability> {
    let mut cursor = Cursor(value);
    let first = cursor.u16()?;
    let mut families = Vec::new();
    while !cursor.is_empty() {
        let family = AfiSafi { afi: cursor.u16()?, safi: cursor.u8()? };
        families.push(GracefulFamily { family, forwarding: cursor.u8()? & FORWARDING != 0 });
    }
    Some(Capability::GracefulRestart(GracefulRestart {
        restarting: first & RESTARTING != 0,
        notification: first & NOTIFICATION != 0,
        time: first & TIME,
        families,
    }))
}
