use super::attribute::{AS_PATH, MP_REACH_NLRI, MP_UNREACH_NLRI, NEXT_HOP, ORIGIN};
use super::check::check;
use super::cursor::Cursor;
use super::raw::{self, Attribute, Parts, Truncated};
use super::reach::{self, Reach};
use super::{Action, Cause, Fault, Negotiated, nlri, path};
use crate::{AfiSafi, Asn, Family};

/// What an UPDATE says, as far as somebody wants to know who keeps no routes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Update {
    /// Prefixes announced, also where [`Action::Withdraw`] says that they count as withdrawn.
    pub announced: Counts,
    /// Prefixes withdrawn.
    pub withdrawn: Counts,
    /// All routes of this family have been told (RFC 4724 §2).
    pub end_of_rib: Option<Family>,
    /// There were routes of a family that the session does not have; they were passed over.
    pub foreign: Option<AfiSafi>,
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

impl Counts {
    /// Of both families.
    pub fn total(self) -> u32 {
        self.ipv4.saturating_add(self.ipv6)
    }

    fn add(&mut self, family: Family, count: u32) {
        let sum = match family {
            Family::Ipv4Unicast => &mut self.ipv4,
            Family::Ipv6Unicast => &mut self.ipv6,
        };
        *sum = sum.saturating_add(count);
    }
}

impl Update {
    /// Reads an UPDATE as RFC 7606 asks: what can be told from the rest is told, and of all that is wrong the worst is said.
    pub(super) fn decode(body: &[u8], negotiated: &Negotiated) -> Self {
        let mut reader = Reader::new(negotiated);
        match raw::split(body) {
            Some(parts) => reader.read(parts),
            None => reader.wrong(Action::Reset, Cause::Lengths, &[]),
        }
        reader.finish()
    }
}

struct Reader<'a> {
    negotiated: &'a Negotiated,
    update: Update,
    /// The worst so far, with what to quote of the message.
    worst: Option<(Action, Cause, &'a [u8])>,
    /// The types of attributes that were there, a bit each.
    seen: [u64; 4],
    /// There are announced prefixes, of whichever family.
    announces: bool,
}

impl<'a> Reader<'a> {
    fn new(negotiated: &'a Negotiated) -> Self {
        Self { negotiated, update: Update::default(), worst: None, seen: [0; 4], announces: false }
    }

    fn read(&mut self, parts: Parts<'a>) {
        self.announces = !parts.announced.is_empty();
        self.read_prefixes(parts);
        let mut rest = Cursor(parts.attributes);
        while !rest.is_empty() {
            match Attribute::next(&mut rest) {
                Ok(attribute) => self.read_attribute(attribute, !parts.announced.is_empty()),
                Err(truncated) => self.truncated(&truncated),
            }
        }
        self.check_mandatory(!parts.announced.is_empty());
        self.check_unreachable();
        self.update.end_of_rib = self.end_of_rib(parts);
    }

    /// The fields of the message itself, which are IPv4 (RFC 7606 §3 i, §5.3).
    fn read_prefixes(&mut self, parts: Parts<'a>) {
        let family = Family::Ipv4Unicast;
        if !self.negotiated.families.contains(family) {
            if !(parts.withdrawn.is_empty() && parts.announced.is_empty()) {
                self.update.foreign = Some(family.codes());
            }
            return;
        }
        for (field, counts) in
            [(parts.withdrawn, &mut self.update.withdrawn), (parts.announced, &mut self.update.announced)]
        {
            match nlri::count(field, family) {
                Some(count) => counts.add(family, count),
                None => self.worst = Some((Action::Reset, Cause::Prefixes, &[])),
            }
        }
    }

    fn read_attribute(&mut self, attribute: Attribute<'a>, has_prefixes: bool) {
        let Attribute { kind, flags, value, whole } = attribute;
        if !self.first_of_its_kind(kind) {
            // RFC 7606 §3 g.
            let action = match kind {
                MP_REACH_NLRI | MP_UNREACH_NLRI => Action::Reset,
                _ => Action::Discard,
            };
            return self.wrong(action, Cause::Twice { kind }, &[]);
        }
        // RFC 4760 §3: beside MP_REACH_NLRI alone it is ignored.
        if kind == NEXT_HOP && !has_prefixes {
            return;
        }
        let foreign = match kind {
            MP_REACH_NLRI | MP_UNREACH_NLRI => reach::foreign(value, self.negotiated).is_some(),
            _ => false,
        };
        if !foreign && let Some((action, cause)) = check(kind, flags, value, self.negotiated) {
            self.wrong(action, cause, whole);
        }
        match kind {
            AS_PATH => {
                let first = path::first_asn(value, self.negotiated.four_octet_asns);
                self.update.first_asn = first.ok().flatten();
            }
            MP_REACH_NLRI => {
                // They are routes all the same: what is wrong beside them is wrong with these (RFC 7606 §5.2).
                self.announces |= foreign;
                self.read_reach(reach::announced(value, self.negotiated), whole, |update| {
                    &mut update.announced
                });
            }
            MP_UNREACH_NLRI => {
                self.read_reach(reach::withdrawn(value, self.negotiated), whole, |update| {
                    &mut update.withdrawn
                });
            }
            _ => {}
        }
    }

