use core::fmt;
use core::num::{NonZeroU8, NonZeroU32};

use crate::{Diagnostic, Interval};

/// The name one end has for a session, unique among its own (RFC 5880 §6.3); never zero, which means "not known yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Discriminator(NonZeroU32);

impl Discriminator {
    /// None for zero.
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// As packets carry it.
    pub const fn value(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Discriminator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

/// The state of one end of a session (RFC 5880 §6.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum State {
    /// Switched off.
    AdminDown,
    /// The other end is not heard, or says that it is down.
    #[default]
    Down,
    /// The other end is heard, and does not say that it hears this one.
    Init,
    /// Both hear each other.
    Up,
}

impl State {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::AdminDown, Self::Down, Self::Init, Self::Up];

    const fn from_bits(flags: u8) -> Self {
        match flags >> 6 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }

    const fn bits(self) -> u8 {
        let code = match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        };
        code << 6
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// A control packet (RFC 5880 §4.1) whose own fields are sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Why the sender last changed its state.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// P: an answer is asked for.
    pub poll: bool,
    /// F: this is the answer.
    pub is_final: bool,
    /// C: the sender's BFD outlives its control plane.
    pub independent: bool,
    /// A: an authentication section follows, which is not read.
    pub authenticated: bool,
    /// D: the sender asks for no periodic packets.
    pub demand: bool,
    /// How many packets in a row may be missed.
    pub multiplier: NonZeroU8,
    /// The sender's name for the session.
    pub mine: Discriminator,
    /// The receiver's name for it, if the sender knows that.
    pub yours: Option<Discriminator>,
    /// The sender sends no faster.
    pub desired_min_tx: Interval,
    /// The sender can receive no faster; zero: nothing periodic at all.
    pub required_min_rx: Interval,
    /// The sender can return echoes no faster; zero: none at all.
    pub required_min_echo_rx: Interval,
}

impl Packet {
    /// Octets of a packet without authentication.
    pub const LEN: usize = 24;
    const VERSION: u8 = 1;
    /// An authentication section has at least a type and a length (RFC 5880 §4.1).
    const LEN_AUTHENTICATED: usize = Self::LEN + 2;

    const POLL: u8 = 0x20;
    const FINAL: u8 = 0x10;
    const INDEPENDENT: u8 = 0x08;
    const AUTHENTICATED: u8 = 0x04;
    const DEMAND: u8 = 0x02;
    const MULTIPOINT: u8 = 0x01;

    /// Reads the payload of a datagram, checked as far as that needs no session, in the order of RFC 5880 §6.8.6.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn parse(payload: &[u8]) -> Result<Self, Discard> {
        let &[
            first,
            flags,
            multiplier,
            len,
            m0,
            m1,
            m2,
            m3,
            y0,
            y1,
            y2,
            y3,
            t0,
            t1,
            t2,
            t3,
            r0,
            r1,
            r2,
            r3,
            e0,
            e1,
            e2,
            e3,
        ] = payload.first_chunk::<{ Self::LEN }>().ok_or(Discard::Length)?;
        if first >> 5 != Self::VERSION {
            return Err(Discard::Version);
        }
        let authenticated = flags & Self::AUTHENTICATED != 0;
        let least = if authenticated { Self::LEN_AUTHENTICATED } else { Self::LEN };
        if !(least..=payload.len()).contains(&usize::from(len)) {
            return Err(Discard::Length);
        }
        let multiplier = NonZeroU8::new(multiplier).ok_or(Discard::ZeroMultiplier)?;
        if flags & Self::MULTIPOINT != 0 {
            return Err(Discard::Multipoint);
        }
        let mine =
            Discriminator::new(u32::from_be_bytes([m0, m1, m2, m3])).ok_or(Discard::ZeroDiscriminator)?;
        Ok(Self {
            diagnostic: Diagnostic::from_code(first),
            state: State::from_bits(flags),
            poll: flags & Self::POLL != 0,
            is_final: flags & Self::FINAL != 0,
            independent: flags & Self::INDEPENDENT != 0,
            authenticated,
            demand: flags & Self::DEMAND != 0,
            multiplier,
            mine,
            yours: Discriminator::new(u32::from_be_bytes([y0, y1, y2, y3])),
            desired_min_tx: Interval::from_micros(u32::from_be_bytes([t0, t1, t2, t3])),
            required_min_rx: Interval::from_micros(u32::from_be_bytes([r0, r1, r2, r3])),
            required_min_echo_rx: Interval::from_micros(u32::from_be_bytes([e0, e1, e2, e3])),
        })
    }

    /// The octets of it, without authentication whatever [`Self::authenticated`] says.
    pub fn emit(&self) -> [u8; Self::LEN] {
        let flag = |set, bit| if set { bit } else { 0 };
        let flags = self.state.bits()
            | flag(self.poll, Self::POLL)
            | flag(self.is_final, Self::FINAL)
            | flag(self.independent, Self::INDEPENDENT)
            | flag(self.demand, Self::DEMAND);
        let [m0, m1, m2, m3] = self.mine.value().to_be_bytes();
        let [y0, y1, y2, y3] = self.yours.map_or(0, Discriminator::value).to_be_bytes();
        let [t0, t1, t2, t3] = self.desired_min_tx.micros().to_be_bytes();
        let [r0, r1, r2, r3] = self.required_min_rx.micros().to_be_bytes();
        let [e0, e1, e2, e3] = self.required_min_echo_rx.micros().to_be_bytes();
        let first = Self::VERSION << 5 | self.diagnostic.code();
        let (multiplier, len) = (self.multiplier.get(), Self::LEN as u8);
        [
            first, flags, multiplier, len, m0, m1, m2, m3, y0, y1, y2, y3, t0, t1, t2, t3, r0, r1, r2, r3,
            e0, e1, e2, e3,
        ]
    }
}

