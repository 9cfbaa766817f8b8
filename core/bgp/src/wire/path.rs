use super::PathProblem;
use super::attribute::{AS_SEQUENCE, AS_SET};
use super::cursor::Cursor;
use crate::Asn;

/// Reads a path whose numbers have four octets, or two, and says which AS it begins with (RFC 7606 §7.2).
///
/// Sets are taken as they are, though nobody should send them any more (RFC 9774): their routes are not used anyway.
pub(super) fn first_asn(value: &[u8], four_octets: bool) -> Result<Option<Asn>, PathProblem> {
    let mut cursor = Cursor(value);
    let mut first = None;
    while let Some(kind) = cursor.u8() {
        // Confederations (RFC 5065 §5) send other types, but only among their own.
        if kind != AS_SEQUENCE && kind != AS_SET {
            return Err(PathProblem::SegmentType(kind));
        }
        let count = cursor.u8().ok_or(PathProblem::Truncated)?;
        if count == 0 {
            return Err(PathProblem::EmptySegment);
        }
        for _ in 0..count {
            let asn = asn(&mut cursor, four_octets).ok_or(PathProblem::Truncated)?;
            if asn == Asn(0) {
                return Err(PathProblem::ZeroAsn);
            }
            first = first.or(Some(asn));
        }
    }
    Ok(first)
}

/// Reads one number.
pub(super) fn asn(cursor: &mut Cursor<'_>, four_octets: bool) -> Option<Asn> {
    if four_octets { cursor.u32().map(Asn) } else { cursor.u16().map(|asn| Asn(asn.into())) }
}
