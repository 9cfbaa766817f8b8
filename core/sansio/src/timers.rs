use crate::Instant;

/// A fixed set of timers, one for each variant of a protocol's own enum.
///
/// `N` is the number of variants; a timer is named by anything that converts to its index (`Timer as usize`).
#[derive(Clone, Debug)]
pub struct TimerTable<const N: usize> {
    expiries: [Option<Instant>; N],
}

impl<const N: usize> TimerTable<N> {
    /// A table with every timer stopped.
    pub const fn new() -> Self {
        Self { expiries: [None; N] }
    }

    /// Arms `timer`, replacing its earlier expiry. Indices beyond the table are a bug of the caller and panic.
    pub fn set(&mut self, timer: usize, at: Instant) {
        self.expiries[timer] = Some(at);
    }

    /// Arms `timer` unless it already expires sooner.
    pub fn set_earlier(&mut self, timer: usize, at: Instant) {
        self.expiries[timer] = Some(self.expiries[timer].map_or(at, |before| before.min(at)));
    }

    /// Disarms `timer`.
    pub fn stop(&mut self, timer: usize) {
        self.expiries[timer] = None;
    }

    /// When `timer` expires, if it is armed.
    pub fn get(&self, timer: usize) -> Option<Instant> {
        self.expiries[timer]
    }

    /// Whether `timer` is due at `now`; if so it is disarmed.
    pub fn expire(&mut self, timer: usize, now: Instant) -> bool {
        let due = self.expiries[timer].is_some_and(|at| at <= now);
        if due {
            self.stop(timer);
        }
        due
    }

    /// The earliest expiry of all.
    pub fn next(&self) -> Option<Instant> {
        self.expiries.iter().flatten().min().copied()
    }
}

impl<const N: usize> Default for TimerTable<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expires_once_and_names_the_earliest() {
        let mut timers = TimerTable::<2>::new();
        timers.set(0, Instant::from_millis(5));
        timers.set(1, Instant::from_millis(3));
        timers.set_earlier(1, Instant::from_millis(9));
        assert_eq!(timers.next(), Some(Instant::from_millis(3)));
        assert!(!timers.expire(1, Instant::from_millis(2)));
        assert!(timers.expire(1, Instant::from_millis(3)));
        assert!(!timers.expire(1, Instant::from_millis(4)));
        assert_eq!(timers.next(), Some(Instant::from_millis(5)));
    }
}
