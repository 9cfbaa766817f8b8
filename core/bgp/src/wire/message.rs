use super::{Frame, Kind, MessageError, Negotiated, Notification, Open, RouteRefresh, Update, frame};

/// A message of a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// The first one.
    Open(Open),
    /// Routes: counted, checked, and not kept.
    Update(Update),
    /// The last one.
    Notification(Notification),
    /// A sign of life.
    Keepalive,
    /// A wish to be told all routes again.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// Which kind of message it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Open(_) => Kind::Open,
            Self::Update(_) => Kind::Update,
            Self::Notification(_) => Kind::Notification,
            Self::Keepalive => Kind::Keepalive,
            Self::RouteRefresh(_) => Kind::RouteRefresh,
        }
    }
}

/// Reads one message. Before OPENs are exchanged `negotiated` is its default.
///
/// An UPDATE is always read; what is wrong with it is in [`Update::fault`], whose action may be to end the session.
pub fn decode(frame: Frame<'_>, negotiated: &Negotiated) -> Result<Message, MessageError> {
    Ok(match frame.kind {
        Kind::Open => Message::Open(Open::decode(frame.body)?),
        Kind::Update => Message::Update(Update::decode(frame.body, negotiated)),
        Kind::Notification => Message::Notification(Notification::decode(frame.body)),
        Kind::Keepalive => Message::Keepalive,
        Kind::RouteRefresh => Message::RouteRefresh(RouteRefresh::decode(frame.body)?),
    })
}

/// Appends a KEEPALIVE.
pub fn keepalive(out: &mut Vec<u8>) {
    frame::append(out, Kind::Keepalive, |_| {});
}
