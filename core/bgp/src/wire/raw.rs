//! The framing of an UPDATE.

use super::attribute::EXTENDED_LENGTH;
use super::cursor::Cursor;

/// The parts of an UPDATE (RFC 4271 §4.3).
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) withdrawn: &'a [u8],
    pub(super) attributes: &'a [u8],
    pub(super) announced: &'a [u8],
}

/// Cuts a body into its parts; none if their lengths are more than it has.
pub(super) fn split(body: &[u8]) -> Option<Parts<'_>> {
    let mut cursor = Cursor(body);
    let length = cursor.u16()?;
    let withdrawn = cursor.take(length.into())?;
    let length = cursor.u16()?;
    let attributes = cursor.take(length.into())?;
    Some(Parts { withdrawn, attributes, announced: cursor.0 })
}

/// One attribute, its framing checked and nothing else.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    pub(super) flags: u8,
    pub(super) kind: u8,
    pub(super) value: &'a [u8],
    /// All of it, as it was received.
    pub(super) whole: &'a [u8],
}

/// What is left where an attribute does not fit.
pub(super) struct Truncated<'a> {
    pub(super) kind: Option<u8>,
    pub(super) value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Cuts the first attribute off; nothing is left after one that does not fit (RFC 7606 §4).
    pub(super) fn next(rest: &mut Cursor<'a>) -> Result<Self, Truncated<'a>> {
        let start = rest.0;
        let (flags, kind) = (rest.u8(), rest.u8());
        let length = match flags {
            Some(flags) if flags & EXTENDED_LENGTH != 0 => rest.u16().map(usize::from),
            Some(_) | None => rest.u8().map(usize::from),
        };
        let left = core::mem::take(&mut rest.0);
        let (Some(flags), Some(kind), Some(length)) = (flags, kind, length) else {
            return Err(Truncated { kind, value: left });
        };
        let Some((value, after)) = left.split_at_checked(length) else {
            return Err(Truncated { kind: Some(kind), value: left });
        };
        rest.0 = after;
        let whole = start.get(..start.len() - after.len()).unwrap_or(start);
        Ok(Self { flags, kind, value, whole })
    }
}
