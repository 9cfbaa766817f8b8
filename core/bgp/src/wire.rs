//! Messages between speakers: framing first, then checked views, then types that can be acted on.
//!
//! A [`Framer`] cuts the stream into frames, [`decode`] makes a [`Message`] of one. What we send is appended to a
//! buffer of the caller: [`Open::encode`], [`keepalive`], [`Notification::encode`], [`RouteRefresh::encode`], and for
//! routes [`Announcement`], [`Withdrawal`] and [`end_of_rib`]. Nothing here panics, whatever the bytes.

mod announce;
mod attribute;
mod capability;
mod check;
mod codes;
mod cursor;
mod error;
mod fault;
mod frame;
mod message;
mod negotiated;
mod nlri;
mod notification;
mod open;
mod path;
mod raw;
mod reach;
mod refresh;
mod update;

pub use announce::{Announcement, CannotAnnounce, Withdrawal, end_of_rib};
pub use capability::{Capability, ExtendedNextHop, GracefulFamily, GracefulRestart};
pub use codes::{CeaseCode, ErrorCode, FsmCode, HeaderCode, OpenCode, RefreshCode, UpdateCode};
pub use error::{HeaderError, MessageError, OpenError, TooLong};
pub use fault::{Action, Cause, Fault, PathProblem};
pub use frame::{Frame, Framer, Kind, MAX_EXTENDED_LEN, MAX_LEN};
pub use message::{Message, decode, keepalive};
pub use negotiated::Negotiated;
pub use notification::Notification;
pub use open::Open;
pub use refresh::{RefreshKind, RouteRefresh};
pub use update::{Counts, Update};
