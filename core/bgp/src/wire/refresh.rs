use super::cursor::Cursor;
use super::{HeaderError, Kind, MessageError, frame};
use crate::AfiSafi;

/// Asks for all routes of a family again, or says where the answer begins and ends (RFC 2918, RFC 7313).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteRefresh {
    /// Which routes.
    pub family: AfiSafi,
    /// Question, beginning or end.
    pub kind: RefreshKind,
}

/// What a ROUTE-REFRESH says (RFC 7313 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RefreshKind {
    /// Subtype 0: send all routes again. Filters that come with it (RFC 5291) are not looked at: we never say that we
    /// know them.
    Request,
    /// Subtype 1: all routes follow (BoRR).
    Begin,
    /// Subtype 2: all routes were sent (EoRR).
    End,
    /// Any other; receivers ignore the message (RFC 7313 §5).
    Unknown(u8),
}

impl RefreshKind {
    /// Its number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Request => 0,
            Self::Begin => 1,
            Self::End => 2,
            Self::Unknown(number) => number,
        }
    }

    fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Request,
            1 => Self::Begin,
            2 => Self::End,
            unknown => Self::Unknown(unknown),
        }
    }
}

impl RouteRefresh {
    /// Appends the message.
    pub fn encode(&self, out: &mut Vec<u8>) {
        frame::append(out, Kind::RouteRefresh, |out| {
            out.extend_from_slice(&self.family.afi.to_be_bytes());
            out.extend_from_slice(&[self.kind.number(), self.family.safi]);
        });
    }

    pub(super) fn decode(body: &[u8]) -> Result<Self, MessageError> {
        let mut cursor = Cursor(body);
        let fields = (cursor.u16(), cursor.u8(), cursor.u8());
        let (Some(afi), Some(subtype), Some(safi)) = fields else {
            let said = u16::try_from(body.len() + frame::HEADER_LEN).unwrap_or(u16::MAX);
            return Err(HeaderError::Length(said).into());
        };
        let kind = RefreshKind::from_number(subtype);
        if matches!(kind, RefreshKind::Begin | RefreshKind::End) && !cursor.is_empty() {
            return Err(MessageError::RefreshLength { subtype, length: body.len(), body: body.to_vec() });
        }
        Ok(Self { family: AfiSafi { afi, safi }, kind })
    }
}
