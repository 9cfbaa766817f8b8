use std::time::Duration;

use ferrolb_sansio::Instant;

/// Keeps a flood of frames from taking the processor. A real-time thread that never sleeps starves its node, until the kernel
/// takes the processor away from it for longer than a VIP survives: a control group's `cpu.rt_runtime_us` is used up. So
/// hearing frames costs credit, which time gives back at a third of its speed; who has none rests, frames gather meanwhile,
/// and hearing many at once is cheaper than waking for each.
#[derive(Debug)]
pub(super) struct Pace {
    /// In nanoseconds; what is below zero is rested off.
    credit: i64,
    /// Until when time was counted.
    counted: Instant,
}

impl Pace {
    pub(super) const fn new(now: Instant) -> Self {
        Self { credit: MOST_CREDIT, counted: now }
    }

    /// How long to rest after a turn that began at `wake` and had heard its frames at `heard`.
    pub(super) fn rest(&mut self, wake: Instant, heard: Instant) -> Duration {
        let gained = nanos(heard.since(self.counted)) / SLOWER;
        let spent = nanos(heard.since(wake)) + WAKING;
        self.counted = heard;
        self.credit = (self.credit.saturating_add(gained)).min(MOST_CREDIT).saturating_sub(spent);
        if self.credit >= 0 {
            return Duration::ZERO;
        }
        let owed = Duration::from_nanos(self.credit.unsigned_abs().saturating_mul(SLOWER.unsigned_abs()));
        self.credit = self.credit.max(-nanos(LONGEST) / SLOWER);
        owed.clamp(SHORTEST, LONGEST)
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// What a thread may spend at once before it has to rest: a burst that comes with every change of owner.
const MOST_CREDIT: i64 = 2_000_000;
/// What waking costs beside what is done then: about as much, with two virtual processors and 20,000 frames a second.
const WAKING: i64 = 20_000;
/// Some frames gather even at a rate that is only just too high.
const SHORTEST: Duration = Duration::from_micros(250);
/// A fifth of the shortest interval of heartbeats.
const LONGEST: Duration = Duration::from_millis(5);
/// How much slower credit comes back than it is spent.
const SLOWER: i64 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Wakes for frames that come all the time and take `each` to hear in a turn; the share of a second spent awake, and the
    /// longest rest.
    fn busy(each: Duration, gap: Duration) -> (f64, Duration) {
        let mut now = Instant::ZERO;
        let mut pace = Pace::new(now);
        let (mut awake, mut longest) = (Duration::ZERO, Duration::ZERO);
        while now < Instant::ZERO + Duration::from_secs(1) {
            let wake = now;
            now += each;
            awake += each;
            let rest = pace.rest(wake, now);
            longest = longest.max(rest);
            now += rest.max(gap);
        }
        (awake.as_secs_f64(), longest)
    }

    #[test]
    fn what_a_segment_says_in_peace_is_heard_at_once() {
        let ten_thousand_a_second = busy(Duration::from_micros(5), Duration::from_micros(95));
        assert_eq!(ten_thousand_a_second.1, Duration::ZERO);
    }

    #[test]
    fn a_flood_leaves_more_than_half_of_the_processor() {
        for micros in [5, 50, 500, 2_000] {
            let (awake, longest) = busy(Duration::from_micros(micros), Duration::ZERO);
            assert!(awake < 0.4, "{micros} us at a time: {awake}");
            assert!(longest <= LONGEST);
        }
    }

    #[test]
    fn more_than_a_turn_can_hear_still_leaves_time_to_others() {
        let (awake, _) = busy(Duration::from_millis(20), Duration::ZERO);
        assert!(awake < 0.82, "{awake}");
    }

    #[test]
    fn a_burst_after_a_pause_is_heard_without_a_rest() {
        let mut pace = Pace::new(Instant::ZERO);
        let wake = Instant::ZERO + Duration::from_secs(1);
        assert_eq!(pace.rest(wake, wake + Duration::from_millis(1)), Duration::ZERO);
    }
}
