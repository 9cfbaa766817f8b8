use core::fmt;
use core::time::Duration;

use super::open::Refusal;
use super::state::StateName;
use crate::wire::{CeaseCode, ErrorCode, Fault, FsmCode, Kind, MessageError, Notification};

/// Why a transport ended. Its `Display` is a sentence without its full stop, for whoever runs the peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It could not be connected.
    NotConnected(String),
    /// It took longer than the connect time to connect.
    ConnectTimeout(Duration),
    /// It failed.
    Failed(String),
    /// The peer closed it without a word.
    Closed,
    /// The peer has connected, but not where it should.
    Misdirected(String),
    /// The peer said that it ends the session, and why.
    Heard(Notification),
    /// A message of the peer cannot be read.
    Malformed(MessageError),
    /// The peer's OPEN is not what was expected.
    Refused(Refusal),
    /// An UPDATE of the peer leaves no other way (RFC 7606).
    Fault(Fault),
    /// A message at a time when there may be none of its kind.
    Unexpected {
        /// Which kind.
        kind: Kind,
        /// When.
        state: StateName,
    },
    /// The peer was silent for the hold time.
    HoldTimerExpired(Duration),
    /// The peer took nothing for the send hold time.
    SendHoldTimerExpired,
    /// BFD says that the path to the peer is gone.
    BfdDown,
    /// The other of two transports was kept.
    Collision,
    /// The peer opened a new transport, and so has lost this one without noticing (RFC 4724 §4.2).
    Replaced,
    /// The configuration is another one.
    Reconfigured,
    /// Somebody wants the session to begin again; the peer is told the text.
    Reset(String),
    /// This speaker leaves for good; the peer is told the text.
    Leaving(String),
    /// This speaker will be back soon; the peer is told the text, unless it keeps the routes meanwhile.
    Restarting(String),
    /// The peer is not configured any more.
    Removed,
}

/// What follows from an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kindred {
    /// The transport failed: nothing is wrong with either speaker.
    Transport,
    /// One side refuses the other, and somebody may have to mend that.
    Refusal,
    /// An attempt took all the time that lies between attempts.
    Overdue,
    /// Meant to be, and to begin again at once.
    Renewal,
}

impl Reason {
    /// What the peer is told before the transport is closed, if anything.
    pub fn notification(&self) -> Option<Notification> {
        let cease = |code| Some(Notification::from(ErrorCode::Cease(code)));
        match self {
            Self::NotConnected(_) | Self::ConnectTimeout(_) | Self::Failed(_) | Self::Closed => None,
            Self::Heard(_) | Self::Replaced => None,
            // The transport is full, so that nothing can be said (RFC 9687 §3.1).
            Self::SendHoldTimerExpired => None,
            Self::Malformed(error) => Some(error.notification()),
            Self::Refused(refusal) => Some(refusal.notification()),
            Self::Fault(fault) => fault.notification(),
            Self::Unexpected { kind, state } => Some(unexpected(*kind, *state)),
            Self::HoldTimerExpired(_) => Some(ErrorCode::HoldTimerExpired.into()),
            Self::BfdDown => cease(CeaseCode::BfdDown),
            Self::Misdirected(_) => cease(CeaseCode::ConnectionRejected),
            Self::Collision => cease(CeaseCode::ConnectionCollisionResolution),
            Self::Reconfigured => cease(CeaseCode::OtherConfigurationChange),
            Self::Removed => cease(CeaseCode::PeerDeconfigured),
            Self::Reset(text) | Self::Restarting(text) => Some(Notification::administrative_reset(text)),
            Self::Leaving(text) => Some(Notification::administrative_shutdown(text)),
        }
    }

    /// Whether the peer should drop our routes even if it would keep them over a restart (RFC 8538 §3.1).
    pub(crate) fn is_hard(&self) -> bool {
        match self {
            Self::Leaving(_) | Self::Removed | Self::Reset(_) | Self::BfdDown => true,
            Self::NotConnected(_) | Self::ConnectTimeout(_) | Self::Failed(_) | Self::Closed => false,
            Self::Misdirected(_) => false,
            Self::Heard(_) | Self::Malformed(_) | Self::Refused(_) | Self::Fault(_) => false,
            Self::Unexpected { .. } | Self::HoldTimerExpired(_) | Self::SendHoldTimerExpired => false,
            Self::Collision | Self::Replaced | Self::Reconfigured | Self::Restarting(_) => false,
        }
    }

