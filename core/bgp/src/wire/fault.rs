use core::fmt;
use std::net::Ipv4Addr;

use super::{ErrorCode, Notification, UpdateCode, attribute};
use crate::Family;

/// What an error in an UPDATE asks for (RFC 7606 §2). The strongest of several decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// The attribute is left out, the routes stand.
    Discard,
    /// The routes are treated as withdrawn.
    Withdraw,
    /// The session ends with a NOTIFICATION.
    Reset,
}

/// The worst that is wrong with an UPDATE. Its `Display` is a sentence without its full stop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What it asks for.
    pub action: Action,
    /// What it is.
    pub cause: Cause,
    /// What the NOTIFICATION of a reset quotes (RFC 4271 §6.3); empty for weaker actions.
    pub(super) data: Vec<u8>,
}

impl Fault {
    /// What to tell the peer before the session ends, if it has to.
    pub fn notification(&self) -> Option<Notification> {
        (self.action == Action::Reset)
            .then(|| Notification { code: ErrorCode::Update(self.cause.code()), data: self.data.clone() })
    }
}

/// What can be wrong with an UPDATE. `kind` is the type of an attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The lengths of its parts are more than the message has.
    Lengths,
    /// The prefixes at the beginning or at the end of the message cannot be told apart.
    Prefixes,
    /// The attributes end within one, of this type as far as that can be read.
    Truncated {
        /// Its type.
        kind: Option<u8>,
    },
    /// An attribute appears more than once.
    Twice {
        /// Its type.
        kind: u8,
    },
    /// There are routes, but not an attribute that all routes have.
    Missing {
        /// Its type.
        kind: u8,
    },
    /// An attribute says that everybody must know it, and we do not.
    Unrecognized {
        /// Its type.
        kind: u8,
    },
    /// An attribute is not as optional or transitive as it must be.
    Flags {
        /// Its type.
        kind: u8,
        /// Its flags.
        flags: u8,
    },
    /// An attribute has a length that its type cannot have.
    Length {
        /// Its type.
        kind: u8,
        /// Octets of its value.
        length: usize,
    },
    /// ORIGIN has a value without a meaning.
    Origin(u8),
    /// NEXT_HOP is not the address of a host.
    NextHop(Ipv4Addr),
    /// A path, or the AS of an aggregator, cannot be right.
    Path {
        /// Which attribute it is in.
        kind: u8,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// An attribute that peers of another kind do not send: internal ones, or such as know no AS numbers of four octets.
    Misplaced {
        /// Its type.
        kind: u8,
    },
    /// MP_REACH_NLRI or MP_UNREACH_NLRI ends before its prefixes begin.
    Short {
        /// Its type.
        kind: u8,
    },
    /// The next hop of MP_REACH_NLRI has a length that its family cannot have.
    ReachNextHop {
        /// Of the routes.
        family: Family,
        /// Of the next hop, in octets.
        length: u8,
    },
    /// The prefixes of MP_REACH_NLRI or MP_UNREACH_NLRI cannot be told apart.
    FamilyPrefixes {
        /// Which of the two.
        kind: u8,
        /// Of the routes.
        family: Family,
    },
}

/// What can be wrong with a path (RFC 7606 §7.2, RFC 7607 §2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathProblem {
    /// A segment is neither a sequence nor a set.
    SegmentType(u8),
    /// A segment is empty.
    EmptySegment,
    /// It ends within a segment.
    Truncated,
    /// It goes through AS 0.
    ZeroAsn,
}

impl Cause {
    /// What RFC 4271 §6.3 calls it.
    fn code(self) -> UpdateCode {
        match self {
            Self::Lengths | Self::Truncated { .. } | Self::Twice { .. } => UpdateCode::MalformedAttributeList,
            Self::Prefixes => UpdateCode::InvalidNetworkField,
            Self::Missing { .. } => UpdateCode::MissingWellKnownAttribute,
            Self::Unrecognized { .. } => UpdateCode::UnrecognizedWellKnownAttribute,
            Self::Flags { .. } => UpdateCode::AttributeFlags,
            Self::Length { .. } => UpdateCode::AttributeLength,
            Self::Origin(_) => UpdateCode::InvalidOrigin,
            Self::NextHop(_) => UpdateCode::InvalidNextHop,
            Self::Path { .. } => UpdateCode::MalformedAsPath,
            Self::Misplaced { .. }
            | Self::Short { .. }
            | Self::ReachNextHop { .. }
            | Self::FamilyPrefixes { .. } => UpdateCode::OptionalAttribute,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.action {
            Action::Discard => "an attribute was left out",
            Action::Withdraw => "its routes count as withdrawn",
            Action::Reset => "the session has to end",
        };
        write!(f, "{}: {effect}", self.cause)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = attribute::Name;
        match *self {
            Self::Lengths => f.write_str("the lengths in an UPDATE are more than the message has"),
            Self::Prefixes => f.write_str("the prefixes of an UPDATE cannot be told apart"),
            Self::Truncated { kind: Some(kind) } => {
                write!(f, "{} says to be longer than all attributes together", name(kind))
            }
            Self::Truncated { kind: None } => f.write_str("the attributes end in the middle of one"),
            Self::Twice { kind } => write!(f, "{} appears more than once", name(kind)),
            Self::Missing { kind } => write!(f, "routes were announced without {}", name(kind)),
            Self::Unrecognized { kind } => write!(f, "{} is said to be known to all, but is not", name(kind)),
            Self::Flags { kind, flags } => write!(f, "{} has the wrong flags 0x{flags:02x}", name(kind)),
            Self::Length { kind, length } => {
                write!(f, "{} has {length} octets, which it cannot have", name(kind))
            }
            Self::Origin(value) => write!(f, "ORIGIN has the value {value}, which means nothing"),
            Self::NextHop(address) => write!(f, "NEXT_HOP is {address}, which no host can have"),
            Self::Path { kind, problem } => write!(f, "{} {problem}", name(kind)),
            Self::Misplaced { kind } => write!(f, "{} has no place on this session", name(kind)),
            Self::Short { kind } => write!(f, "{} ends before its prefixes", name(kind)),
            Self::ReachNextHop { family, length } => {
                write!(f, "MP_REACH_NLRI has a next hop of {length} octets for {family} routes")
            }
            Self::FamilyPrefixes { kind, family } => {
                write!(f, "the {family} prefixes of {} cannot be told apart", name(kind))
            }
        }
    }
}

impl fmt::Display for PathProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegmentType(number) => write!(f, "has a segment of type {number}"),
            Self::EmptySegment => f.write_str("has a segment without a number"),
            Self::Truncated => f.write_str("ends within a segment"),
            Self::ZeroAsn => f.write_str("has the number 0 in it"),
        }
    }
}
