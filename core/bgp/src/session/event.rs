use super::reason::Reason;
use super::state::StateName;
use crate::wire::Fault;

/// A transport, as long as it lives. Never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TransportId(pub u64);

/// What the caller must do with transports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Connect to the peer, then call `handle_connected`, or `handle_closed` if that fails.
    Connect(TransportId),
    /// Write `last` as far as the transport takes it without waiting, then close it and forget about it.
    Close {
        /// Which one.
        transport: TransportId,
        /// The last octets; empty if the peer should hear nothing more.
        last: Vec<u8>,
    },
}

/// What becomes of a connection that the peer opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Accepted {
    /// It is used from now on.
    Taken(TransportId),
    /// Write these octets, then close it.
    Refused(Vec<u8>),
}

/// Something the rest of the speaker should know; none of it waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The state is another one.
    State {
        /// Before.
        from: StateName,
        /// Now.
        to: StateName,
    },
    /// A transport, or an attempt to have one, has ended. There may be another.
    Ended {
        /// How far it had come.
        state: StateName,
        /// Why.
        reason: Reason,
    },
    /// An UPDATE of the peer is wrong, and worse than any before in this session (RFC 7606). The session goes on.
    Fault(Fault),
    /// Everything that `stop` asked for is done.
    Stopped,
}
