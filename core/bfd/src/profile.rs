use core::num::NonZeroU8;
use core::time::Duration;

use crate::Interval;

/// How one end of a session is to behave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    pub(crate) transmit: Interval,
    pub(crate) receive: Interval,
    pub(crate) multiplier: NonZeroU8,
    pub(crate) passive: bool,
    pub(crate) minimum_ttl: u8,
}

impl Profile {
    /// Detection within 900 ms.
    pub const DEFAULT_INTERVAL: Duration = Duration::from_millis(300);
    /// As above.
    pub const DEFAULT_MULTIPLIER: u8 = 3;
    /// Faster than this no timer of ours can be trusted.
    pub const LEAST_INTERVAL: Duration = Duration::from_millis(1);
    /// Slower than this is no detection.
    pub const GREATEST_INTERVAL: Duration = Duration::from_secs(60);

    /// Sends every `transmit`, wants to receive every `receive`, and is taken for dead after `multiplier` packets are missed:
    /// an active end that takes packets over any number of hops.
    ///
    /// # Errors
    /// An interval is out of bounds, or the multiplier is zero.
    pub fn new(transmit: Duration, receive: Duration, multiplier: u8) -> Result<Self, ProfileError> {
        let bounds = Self::LEAST_INTERVAL..=Self::GREATEST_INTERVAL;
        let interval = |interval| Interval::of(interval).filter(|_| bounds.contains(&interval));
        Ok(Self {
            transmit: interval(transmit).ok_or(ProfileError::Interval(transmit))?,
            receive: interval(receive).ok_or(ProfileError::Interval(receive))?,
            multiplier: NonZeroU8::new(multiplier).ok_or(ProfileError::Multiplier)?,
            passive: false,
            minimum_ttl: 0,
        })
    }

    /// The same, saying nothing before the peer was heard (RFC 5880 §6.1) or not.
    #[must_use]
    pub const fn passive(self, passive: bool) -> Self {
        Self { passive, ..self }
    }

    /// The same, over several hops discarding packets with a lower time to live than this. Over one hop it is always 255.
    #[must_use]
    pub const fn minimum_ttl(self, minimum_ttl: u8) -> Self {
        Self { minimum_ttl, ..self }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new(Self::DEFAULT_INTERVAL, Self::DEFAULT_INTERVAL, Self::DEFAULT_MULTIPLIER)
            .expect("the defaults are within their own bounds")
    }
}

/// A profile that cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProfileError {
    /// An interval out of bounds.
    #[error("an interval of {0:?} is not within 1 ms and 60 s")]
    Interval(Duration),
    /// Zero.
    #[error("a detect multiplier of 0 would take every peer for dead; use 1 to 255")]
    Multiplier,
}