/// Why a packet was discarded; the order is that of RFC 5880 §6.8.6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, thiserror::Error)]
pub enum Discard {
    /// Another version than 1.
    #[error("its version is not 1")]
    Version,
    /// Shorter than a packet, or shorter or longer than its length field says.
    #[error("its length is not that of a control packet")]
    Length,
    /// A detect multiplier of zero.
    #[error("its detect multiplier is zero")]
    ZeroMultiplier,
    /// The M bit is set.
    #[error("it is for many receivers")]
    Multipoint,
    /// My Discriminator is zero.
    #[error("its sender names no discriminator of its own")]
    ZeroDiscriminator,
    /// Your Discriminator is of no session.
    #[error("no session has the discriminator it is for")]
    UnknownDiscriminator,
    /// Your Discriminator is zero and the state is Init or Up.
    #[error("it names no session although its sender claims to hear this node")]
    UnnamedSession,
    /// Your Discriminator is zero and no session is with that address on that interface.
    #[error("no session is with its sender")]
    UnknownPeer,
    /// The session is with another address, on another interface, or over the other port.
    #[error("its session is with another address, interface or port")]
    ElsewhereFrom,
    /// It came over more hops than the session permits (RFC 5881 §5, RFC 5082).
    #[error("it came from further away than its session permits")]
    Ttl,
    /// The A bit is set and no authentication is in use.
    #[error("it is authenticated, which no session here is")]
    Authenticated,
    /// The session is switched off.
    #[error("its session is administratively down")]
    AdminDown,
}

impl Discard {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::Version,
        Self::Length,
        Self::ZeroMultiplier,
        Self::Multipoint,
        Self::ZeroDiscriminator,
        Self::UnknownDiscriminator,
        Self::UnnamedSession,
        Self::UnknownPeer,
        Self::ElsewhereFrom,
        Self::Ttl,
        Self::Authenticated,
        Self::AdminDown,
    ];

    /// A word for it, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Length => "length",
            Self::ZeroMultiplier => "zero-multiplier",
            Self::Multipoint => "multipoint",
            Self::ZeroDiscriminator => "zero-discriminator",
            Self::UnknownDiscriminator => "unknown-discriminator",
            Self::UnnamedSession => "unnamed-session",
            Self::UnknownPeer => "unknown-peer",
            Self::ElsewhereFrom => "elsewhere-from",
            Self::Ttl => "ttl",
            Self::Authenticated => "authenticated",
            Self::AdminDown => "admin-down",
        }
    }
}
