use super::{ErrorCode, HeaderCode, Notification, OpenCode, RefreshCode};
use crate::{Asn, Family};

/// Why a message cannot be read. The session ends; [`MessageError::notification`] says what to tell the peer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MessageError {
    /// The header is wrong, or a length does not fit the kind.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The OPEN cannot be accepted.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The length of a ROUTE-REFRESH that marks the beginning or the end of a refresh (RFC 7313 §5).
    #[error("a ROUTE-REFRESH of subtype {subtype} has a body of {length} octets instead of 4")]
    RefreshLength {
        /// The subtype it has.
        subtype: u8,
        /// How long its body is.
        length: usize,
        /// The body itself.
        body: Vec<u8>,
    },
}

impl MessageError {
    /// What to tell the peer before the connection is closed.
    pub fn notification(&self) -> Notification {
        match self {
            Self::Header(error) => error.notification(),
            Self::Open(error) => error.notification(),
            Self::RefreshLength { body, .. } => {
                let mut data = Vec::new();
                super::frame::append(&mut data, super::Kind::RouteRefresh, |out| out.extend_from_slice(body));
                Notification { code: ErrorCode::RouteRefresh(RefreshCode::InvalidMessageLength), data }
            }
        }
    }
}

/// What is wrong with a message header (RFC 4271 §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// The sixteen octets are not all ones: what arrives is not BGP, or its place in the stream is lost.
    #[error("the marker of a message is not all ones")]
    Marker,
    /// Shorter than its kind allows, or longer than the session allows.
    #[error("a message says to have {0} octets, which none of its kind can have")]
    Length(u16),
    /// No kind has this number.
    #[error("a message is of kind {0}, which there is none of")]
    Kind(u8),
}

impl HeaderError {
    /// What to tell the peer.
    pub fn notification(self) -> Notification {
        let (code, data) = match self {
            Self::Marker => (HeaderCode::ConnectionNotSynchronized, vec![]),
            Self::Length(length) => (HeaderCode::BadMessageLength, length.to_be_bytes().to_vec()),
            Self::Kind(kind) => (HeaderCode::BadMessageType, vec![kind]),
        };
        Notification { code: ErrorCode::Header(code), data }
    }
}

/// Why an OPEN cannot be accepted (RFC 4271 §6.2). The first group is found by [`super::decode`]; the second depends on
/// what the session expects, and is here so that it is said in the same words.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// Another version than 4.
    #[error("the peer speaks version {0} of BGP")]
    UnsupportedVersion(u8),
    /// AS 0 (RFC 7607 §2).
    #[error("the peer says it is in AS 0")]
    ZeroAsn,
    /// An identifier of zero (RFC 6286 §2.2).
    #[error("the peer's BGP identifier is 0.0.0.0")]
    ZeroIdentifier,
    /// One or two seconds.
    #[error("the peer wants a hold time of {0} s; less than 3 s is not allowed")]
    UnacceptableHoldTime(u16),
    /// An optional parameter other than capabilities.
    #[error("the peer sends the optional parameter {0}, which is not supported")]
    UnsupportedParameter(u8),
    /// Lengths contradict each other, or a value that must be right is not.
    #[error("the peer's OPEN is malformed: {0}")]
    Malformed(&'static str),

    /// Another AS than the peer should be in.
    #[error("the peer is in AS {actual}, not in AS {expected}")]
    UnexpectedAsn {
        /// What it says.
        actual: Asn,
        /// What was configured.
        expected: Asn,
    },
    /// The identifier of this speaker, in this AS (RFC 6286 §2.2).
    #[error("the peer has this speaker's own BGP identifier")]
    OwnIdentifier,
    /// Not one family that both have.
    #[error("the peer does not exchange {0} routes")]
    MissingFamily(Family),
}

impl OpenError {
    /// What to tell the peer.
    pub fn notification(self) -> Notification {
        let (code, data) = match self {
            // The greatest version that we speak.
            Self::UnsupportedVersion(_) => (OpenCode::UnsupportedVersionNumber, vec![0, 4]),
            Self::ZeroAsn => (OpenCode::BadPeerAs, vec![]),
            Self::UnexpectedAsn { .. } => (OpenCode::BadPeerAs, vec![]),
            Self::ZeroIdentifier | Self::OwnIdentifier => (OpenCode::BadBgpIdentifier, vec![]),
            Self::UnacceptableHoldTime(_) => (OpenCode::UnacceptableHoldTime, vec![]),
            Self::UnsupportedParameter(_) => (OpenCode::UnsupportedOptionalParameter, vec![]),
            Self::Malformed(_) => (OpenCode::Unspecific, vec![]),
            // RFC 5492 §5: the data names the capabilities, encoded as in an OPEN.
            Self::MissingFamily(family) => {
                let mut data = Vec::new();
                let capability = super::Capability::Multiprotocol(family.codes());
                capability.encode(&mut data).expect("the value has four octets");
                (OpenCode::UnsupportedCapability, data)
            }
        };
        Notification { code: ErrorCode::Open(code), data }
    }
}

/// A message does not fit into what the peer accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the message would have {length} octets, {limit} are allowed")]
pub struct TooLong {
    /// What it would have.
    pub length: usize,
    /// What is allowed.
    pub limit: usize,
}