    fn read_reach(
        &mut self,
        read: Result<Reach, Cause>,
        whole: &'a [u8],
        counts: impl FnOnce(&mut Update) -> &mut Counts,
    ) {
        match read {
            Ok(Reach::Prefixes(family, count)) => counts(&mut self.update).add(family, count),
            Ok(Reach::Foreign(codes)) => self.update.foreign = Some(codes),
            // RFC 7606 §3 j: prefixes that cannot be read cannot be treated as withdrawn.
            Err(cause) => self.wrong(Action::Reset, cause, whole),
        }
    }

    /// The attributes end within one. The total length still says where the prefixes begin (RFC 7606 §4), but the prefixes
    /// within the attribute, if it is one that has such, are lost.
    fn truncated(&mut self, truncated: &Truncated<'a>) {
        let cause = Cause::Truncated { kind: truncated.kind };
        let action = match truncated.kind {
            Some(MP_REACH_NLRI | MP_UNREACH_NLRI) => match reach::foreign(truncated.value, self.negotiated) {
                Some(codes) => {
                    self.update.foreign = Some(codes);
                    self.announces = true;
                    Action::Withdraw
                }
                None => Action::Reset,
            },
            Some(_) | None => Action::Withdraw,
        };
        self.wrong(action, cause, &[]);
    }

    /// RFC 7606 §3 d: of routes we could read, whether all is there that every route has.
    fn check_mandatory(&mut self, has_prefixes: bool) {
        if self.update.announced.total() == 0 {
            return;
        }
        for (kind, mandatory) in [(ORIGIN, true), (AS_PATH, true), (NEXT_HOP, has_prefixes)] {
            if mandatory && !self.has_seen(kind) {
                self.wrong(Action::Withdraw, Cause::Missing { kind }, &[]);
            }
        }
    }

    /// RFC 7606 §5.2: attributes of no route, and something wrong with them: whatever route was meant cannot be treated as
    /// withdrawn.
    fn check_unreachable(&mut self) {
        let announces = self.announces || self.update.announced.total() > 0;
        if let Some((action @ Action::Withdraw, ..)) = &mut self.worst
            && !announces
        {
            *action = Action::Reset;
        }
    }

    /// RFC 4724 §2: an UPDATE that says nothing, or nothing but an MP_UNREACH_NLRI without prefixes.
    fn end_of_rib(&self, parts: Parts<'_>) -> Option<Family> {
        if self.worst.is_some() || !parts.withdrawn.is_empty() || !parts.announced.is_empty() {
            return None;
        }
        let codes = match Attribute::next(&mut Cursor(parts.attributes)) {
            _ if parts.attributes.is_empty() => Family::Ipv4Unicast.codes(),
            Ok(Attribute { kind: MP_UNREACH_NLRI, value: &[high, low, safi], whole, .. })
                if whole.len() == parts.attributes.len() =>
            {
                AfiSafi { afi: u16::from_be_bytes([high, low]), safi }
            }
            Ok(_) | Err(_) => return None,
        };
        self.negotiated.family(codes)
    }

    fn wrong(&mut self, action: Action, cause: Cause, quote: &'a [u8]) {
        if self.worst.is_none_or(|(worst, ..)| worst < action) {
            self.worst = Some((action, cause, quote));
        }
    }

    fn first_of_its_kind(&mut self, kind: u8) -> bool {
        let seen = self.has_seen(kind);
        self.seen[usize::from(kind >> 6)] |= 1 << (kind & 63);
        !seen
    }

    fn has_seen(&self, kind: u8) -> bool {
        self.seen[usize::from(kind >> 6)] & 1 << (kind & 63) != 0
    }

    fn finish(mut self) -> Update {
        self.update.fault = self.worst.map(|(action, cause, quote)| {
            let data = match (action, cause) {
                // RFC 4271 §6.3: of an attribute that is missing, the type.
                (Action::Reset, Cause::Missing { kind }) => vec![kind],
                (Action::Reset, _) => quote.to_vec(),
                (Action::Discard | Action::Withdraw, _) => Vec::new(),
            };
            Fault { action, cause, data }
        });
        self.update
    }
}
