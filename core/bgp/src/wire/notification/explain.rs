//! What the data of a NOTIFICATION says, in words.

use core::fmt;
use std::net::Ipv4Addr;

use super::super::attribute::Name;
use super::super::cursor::Cursor;
use super::super::{Capability, CeaseCode, ErrorCode, HeaderCode, Kind, OpenCode, UpdateCode};
use super::{Notification, text};
use crate::{AfiSafi, Asn};

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match explain(self) {
            Some(detail) => write!(f, "{} ({detail})", self.code),
            None if self.data.is_empty() => self.code.fmt(f),
            None => write!(f, "{} (with data of length {} that says no more)", self.code, self.data.len()),
        }
    }
}

/// None if there is no data, or data that does not say what data of this code should say.
fn explain(notification: &Notification) -> Option<String> {
    let data = notification.data.as_slice();
    match notification.code {
        ErrorCode::Header(code) => header(code, data),
        ErrorCode::Open(code) => open(code, data),
        ErrorCode::Update(code) => update(code, data),
        ErrorCode::Fsm(_) => {
            let &[code] = data else { return None };
            let kind = Kind::from_code(code)?;
            Some(format!("it was {kind}"))
        }
        ErrorCode::Cease(code) => cease(code, notification),
        ErrorCode::HoldTimerExpired
        | ErrorCode::RouteRefresh(_)
        | ErrorCode::SendHoldTimerExpired
        | ErrorCode::Unknown { .. } => None,
    }
}

fn header(code: HeaderCode, data: &[u8]) -> Option<String> {
    match code {
        HeaderCode::BadMessageLength => Some(format!("the length was {}", u16_of(data)?)),
        HeaderCode::BadMessageType => {
            let &[kind] = data else { return None };
            Some(format!("the type was {kind}"))
        }
        HeaderCode::Unspecific | HeaderCode::ConnectionNotSynchronized | HeaderCode::Unknown(_) => None,
    }
}

/// What implementations put there beyond RFC 4271 §6.2: the value that was not liked.
fn open(code: OpenCode, data: &[u8]) -> Option<String> {
    match code {
        OpenCode::UnsupportedVersionNumber => Some(format!("at most version {} is spoken", u16_of(data)?)),
        OpenCode::BadPeerAs => {
            let asn = u16_of(data).map(u32::from).or_else(|| u32_of(data)).map(Asn)?;
            Some(format!("AS {asn} was not expected"))
        }
        OpenCode::BadBgpIdentifier => Some(format!("it was {}", Ipv4Addr::from(u32_of(data)?))),
        OpenCode::UnacceptableHoldTime => Some(format!("it was {} s", u16_of(data)?)),
        OpenCode::UnsupportedCapability => capabilities(data),
        OpenCode::Unspecific
        | OpenCode::UnsupportedOptionalParameter
        | OpenCode::AuthenticationFailure
        | OpenCode::RoleMismatch
        | OpenCode::Unknown(_) => None,
    }
}

/// RFC 5492 §5: the capabilities as in an OPEN.
fn capabilities(data: &[u8]) -> Option<String> {
    let mut cursor = Cursor(data);
    let mut words = Vec::new();
    while let Some(code) = cursor.u8() {
        let length = cursor.u8()?;
        words.push(Capability::decode(code, cursor.take(length.into())?).to_string());
    }
    (!words.is_empty()).then(|| words.join(", "))
}

fn update(code: UpdateCode, data: &[u8]) -> Option<String> {
    match code {
        UpdateCode::MissingWellKnownAttribute => {
            let &[kind] = data else { return None };
            Some(format!("it is {}", Name(kind)))
        }
        UpdateCode::UnrecognizedWellKnownAttribute
        | UpdateCode::AttributeFlags
        | UpdateCode::AttributeLength
        | UpdateCode::InvalidOrigin
        | UpdateCode::InvalidNextHop
        | UpdateCode::OptionalAttribute => {
            let [_flags, kind, ..] = data else { return None };
            Some(format!("in {}", Name(*kind)))
        }
        UpdateCode::Unspecific
        | UpdateCode::MalformedAttributeList
        | UpdateCode::AsRoutingLoop
        | UpdateCode::InvalidNetworkField
        | UpdateCode::MalformedAsPath
        | UpdateCode::Unknown(_) => None,
    }
}

fn cease(code: CeaseCode, notification: &Notification) -> Option<String> {
    match code {
        // RFC 4486 §4.
        CeaseCode::MaximumPrefixes => {
            let mut cursor = Cursor(&notification.data);
            let family = AfiSafi { afi: cursor.u16()?, safi: cursor.u8()? };
            let limit = cursor.u32().filter(|_| cursor.is_empty())?;
            Some(format!("{limit} {family} prefixes are allowed"))
        }
        CeaseCode::AdministrativeShutdown | CeaseCode::AdministrativeReset => {
            Some(format!("\"{}\"", text::read(&notification.data)?))
        }
        CeaseCode::HardReset => notification.inside_hard_reset().map(|inner| inner.to_string()),
        CeaseCode::Unspecific
        | CeaseCode::PeerDeconfigured
        | CeaseCode::ConnectionRejected
        | CeaseCode::OtherConfigurationChange
        | CeaseCode::ConnectionCollisionResolution
        | CeaseCode::OutOfResources
        | CeaseCode::BfdDown
        | CeaseCode::Unknown(_) => None,
    }
}

fn u16_of(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_be_bytes)
}

fn u32_of(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_be_bytes)
}
