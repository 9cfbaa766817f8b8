//! Communities as text.

use std::{collections::BTreeSet, fmt, net::Ipv4Addr, str::FromStr};

use ferrolb_bgp::{Community, ExtendedCommunity, LargeCommunity};

/// A community of any kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunityValue {
    /// RFC 1997: `64500:100`, or a well-known name.
    Standard(Community),
    /// RFC 8092: `large:64500:1:2`.
    Large(LargeCommunity),
    /// RFC 4360: `rt:64500:100`, `soo:192.0.2.1:7`, `extended:0x0002fbf400000064`.
    Extended(ExtendedCommunity),
}

/// What a BGPAdvertisement says of one community.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunityEntry {
    /// The community itself.
    Value(CommunityValue),
    /// The name that a Community object gives to one.
    Alias(String),
}

/// Communities, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommunitySet {
    /// RFC 1997.
    pub standard: BTreeSet<Community>,
    /// RFC 8092.
    pub large: BTreeSet<LargeCommunity>,
    /// RFC 4360.
    pub extended: BTreeSet<ExtendedCommunity>,
}

impl CommunitySet {
    /// Each of them, the kinds one after the other.
    pub fn iter(&self) -> impl Iterator<Item = CommunityValue> {
        let standard = self.standard.iter().copied().map(CommunityValue::Standard);
        let large = self.large.iter().copied().map(CommunityValue::Large);
        standard.chain(large).chain(self.extended.iter().copied().map(CommunityValue::Extended))
    }

    /// Adds those of another.
    pub fn extend(&mut self, other: &Self) {
        self.standard.extend(&other.standard);
        self.large.extend(&other.large);
        self.extended.extend(&other.extended);
    }
}

impl FromIterator<CommunityValue> for CommunitySet {
    fn from_iter<I: IntoIterator<Item = CommunityValue>>(values: I) -> Self {
        let mut set = Self::default();
        for value in values {
            match value {
                CommunityValue::Standard(community) => drop(set.standard.insert(community)),
                CommunityValue::Large(community) => drop(set.large.insert(community)),
                CommunityValue::Extended(community) => drop(set.extended.insert(community)),
            }
        }
        set
    }
}

/// As a BGPAdvertisement may write it: reading that gives the same.
impl fmt::Display for CommunityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(community) => match WELL_KNOWN.iter().find(|(_, known)| known == community) {
                Some((name, _)) => f.write_str(name),
                None => community.fmt(f),
            },
            Self::Large(large) => write!(f, "large:{large}"),
            Self::Extended(extended) => write_specific(f, *extended),
        }
    }
}

/// The error is what is wrong, in words.
impl FromStr for CommunityValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(known) = well_known(text) {
            return Ok(Self::Standard(known));
        }
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["large", global, local1, local2] => Ok(Self::Large(LargeCommunity {
                global: number(text, global)?,
                local1: number(text, local1)?,
                local2: number(text, local2)?,
            })),
            ["rt", administrator, assigned] => specific(text, ROUTE_TARGET, administrator, assigned),
            ["soo", administrator, assigned] => specific(text, ROUTE_ORIGIN, administrator, assigned),
            ["extended", octets] => octets
                .strip_prefix("0x")
                .filter(|digits| digits.len() == 16)
                .and_then(|digits| u64::from_str_radix(digits, 16).ok())
                .map(|octets| Self::Extended(ExtendedCommunity(octets.to_be_bytes())))
                .ok_or_else(|| format!("{text:?} must be extended:0x and 16 hexadecimal digits")),
            [high, low] => Ok(Self::Standard(Community::new(number(text, high)?, number(text, low)?))),
            _ => Err(format!(
                "{text:?} is no community; write 64500:100, large:64500:1:2, rt:64500:100, extended:0x… or a well-known name"
            )),
        }
    }
}

/// The error is what is wrong, in words.
impl FromStr for CommunityEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match is_name(text) && well_known(text).is_none() {
            true => Ok(Self::Alias(text.to_owned())),
            false => text.parse().map(Self::Value),
        }
    }
}

/// Whether a community may be called so.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-'))
}

/// The communities that have a name everywhere.
const WELL_KNOWN: [(&str, Community); 9] = [
    ("no-export", Community::NO_EXPORT),
    ("no-advertise", Community::NO_ADVERTISE),
    ("no-export-subconfed", Community::NO_EXPORT_SUBCONFED),
    // RFC 3765.
    ("no-peer", Community(0xFFFF_FF04)),
    // RFC 7611.
    ("accept-own", Community(0xFFFF_0001)),
    ("blackhole", Community::BLACKHOLE),
    ("graceful-shutdown", Community::GRACEFUL_SHUTDOWN),
    // RFC 9494.
    ("llgr-stale", Community(0xFFFF_0006)),
    ("no-llgr", Community(0xFFFF_0007)),
];

/// The community that has this name everywhere.
pub(super) fn well_known(name: &str) -> Option<Community> {
    WELL_KNOWN.into_iter().find_map(|(known, community)| (known == name).then_some(community))
}

/// Subtypes of RFC 4360 §4 and §5.
const ROUTE_TARGET: u8 = 0x02;
const ROUTE_ORIGIN: u8 = 0x03;