    /// Whether somebody should read it as the session's last error.
    pub(crate) fn is_error(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::ConnectTimeout(_) | Self::Failed(_) | Self::Closed => true,
            Self::Heard(_) | Self::Malformed(_) | Self::Refused(_) | Self::Fault(_) => true,
            Self::Unexpected { .. } | Self::HoldTimerExpired(_) | Self::SendHoldTimerExpired => true,
            Self::BfdDown | Self::Misdirected(_) => true,
            Self::Collision | Self::Replaced | Self::Reconfigured | Self::Reset(_) => false,
            Self::Leaving(_) | Self::Restarting(_) | Self::Removed => false,
        }
    }

    pub(crate) fn kindred(&self) -> Kindred {
        match self {
            Self::NotConnected(_) | Self::Failed(_) | Self::Closed => Kindred::Transport,
            Self::ConnectTimeout(_) => Kindred::Overdue,
            // It has, or had, another connection to this speaker.
            Self::Heard(Notification {
                code: ErrorCode::Cease(CeaseCode::ConnectionCollisionResolution),
                ..
            }) => Kindred::Transport,
            Self::Heard(_) | Self::Malformed(_) | Self::Refused(_) | Self::Fault(_) => Kindred::Refusal,
            Self::Unexpected { .. } | Self::HoldTimerExpired(_) | Self::SendHoldTimerExpired => {
                Kindred::Refusal
            }
            Self::BfdDown | Self::Collision | Self::Replaced | Self::Misdirected(_) => Kindred::Refusal,
            Self::Reconfigured | Self::Reset(_) => Kindred::Renewal,
            Self::Leaving(_) | Self::Restarting(_) | Self::Removed => Kindred::Renewal,
        }
    }
}

/// RFC 6608 §3: the data is the type of the message.
fn unexpected(kind: Kind, state: StateName) -> Notification {
    let code = match state {
        StateName::OpenSent => FsmCode::UnexpectedInOpenSent,
        StateName::OpenConfirm => FsmCode::UnexpectedInOpenConfirm,
        StateName::Established => FsmCode::UnexpectedInEstablished,
        StateName::Idle | StateName::Active | StateName::Connect => FsmCode::Unspecific,
    };
    Notification { code: ErrorCode::Fsm(code), data: vec![kind.code()] }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(why) => write!(f, "the peer could not be reached: {why}"),
            Self::ConnectTimeout(time) => {
                write!(f, "the peer could not be reached: it did not answer within {} s", time.as_secs())
            }
            Self::Failed(why) => write!(f, "the connection failed: {why}"),
            Self::Closed => f.write_str("the peer closed the connection without a word"),
            Self::Misdirected(why) => write!(f, "the peer's connection was refused: {why}"),
            Self::Heard(notification) => write!(f, "the peer ended the session: {notification}"),
            Self::Malformed(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Unexpected { kind, state } => {
                write!(f, "the peer sent {kind:?} in the state {state}, where there may be none")
            }
            Self::HoldTimerExpired(time) => {
                write!(f, "nothing was heard of the peer for {} s", time.as_secs())
            }
            Self::SendHoldTimerExpired => f.write_str("the peer stopped reading what it is sent"),
            Self::BfdDown => f.write_str("BFD says that the path to the peer is gone"),
            Self::Collision => f.write_str("both sides connected at once, and the other connection was kept"),
            Self::Replaced => f.write_str("the peer has restarted and connected anew"),
            Self::Reconfigured => f.write_str("the configuration of the peer was changed"),
            Self::Reset(text) => write!(f, "the session was reset: {text}"),
            Self::Leaving(text) => write!(f, "this speaker leaves: {text}"),
            Self::Restarting(text) => write!(f, "this speaker restarts: {text}"),
            Self::Removed => f.write_str("the peer was removed from the configuration"),
        }
    }
}
