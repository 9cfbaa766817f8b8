use core::time::Duration;

use crate::Instant;

/// Permits a number of actions a second with a bounded burst.
///
/// It is kept as the time at which the bucket will be full again, so it costs one word and no division.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    full_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub const fn full() -> Self {
        Self { full_at: Instant::ZERO }
    }

    /// Takes one token at `now`, if there is one: one comes back every `interval`, at most `burst` are held.
    pub fn take(&mut self, now: Instant, interval: Duration, burst: u32) -> bool {
        let free = self.next(now, interval, burst) <= now;
        if free {
            self.full_at = self.full_at.max(now) + interval;
        }
        free
    }

    /// When the next token can be taken; `now` if there is one already.
    pub fn next(&self, now: Instant, interval: Duration, burst: u32) -> Instant {
        now.max((self.full_at + interval) - interval.saturating_mul(burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_a_burst_then_the_rate() {
        let (interval, burst) = (Duration::from_millis(10), 3);
        let mut bucket = TokenBucket::full();
        let start = Instant::from_millis(1_000);
        assert_eq!((0..10).filter(|_| bucket.take(start, interval, burst)).count(), 3);
        assert_eq!(bucket.next(start, interval, burst), start + interval);
        assert!(!bucket.take(start + Duration::from_millis(9), interval, burst));
        assert!(bucket.take(start + interval, interval, burst));
        let later = start + Duration::from_secs(60);
        assert_eq!((0..10).filter(|_| bucket.take(later, interval, burst)).count(), 3);
    }
}