/// A community specific to an AS of two octets (RFC 4360 §3.1), to an IPv4 address (§3.2) or to an AS of four octets
/// (RFC 5668): the narrower its administrator, the wider the number that is left.
fn specific(text: &str, subtype: u8, administrator: &str, assigned: &str) -> Result<CommunityValue, String> {
    let four_and_two = |kind: u8, administrator: [u8; 4]| -> Result<[u8; 8], String> {
        let ([a, b, c, d], [e, f]) = (administrator, number::<u16>(text, assigned)?.to_be_bytes());
        Ok([kind, subtype, a, b, c, d, e, f])
    };
    let octets = if let Ok(address) = administrator.parse::<Ipv4Addr>() {
        four_and_two(0x01, address.octets())?
    } else {
        let asn: u32 = number(text, administrator)?;
        match u16::try_from(asn) {
            Ok(asn) => {
                let ([a, b], [c, d, e, f]) =
                    (asn.to_be_bytes(), number::<u32>(text, assigned)?.to_be_bytes());
                [0x00, subtype, a, b, c, d, e, f]
            }
            Err(_) => four_and_two(0x02, asn.to_be_bytes())?,
        }
    };
    Ok(CommunityValue::Extended(ExtendedCommunity(octets)))
}

/// The same as text; what is of another type or subtype, in octets.
fn write_specific(f: &mut fmt::Formatter<'_>, community: ExtendedCommunity) -> fmt::Result {
    let [kind, subtype, a, b, c, d, e, last] = community.0;
    let subtype = match subtype {
        ROUTE_TARGET => "rt",
        ROUTE_ORIGIN => "soo",
        _ => return write!(f, "extended:{community}"),
    };
    let (narrow, wide) = (u16::from_be_bytes([e, last]), u32::from_be_bytes([c, d, e, last]));
    let asn = u32::from_be_bytes([a, b, c, d]);
    match kind {
        0x00 => write!(f, "{subtype}:{}:{wide}", u16::from_be_bytes([a, b])),
        0x01 => write!(f, "{subtype}:{}:{narrow}", Ipv4Addr::from([a, b, c, d])),
        // One of a smaller AS would be read as one of an AS of two octets.
        0x02 if asn > u32::from(u16::MAX) => write!(f, "{subtype}:{asn}:{narrow}"),
        _ => write!(f, "extended:{community}"),
    }
}

fn number<N: FromStr>(text: &str, part: &str) -> Result<N, String> {
    let digits = part.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { part.parse().ok() } else { None };
    parsed.ok_or_else(|| {
        let greatest = if size_of::<N>() == 2 { "65535" } else { "4294967295" };
        format!("{part:?} in the community {text:?} must be a number up to {greatest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(text: &str) -> String {
        match text.parse().unwrap() {
            CommunityValue::Standard(community) => format!("{:08x}", community.0),
            CommunityValue::Large(LargeCommunity { global, local1, local2 }) => {
                format!("{global:08x}{local1:08x}{local2:08x}")
            }
            CommunityValue::Extended(ExtendedCommunity(octets)) => {
                format!("{:016x}", u64::from_be_bytes(octets))
            }
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in [
            "64500:100",
            "no-export",
            "no-llgr",
            "large:4294967295:0:7",
            "rt:64500:4294967295",
            "soo:192.0.2.1:7",
            "rt:4200000000:7",
            "extended:0x4004fbf447c35000",
            "extended:0x02020000fbf40007",
        ] {
            assert_eq!(text.parse::<CommunityValue>().unwrap().to_string(), text);
        }
        let other_names: CommunityValue = "65535:65281".parse().unwrap();
        assert_eq!(other_names.to_string(), "no-export");
        let set: CommunitySet =
            ["rt:64500:7", "64500:2", "64500:1"].map(|one| one.parse().unwrap()).into_iter().collect();
        let texts: Vec<String> = set.iter().map(|one| one.to_string()).collect();
        assert_eq!(texts, ["64500:1", "64500:2", "rt:64500:7"]);
    }

    #[test]
    fn every_kind_has_the_octets_of_its_rfc() {
        for (text, expected) in [
            ("64500:100", "fbf40064"),
            ("65535:65535", "ffffffff"),
            ("no-export", "ffffff01"),
            ("blackhole", "ffff029a"),
            ("graceful-shutdown", "ffff0000"),
            ("no-llgr", "ffff0007"),
            ("large:4294967295:0:7", "ffffffff0000000000000007"),
            ("rt:64500:100", "0002fbf400000064"),
            ("rt:64500:4294967295", "0002fbf4ffffffff"),
            ("soo:64500:100", "0003fbf400000064"),
            ("rt:192.0.2.1:7", "0102c00002010007"),
            ("rt:65536:7", "0202000100000007"),
            ("extended:0x4004FBF400000000", "4004fbf400000000"),
        ] {
            assert_eq!(octets(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, part) in [
            ("64500", "is no community"),
            ("1:2:3", "is no community"),
            ("64500:65536", "\"65536\" in the community"),
            ("+1:2", "\"+1\""),
            ("large:1:2:4294967296", "up to 4294967295"),
            ("rt:65536:65536", "up to 65535"),
            ("rt:192.0.2.1:65536", "up to 65535"),
            ("extended:0x12", "16 hexadecimal digits"),
            ("", "is no community"),
        ] {
            let problem = text.parse::<CommunityValue>().unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn a_word_is_a_name_unless_all_know_it() {
        assert_eq!("customers.eu-1".parse(), Ok(CommunityEntry::Alias("customers.eu-1".into())));
        let known = CommunityEntry::Value(CommunityValue::Standard(Community::NO_EXPORT));
        assert_eq!("no-export".parse(), Ok(known));
        assert!("no export".parse::<CommunityEntry>().is_err());
        for name in ferrolb_api::WELL_KNOWN_COMMUNITIES {
            assert!(well_known(name).is_some(), "{name}");
        }
    }
}
