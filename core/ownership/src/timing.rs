use core::time::Duration;

use crate::Timing;

/// How long a rank waits for the one before it to act.
pub(crate) const RANK_SLOT: Duration = Duration::from_millis(15);

impl Timing {
    /// `T` for a segment with this many speakers, this one included: 0.8 ms each, but not below the least.
    pub(crate) fn interval(self, speakers: u32) -> Duration {
        self.min_interval.max(Duration::from_micros(800) * speakers)
    }

    /// `D`: how long a speaker with this interval may be unheard before it counts as silent. Its beats may be 5 %
    /// late each; 10 ms are for the wire and both hosts.
    pub(crate) fn silence(self, interval: Duration) -> Duration {
        interval * self.missed * 105 / 100 + Duration::from_millis(10)
    }
}

/// The own heartbeat's interval; it grows three beats after that was announced, so that nobody is taken for silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// What is kept now.
    pub(crate) current: Duration,
    /// What is announced.
    pub(crate) announced: Duration,
    beats: u8,
}

impl Pace {
    const BEATS_BEFORE_GROWTH: u8 = 3;

    pub(crate) fn new(interval: Duration) -> Self {
        Self { current: interval, announced: interval, beats: 0 }
    }

    /// A heartbeat goes out and announces an interval; `wanted` is what the segment's size asks for.
    pub(crate) fn beat(&mut self, wanted: Duration) {
        if wanted <= self.current {
            *self = Self::new(wanted);
        } else if wanted != self.announced {
            (self.announced, self.beats) = (wanted, 0);
        } else {
            self.beats += 1;
            if self.beats >= Self::BEATS_BEFORE_GROWTH {
                *self = Self::new(wanted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_speakers_are_silent_after_265_ms() {
        let timing = Timing::REALTIME;
        assert_eq!(timing.interval(3), Duration::from_millis(25));
        assert_eq!(timing.silence(timing.interval(3)), Duration::from_micros(88_750));
        assert_eq!(timing.silence(timing.interval(100)), Duration::from_millis(262));
    }

    #[test]
    fn growth_is_announced_three_beats_ahead_and_shrinking_is_not() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(25));
        let kept: Vec<_> = (0..5)
            .map(|_| {
                pace.beat(ms(40));
                (pace.announced, pace.current)
            })
            .collect();
        let (early, late) = ((ms(40), ms(25)), (ms(40), ms(40)));
        assert_eq!(kept, [early, early, early, late, late]);
        pace.beat(ms(25));
        assert_eq!(pace.current, ms(25));
    }
}
