use super::attribute::{MP_REACH_NLRI, MP_UNREACH_NLRI};
use super::cursor::Cursor;
use super::{Cause, Negotiated, nlri};
use crate::{AfiSafi, Family};

/// What MP_REACH_NLRI or MP_UNREACH_NLRI says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// So many prefixes of a family that the session has.
    Prefixes(Family, u32),
    /// Routes of a family that was not agreed on: nothing in them is looked at, so nothing in them can be wrong.
    Foreign(AfiSafi),
}

/// Reads MP_REACH_NLRI (RFC 4760 §3).
pub(super) fn announced(value: &[u8], negotiated: &Negotiated) -> Result<Reach, Cause> {
    let short = Cause::Short { kind: MP_REACH_NLRI };
    let mut cursor = Cursor(value);
    let codes = codes(&mut cursor).ok_or(short)?;
    let Some(family) = negotiated.family(codes) else { return Ok(Reach::Foreign(codes)) };
    let length = cursor.u8().ok_or(short)?;
    // RFC 7606 §7.11: only the right length says where the prefixes are. RFC 2545 §3, RFC 8950 §3.
    let right = match family {
        Family::Ipv4Unicast => length == 4 || negotiated.extended_next_hop && matches!(length, 16 | 32),
        Family::Ipv6Unicast => matches!(length, 16 | 32),
    };
    if !right {
        return Err(Cause::ReachNextHop { family, length });
    }
    cursor.take(length.into()).ok_or(short)?;
    let _reserved = cursor.u8().ok_or(short)?;
    prefixes(MP_REACH_NLRI, family, cursor)
}

/// Reads MP_UNREACH_NLRI (RFC 4760 §4).
pub(super) fn withdrawn(value: &[u8], negotiated: &Negotiated) -> Result<Reach, Cause> {
    let mut cursor = Cursor(value);
    let codes = codes(&mut cursor).ok_or(Cause::Short { kind: MP_UNREACH_NLRI })?;
    match negotiated.family(codes) {
        Some(family) => prefixes(MP_UNREACH_NLRI, family, cursor),
        None => Ok(Reach::Foreign(codes)),
    }
}

/// Of the beginning of either, whether its routes are of a family that was not agreed on.
pub(super) fn foreign(value: &[u8], negotiated: &Negotiated) -> Option<AfiSafi> {
    codes(&mut Cursor(value)).filter(|&codes| negotiated.family(codes).is_none())
}

fn codes(cursor: &mut Cursor<'_>) -> Option<AfiSafi> {
    Some(AfiSafi { afi: cursor.u16()?, safi: cursor.u8()? })
}

fn prefixes(kind: u8, family: Family, cursor: Cursor<'_>) -> Result<Reach, Cause> {
    let count = nlri::count(cursor.0, family).ok_or(Cause::FamilyPrefixes { kind, family })?;
    Ok(Reach::Prefixes(family, count))
}
