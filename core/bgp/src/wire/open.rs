use std::net::Ipv4Addr;

use super::cursor::Cursor;
use super::{
    Capability, ExtendedNextHop, GracefulRestart, Kind, MAX_LEN, OpenError, TooLong, capability, frame,
};
use crate::{Asn, Families, Family, RouterId};

/// The first message of each side (RFC 4271 §4.2). The version is always 4.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Open {
    /// The sender's AS. What the fixed field holds is derived from it; a [`Capability::FourOctetAsn`] has precedence.
    pub asn: Asn,
    /// In seconds: zero, for never, or at least 3.
    pub hold_time: u16,
    /// The sender.
    pub identifier: RouterId,
    /// What the sender can do, in its order. Exact repetitions are left out (RFC 5492 §4).
    pub capabilities: Vec<Capability>,
}

const VERSION: u8 = 4;
const CAPABILITIES: u8 = 2;
/// In the place of the first parameter's type: lengths have two octets (RFC 9072 §2).
const EXTENDED: u8 = 255;

impl Open {
    /// Whether the sender has exactly this capability.
    pub fn has(&self, capability: &Capability) -> bool {
        self.capabilities.contains(capability)
    }

    /// The families the sender exchanges. IPv4 unicast is what a speaker does that names none (RFC 4760 §8).
    pub fn families(&self) -> Families {
        let mut named = self.capabilities.iter().filter_map(|capability| {
            let Capability::Multiprotocol(codes) = capability else { return None };
            Some(codes.family())
        });
        match named.next() {
            Some(first) => named.chain([first]).flatten().collect(),
            None => [Family::Ipv4Unicast].into_iter().collect(),
        }
    }

    /// What the sender calls its AS in the capability of four-octet numbers, if it has that.
    pub fn four_octet_asn(&self) -> Option<Asn> {
        four_octet_asn(&self.capabilities)
    }

    /// Whether the sender takes IPv4 routes with IPv6 next hops.
    pub fn has_ipv4_over_ipv6(&self) -> bool {
        self.capabilities.iter().any(|capability| {
            let Capability::ExtendedNextHop(entries) = capability else { return false };
            entries.contains(&ExtendedNextHop::IPV4_OVER_IPV6)
        })
    }

    /// What the sender says of its restarts; of several the last (RFC 4724 §3).
    pub fn graceful_restart(&self) -> Option<&GracefulRestart> {
        self.capabilities.iter().rev().find_map(|capability| {
            let Capability::GracefulRestart(restart) = capability else { return None };
            Some(restart)
        })
    }

    /// Appends the message. Nothing is appended if it does not fit into [`MAX_LEN`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let mut capabilities = Vec::new();
        self.capabilities.iter().try_for_each(|capability| capability.encode(&mut capabilities))?;
        let mut parameters = Vec::new();
        parameters_of(&capabilities, &mut parameters);
        let length = frame::HEADER_LEN + 9 + parameters.len();
        if length > MAX_LEN {
            return Err(TooLong { length, limit: MAX_LEN });
        }
        let asn = self.asn.in_two_octets();
        frame::append(out, Kind::Open, |out| {
            out.push(VERSION);
            out.extend_from_slice(&asn.to_be_bytes());
            out.extend_from_slice(&self.hold_time.to_be_bytes());
            out.extend_from_slice(&self.identifier.address().octets());
            out.extend_from_slice(&parameters);
        });
        Ok(())
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, OpenError> {
        let mut cursor = Cursor(body);
        let short = OpenError::Malformed("it ends within its fixed fields");
        let version = cursor.u8().ok_or(short)?;
        if version != VERSION {
            return Err(OpenError::UnsupportedVersion(version));
        }
        let two_octets = cursor.u16().ok_or(short)?;
        let hold_time = cursor.u16().ok_or(short)?;
        let identifier = cursor.array::<4>().map(Ipv4Addr::from).ok_or(short)?;
        let capabilities = read_parameters(cursor)?;
        let asn = four_octet_asn(&capabilities).unwrap_or_else(|| Asn(two_octets.into()));
        if asn == Asn(0) || two_octets == 0 {
            return Err(OpenError::ZeroAsn);
        }
        if matches!(hold_time, 1 | 2) {
            return Err(OpenError::UnacceptableHoldTime(hold_time));
        }
        let identifier = RouterId::new(identifier).ok_or(OpenError::ZeroIdentifier)?;
        Ok(Self { asn, hold_time, identifier, capabilities })
    }
}

fn four_octet_asn(capabilities: &[Capability]) -> Option<Asn> {
    capabilities.iter().find_map(|capability| {
        let Capability::FourOctetAsn(asn) = capability else { return None };
        Some(*asn)
    })
}

/// Appends the optional parameters with their length: one with all capabilities, in the form of RFC 9072 if it is long.
fn parameters_of(capabilities: &[u8], out: &mut Vec<u8>) {
    match u8::try_from(capabilities.len()) {
        Ok(0) => out.push(0),
        Ok(length @ ..=253) => {
            out.extend_from_slice(&[length + 2, CAPABILITIES, length]);
            out.extend_from_slice(capabilities);
        }
        Ok(_) | Err(_) => {
            let length = u16::try_from(capabilities.len()).unwrap_or(u16::MAX - 3);
            out.extend_from_slice(&[EXTENDED, EXTENDED]);
            out.extend_from_slice(&(length + 3).to_be_bytes());
            out.push(CAPABILITIES);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(capabilities);
        }
    }
}

/// Reads the optional parameters, from their length to the end of the message.
fn read_parameters(mut cursor: Cursor<'_>) -> Result<Vec<Capability>, OpenError> {
    let length = usize::from(cursor.u8().ok_or(OpenError::Malformed("it ends within its fixed fields"))?);
    let extended = length > 0 && cursor.0.first() == Some(&EXTENDED);
    let length = if extended {
        cursor.take(1);
        usize::from(cursor.u16().ok_or(OpenError::Malformed("it ends before the length of its parameters"))?)
    } else {
        length
    };
    if length != cursor.0.len() {
        return Err(OpenError::Malformed("the length of its parameters is not that of the message"));
    }
    let mut capabilities = Vec::new();
    while let Some(kind) = cursor.u8() {
        let length = if extended { cursor.u16().map(usize::from) } else { cursor.u8().map(usize::from) };
        let value = length.and_then(|length| cursor.take(length));
        let value = value.ok_or(OpenError::Malformed("a parameter is longer than all of them"))?;
        if kind != CAPABILITIES {
            return Err(OpenError::UnsupportedParameter(kind));
        }
        read_capabilities(value, &mut capabilities)?;
    }
    Ok(capabilities)
}

fn read_capabilities(value: &[u8], capabilities: &mut Vec<Capability>) -> Result<(), OpenError> {
    let mut cursor = Cursor(value);
    while let Some(code) = cursor.u8() {
        let value = cursor.u8().and_then(|length| cursor.take(length.into()));
        let value = value.ok_or(OpenError::Malformed("a capability is longer than its parameter"))?;
        let capability = Capability::decode(code, value);
        // A peer that says it knows numbers of four octets writes paths with them, whatever its own number reads like: to
        // ignore this one would be to read those paths wrongly.
        if code == capability::FOUR_OCTET_ASN && matches!(capability, Capability::Unknown { .. }) {
            return Err(OpenError::Malformed(
                "the capability of four-octet AS numbers does not have four octets",
            ));
        }
        if !capabilities.contains(&capability) {
            capabilities.push(capability);
        }
    }
    Ok(())
}
