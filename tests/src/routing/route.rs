//! What a routing program heard, in one form for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result, bail};
use ipnet::IpNet;

/// The routes of one session, by prefix.
pub type Table = BTreeMap<IpNet, Route>;

/// A path to a prefix and by which session it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Where to.
    pub prefix: IpNet,
    /// The session's remote end, as in the instance's [`super::instance::Remote`].
    pub from: String,
    /// By which way.
    pub route: Route,
}

/// The attributes of a route (RFC 4271 §5, 1997, 4360, 8092).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The global address, or the link-local one where there is no other.
    pub next_hop: IpAddr,
    /// ORIGIN.
    pub origin: Origin,
    /// AS_PATH, a sequence.
    pub as_path: Vec<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// COMMUNITIES.
    pub communities: BTreeSet<(u16, u16)>,
    /// EXTENDED COMMUNITIES.
    pub extended: BTreeSet<Extended>,
    /// LARGE_COMMUNITY.
    pub large: BTreeSet<(u32, u32, u32)>,
}

/// Where a route comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From within the AS.
    Igp,
    /// By EGP.
    Egp,
    /// By other means.
    Incomplete,
}

/// An extended community with the number of an AS: `rt 64496:7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extended {
    /// Which of them.
    pub kind: ExtendedKind,
    /// The AS that gives it its meaning.
    pub administrator: u32,
    /// That meaning.
    pub number: u32,
}

/// Kinds of extended communities (RFC 4360 §4, §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtendedKind {
    /// Route target.
    RouteTarget,
    /// "Site of origin" in most programs.
    RouteOrigin,
}

impl Route {
    /// One with nothing but what every route has.
    pub fn to(next_hop: IpAddr) -> Self {
        Self {
            next_hop,
            origin: Origin::Igp,
            as_path: Vec::new(),
            med: None,
            local_pref: None,
            communities: BTreeSet::new(),
            extended: BTreeSet::new(),
            large: BTreeSet::new(),
        }
    }
}

impl Origin {
    /// Reads `IGP`, `egp`, `Incomplete`, …
    pub(super) fn parse(text: &str) -> Result<Self> {
        match text.to_lowercase().as_str() {
            "igp" => Ok(Self::Igp),
            "egp" => Ok(Self::Egp),
            "incomplete" => Ok(Self::Incomplete),
            _ => bail!("{text:?} is no origin"),
        }
    }
}

/// Numbers with spaces between them. A set in the path (RFC 6472 advises against those) is an error.
pub(super) fn as_path(text: &str) -> Result<Vec<u32>> {
    text.split_whitespace().map(|number| parsed(number, "AS number")).collect()
}

/// `64496:1`, or the name of a well-known one in any program's spelling.
pub(super) fn community(text: &str) -> Result<(u16, u16)> {
    match text.to_lowercase().replace('_', "-").as_str() {
        "graceful-shutdown" => Ok((65535, 0)),
        "blackhole" => Ok((65535, 666)),
        "no-export" => Ok((65535, 65281)),
        "no-advertise" => Ok((65535, 65282)),
        "local-as" | "no-export-subconfed" => Ok((65535, 65283)),
        "no-peer" => Ok((65535, 65284)),
        numbers => {
            let (one, other) =
                numbers.split_once(':').with_context(|| format!("{text:?} is no community"))?;
            Ok((parsed(one, "community")?, parsed(other, "community")?))
        }
    }
}

/// `4200000000:1:2`.
pub(super) fn large(text: &str) -> Result<(u32, u32, u32)> {
    let numbers: Vec<u32> =
        text.split(':').map(|number| parsed(number, "large community")).collect::<Result<_>>()?;
    let [one, two, three] = numbers[..] else { bail!("{text:?} is no large community") };
    Ok((one, two, three))
}

/// `64496:7` with its kind's name apart. The last number may be written as an address.
pub(super) fn extended(kind: &str, numbers: &str) -> Result<Extended> {
    let kind = match kind.to_lowercase().as_str() {
        "rt" | "target" => ExtendedKind::RouteTarget,
        "ro" | "soo" | "origin" => ExtendedKind::RouteOrigin,
        _ => bail!("{kind:?} is no kind of extended community that is known here"),
    };
    let (administrator, number) =
        numbers.split_once(':').with_context(|| format!("{numbers:?} is no extended community"))?;
    let number = match number.parse::<Ipv4Addr>() {
        Ok(address) => address.into(),
        Err(_) => parsed(number, "extended community")?,
    };
    Ok(Extended { kind, administrator: parsed(administrator.trim_end_matches('L'), "AS number")?, number })
}

/// Reads a number, address or prefix; `what` says in the error what it should have been.
pub(super) fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T> {
    text.trim().parse().ok().with_context(|| format!("{text:?} is no {what}"))
}
