use core::fmt;
use core::time::Duration;

/// Microseconds as packets carry them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Interval(u32);

impl Interval {
    /// Faster than this nobody sends who is not up (RFC 5880 §6.8.3).
    pub const SLOW: Self = Self(1_000_000);

    /// So many microseconds.
    pub const fn from_micros(micros: u32) -> Self {
        Self(micros)
    }

    /// Microseconds.
    pub const fn micros(self) -> u32 {
        self.0
    }

    /// The same as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0 as u64)
    }

    /// Whether it means "never": a peer that wants to receive nothing says so by it.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// `duration` rounded down to whole microseconds; none if no packet can carry it.
    pub fn of(duration: Duration) -> Option<Self> {
        u32::try_from(duration.as_micros()).ok().map(Self)
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.duration())
    }
}
