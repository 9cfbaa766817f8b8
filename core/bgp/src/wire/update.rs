use super::cursor::Cursor;
use super::{Action, Cause, Fault, Negotiated, nlri};
use crate::{Asn, Family};

/// What an UPDATE says, as far as somebody wants to know who keeps no routes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Update {
    /// Prefixes announced, those of an UPDATE that is treated as withdrawn among them.
    pub announced: Counts,
    /// Prefixes withdrawn.
    pub withdrawn: Counts,
    /// All routes of this family have been told (RFC 4724 §2).
    pub end_of_rib: Option<Family>,
    /// The AS nearest to us on the path, if there is a path.
    pub first_asn: Option<Asn>,
    /// The worst that is wrong, if anything is.
    pub fault: Option<Fault>,
}

/// A number for each family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Counts {
    /// IPv4 unicast.
    pub ipv4: u32,
    /// IPv6 unicast.
    pub ipv6: u32,
}

const MAX_BITS_V4: u8 = 32;

impl Update {
    pub(super) fn decode(body: &[u8], _negotiated: &Negotiated) -> Self {
        let mut update = Self::default();
        let Some((withdrawn, attributes, announced)) = split(body) else {
            return update.with(Action::Reset, Cause::Lengths);
        };
        update.end_of_rib = (body == [0; 4]).then_some(Family::Ipv4Unicast);
        let _ = attributes;
        match (nlri::count(withdrawn, MAX_BITS_V4), nlri::count(announced, MAX_BITS_V4)) {
            (Some(withdrawn), Some(announced)) => {
                update.withdrawn.ipv4 = withdrawn;
                update.announced.ipv4 = announced;
                update
            }
            _ => update.with(Action::Reset, Cause::Prefixes),
        }
    }

    fn with(mut self, action: Action, cause: Cause) -> Self {
        self.fault = Some(Fault { action, cause, data: Vec::new() });
        self
    }
}

/// The three parts of an UPDATE: withdrawn prefixes, attributes, announced prefixes (RFC 4271 §4.3).
fn split(body: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut cursor = Cursor(body);
    let length = cursor.u16()?;
    let withdrawn = cursor.take(length.into())?;
    let length = cursor.u16()?;
    let attributes = cursor.take(length.into())?;
    Some((withdrawn, attributes, cursor.0))
}
