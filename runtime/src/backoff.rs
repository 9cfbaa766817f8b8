//! Pauses between tries that grow.

use std::time::Duration;

/// Pauses that double from 50 ms to about 5 s, each somewhere between half of that and all of it, so that many who
/// failed together do not come again together.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The first pause, at most.
    pub const FIRST: Duration = Duration::from_millis(50);
    /// The longest pause.
    pub const LONGEST: Duration = Duration::from_secs(5);

    /// Something failed: how long to wait before it is tried again. `random` is any number.
    pub fn failed(&mut self, random: u32) -> Duration {
        let whole = (Self::FIRST * 2_u32.saturating_pow(self.failures.min(16))).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// It went well: the next failure is a first one again. Returns how many there were in a row.
    pub fn succeeded(&mut self) -> u32 {
        std::mem::take(&mut self.failures)
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// A number for [`Backoff::failed`].
pub fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_seconds_and_start_over_after_a_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..9).map(|_| backoff.failed(u32::MAX).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff.succeeded(), 9);
        assert_eq!(backoff.failed(0).as_millis(), 25, "half at least");
    }
}
