use super::{Kind, Negotiated, TooLong, attribute, frame, nlri};
use crate::{Attributes, Family, NextHop, Prefix};

/// Why routes cannot be told to a peer as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CannotAnnounce {
    /// The session does not have the family.
    #[error("the session does not exchange {0} routes")]
    Family(Family),
    /// The session has no way to say such a next hop for the family.
    #[error("the peer does not take {family} routes with the next hop {next_hop}")]
    NextHop {
        /// Of the routes.
        family: Family,
        /// Of the attributes.
        next_hop: NextHop,
    },
    /// The attributes leave no room for a prefix.
    #[error("the attributes are too long: {0}")]
    TooLong(#[from] TooLong),
}

/// Routes that share their attributes, about to be put into UPDATEs.
#[derive(Clone, Debug)]
pub struct Announcement {
    family: Family,
    /// What stands in MP_REACH_NLRI before its prefixes; none where these stand at the end of the message.
    reach: Option<Vec<u8>>,
    /// All other attributes.
    attributes: Vec<u8>,
    limit: usize,
}

impl Announcement {
    /// Prepares routes of `family` for a session.
    pub fn new(
        family: Family,
        attributes: &Attributes,
        negotiated: &Negotiated,
    ) -> Result<Self, CannotAnnounce> {
        if !negotiated.families.contains(family) {
            return Err(CannotAnnounce::Family(family));
        }
        let next_hop = attributes.next_hop;
        let classic = match (family, next_hop) {
            (Family::Ipv4Unicast, NextHop::V4(_)) => true,
            (Family::Ipv6Unicast, NextHop::V6(_) | NextHop::V6WithLinkLocal { .. }) => false,
            (Family::Ipv4Unicast, NextHop::V6(_) | NextHop::V6WithLinkLocal { .. })
                if negotiated.extended_next_hop =>
            {
                false
            }
            (Family::Ipv4Unicast | Family::Ipv6Unicast, _) => {
                return Err(CannotAnnounce::NextHop { family, next_hop });
            }
        };
        let mut encoded = Vec::new();
        attribute::encode(&mut encoded, attributes, negotiated, classic);
        let reach = (!classic).then(|| attribute::reach(family, next_hop));
        let announcement = Self { family, reach, attributes: encoded, limit: negotiated.message_limit() };
        let length = announcement.overhead() + longest(family);
        if length > announcement.limit {
            return Err(TooLong { length, limit: announcement.limit }.into());
        }
        Ok(announcement)
    }

    /// Appends one UPDATE with as many of `prefixes` as fit, and says how many it took. If there is none left, nothing is
    /// appended. All must be of the announcement's family.
    pub fn write(&self, out: &mut Vec<u8>, prefixes: &mut impl Iterator<Item = Prefix>) -> usize {
        let Some(first) = prefixes.next() else { return 0 };
        let (start, room) = (out.len(), self.limit - self.overhead());
        let mut count = 0;
        let length = frame::append(out, Kind::Update, |out| {
            out.extend_from_slice(&[0, 0]);
            let total = mark(out);
            if let Some(reach) = &self.reach {
                attribute::append_long(out, attribute::MP_REACH_NLRI, |out| {
                    out.extend_from_slice(reach);
                    count = fill(out, self.family, room, first, prefixes);
                });
            }
            out.extend_from_slice(&self.attributes);
            patch(out, total);
            if self.reach.is_none() {
                count = fill(out, self.family, room, first, prefixes);
            }
        });
        debug_assert!(length <= self.limit && out.len() == start + length);
        count
    }

    /// Octets of a message without its prefixes.
    fn overhead(&self) -> usize {
        let reach = self.reach.as_ref().map_or(0, |reach| attribute::LONG_HEADER_LEN + reach.len());
        frame::HEADER_LEN + 2 + 2 + reach + self.attributes.len()
    }
}

/// Routes about to be taken back.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawal {
    family: Family,
    limit: usize,
}

impl Withdrawal {
    /// Prepares to take back routes of `family`.
    pub fn new(family: Family, negotiated: &Negotiated) -> Result<Self, CannotAnnounce> {
        if !negotiated.families.contains(family) {
            return Err(CannotAnnounce::Family(family));
        }
        Ok(Self { family, limit: negotiated.message_limit() })
    }

    /// Appends one UPDATE that takes back as many of `prefixes` as fit, and says how many. If there is none left, nothing
    /// is appended. All must be of the withdrawal's family.
    pub fn write(&self, out: &mut Vec<u8>, prefixes: &mut impl Iterator<Item = Prefix>) -> usize {
        let Some(first) = prefixes.next() else { return 0 };
        let mut count = 0;
        frame::append(out, Kind::Update, |out| match self.family {
            Family::Ipv4Unicast => {
                let room = self.limit - frame::HEADER_LEN - 2 - 2;
                let withdrawn = mark(out);
                count = fill(out, self.family, room, first, prefixes);
                patch(out, withdrawn);
                out.extend_from_slice(&[0, 0]);
            }
            Family::Ipv6Unicast => {
                let room = self.limit - frame::HEADER_LEN - 2 - 2 - attribute::LONG_HEADER_LEN - 3;
                out.extend_from_slice(&[0, 0]);
                let total = mark(out);
                attribute::append_long(out, attribute::MP_UNREACH_NLRI, |out| {
                    attribute::append_family(out, self.family);
                    count = fill(out, self.family, room, first, prefixes);
                });
                patch(out, total);
            }
        });
        count
    }
}

/// Appends an End-of-RIB: all routes of `family` have been told (RFC 4724 §2).
pub fn end_of_rib(out: &mut Vec<u8>, family: Family) {
    frame::append(out, Kind::Update, |out| match family {
        Family::Ipv4Unicast => out.extend_from_slice(&[0, 0, 0, 0]),
        Family::Ipv6Unicast => {
            out.extend_from_slice(&[0, 0]);
            let total = mark(out);
            attribute::append_short(out, attribute::MP_UNREACH_NLRI, |out| {
                attribute::append_family(out, family);
            });
            patch(out, total);
        }
    });
}

/// Appends `first` and then prefixes for as long as even the longest would fit into `room`. To look no further than that
/// costs nothing where all are host routes, and an iterator cannot take one back.
fn fill(
    out: &mut Vec<u8>,
    family: Family,
    room: usize,
    first: Prefix,
    prefixes: &mut impl Iterator<Item = Prefix>,
) -> usize {
    let last = out.len() + room - longest(family);
    debug_assert_eq!(Family::of(&first), family);
    nlri::append(out, &first);
    let mut count = 1;
    while out.len() <= last {
        let Some(prefix) = prefixes.next() else { break };
        debug_assert_eq!(Family::of(&prefix), family);
        nlri::append(out, &prefix);
        count += 1;
    }
    count
}

fn longest(family: Family) -> usize {
    match family {
        Family::Ipv4Unicast => nlri::MAX_PREFIX_V4,
        Family::Ipv6Unicast => nlri::MAX_PREFIX_V6,
    }
}

/// Leaves two octets for a length that [`patch`] fills in.
fn mark(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0, 0]);
    out.len()
}

/// Writes how much was appended since [`mark`].
fn patch(out: &mut [u8], since: usize) {
    let length = u16::try_from(out.len() - since).expect("a message is shorter than 65,536 octets");
    out[since - 2..since].copy_from_slice(&length.to_be_bytes());
}
