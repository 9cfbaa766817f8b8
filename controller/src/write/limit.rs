//! How many requests may be in flight, learnt from how they are answered.
//!
//! The API server queues what it cannot serve, and a queue helps nobody: each request then takes longer, and the lease waits
//! behind. So the number grows while answers come quickly, by one an answer at first and then by one a round, and is halved
//! as soon as the API server refuses, fails or is slow; once for all the requests that were in flight at that time.

use std::time::Duration;

use ferrolb_runtime::backoff::Backoff;

/// The most requests in flight.
const MOST: u32 = 32;
/// Requests in flight at the start.
const FIRST: u32 = 8;
/// An answer that takes longer is a sign of a queue.
const SLOW: Duration = Duration::from_secs(1);
/// The longest pause that the API server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What an answer says about the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It works: done, or refused for a reason that lies in the request.
    Served,
    /// It has too much to do, and may have said for how long.
    Busy(Option<Duration>),
    /// It failed, could not be reached or did not answer in time.
    Failing,
}

/// The number of requests that may be in flight.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    allowed: f64,
    /// Whether the number was never cut: it then doubles with every round.
    is_first_rise: bool,
    /// Boot time of the last cut.
    cut: Duration,
    /// Boot time before which nothing is sent.
    closed_until: Duration,
    backoff: Backoff,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            allowed: f64::from(FIRST),
            is_first_rise: true,
            cut: Duration::ZERO,
            closed_until: Duration::ZERO,
            backoff: Backoff::default(),
        }
    }
}

impl Limit {
    /// Whether another request may be sent at `now`, boot time, beside `in_flight` others.
    pub(crate) fn has_room(&self, in_flight: usize, now: Duration) -> bool {
        self.closed_until <= now && in_flight < self.allowed()
    }

    /// When requests may be sent again, if they may not be sent at `now`.
    pub(crate) fn opens(&self, now: Duration) -> Option<Duration> {
        (self.closed_until > now).then_some(self.closed_until)
    }

    /// Requests that may be in flight at a time.
    pub(crate) fn allowed(&self) -> usize {
        // Between 1 and MOST by construction.
        self.allowed as usize
    }

    /// An answer came at `now` to a request of `sent`. `random` is any number.
    pub(crate) fn answered(&mut self, signal: Signal, sent: Duration, now: Duration, random: u32) {
        // What was sent before the last cut tells what is known already.
        let is_news = sent >= self.cut;
        match signal {
            Signal::Served => {
                self.backoff.succeeded();
                if now.saturating_sub(sent) < SLOW {
                    self.rise();
                } else if is_news {
                    self.fall(now);
                }
            }
            Signal::Busy(asked) => {
                if is_news {
                    self.fall(now);
                    let pause = asked.unwrap_or_else(|| self.backoff.failed(random)).min(LONGEST_PAUSE);
                    self.closed_until = self.closed_until.max(now + pause);
                }
            }
            Signal::Failing => {
                if is_news {
                    self.fall(now);
                    self.closed_until = self.closed_until.max(now + self.backoff.failed(random));
                }
            }
        }
    }

    fn rise(&mut self) {
        let step = if self.is_first_rise { 1.0 } else { 1.0 / self.allowed };
        self.allowed = (self.allowed + step).min(f64::from(MOST));
    }

    fn fall(&mut self, now: Duration) {
        self.allowed = (self.allowed / 2.0).max(1.0);
        self.is_first_rise = false;
        self.cut = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(5);

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(1_000_000 + milliseconds)
    }

    fn served(limit: &mut Limit, rounds: usize, mut now: Duration) -> Duration {
        for _ in 0..rounds {
            for _ in 0..limit.allowed() {
                limit.answered(Signal::Served, now, now + QUICK, 0);
            }
            now += QUICK;
        }
        now
    }

    #[test]
    fn it_is_whole_after_two_quick_rounds() {
        let mut limit = Limit::default();
        served(&mut limit, 2, at(0));
        assert_eq!(limit.allowed(), MOST as usize);
        assert!(!limit.has_room(MOST as usize, at(100)));
    }

    #[test]
    fn one_burst_of_refusals_halves_it_once_and_closes_it_for_as_long_as_asked() {
        let mut limit = Limit::default();
        let now = served(&mut limit, 2, at(0));
        for _ in 0..MOST {
            let asked = Some(Duration::from_secs(2));
            limit.answered(Signal::Busy(asked), now, now + QUICK, 0);
        }
        assert_eq!(limit.allowed(), 16);
        assert_eq!(limit.opens(now + QUICK), Some(now + QUICK + Duration::from_secs(2)));
        assert!(!limit.has_room(0, now + Duration::from_secs(2)));
        assert!(limit.has_room(0, now + QUICK + Duration::from_secs(2)));
    }

    #[test]
    fn after_a_cut_it_grows_by_one_a_round() {
        let mut limit = Limit::default();
        let now = served(&mut limit, 2, at(0));
        limit.answered(Signal::Busy(None), now, now + QUICK, 0);
        served(&mut limit, 4, now + QUICK);
        assert!((19..=20).contains(&limit.allowed()), "{}", limit.allowed());
    }

    #[test]
    fn slow_answers_make_it_smaller_and_never_stop_it() {
        let mut limit = Limit::default();
        let mut now = at(0);
        for _ in 0..20 {
            limit.answered(Signal::Served, now, now + SLOW, 0);
            now += SLOW;
        }
        assert_eq!(limit.allowed(), 1);
        assert!(limit.has_room(0, now));
    }

    #[test]
    fn an_api_server_that_is_away_is_asked_more_and_more_rarely() {
        let mut limit = Limit::default();
        let (mut now, mut tries) = (at(0), 0);
        while now < at(60_000) {
            limit.answered(Signal::Failing, now, now, u32::MAX);
            now = limit.opens(now).unwrap();
            tries += 1;
        }
        assert!((15..25).contains(&tries), "{tries} in a minute");
        limit.answered(Signal::Served, now, now + QUICK, 0);
        assert!(limit.has_room(0, now + QUICK));
    }
}
