use core::fmt;

use super::{ErrorCode, Notification, UpdateCode};

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
    /// The attribute on the wire, for the NOTIFICATION of a reset (RFC 4271 §6.3); else empty.
    pub(super) data: Vec<u8>,
}

impl Fault {
    /// What to tell the peer before the session ends, if it has to.
    pub fn notification(&self) -> Option<Notification> {
        (self.action == Action::Reset)
            .then(|| Notification { code: ErrorCode::Update(self.cause.code()), data: self.data.clone() })
    }
}

/// What can be wrong with an UPDATE. Numbers are types of attributes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The lengths of its parts are more than the message has.
    Lengths,
    /// The prefixes of a field cannot be told apart; the field is that of the message itself.
    Prefixes,
}

impl Cause {
    fn code(self) -> UpdateCode {
        match self {
            Self::Lengths => UpdateCode::MalformedAttributeList,
            Self::Prefixes => UpdateCode::InvalidNetworkField,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Cause::Lengths => f.write_str("the lengths in the UPDATE are more than the message has"),
            Cause::Prefixes => f.write_str("the prefixes of the UPDATE cannot be told apart"),
        }
    }
}
