use core::time::Duration;

use ferrolb_sansio::{Instant, Rng};

use super::reason::Kindred;
use super::settings::Settings;
use super::state::Rest;

/// When to try again.
///
/// Quickly where nothing is wrong with either speaker; the more slowly, the oftener one refuses the other: a person has to
/// mend that, and a router that is asked again and again by every node is not helped.
#[derive(Debug)]
pub(crate) struct Retry {
    /// How long the next refusal rests.
    damped: Duration,
}

const DAMPED_FIRST: Duration = Duration::from_secs(5);
const DAMPED_MOST: Duration = Duration::from_secs(5 * 60);
const QUICK: Duration = Duration::from_millis(100);
const QUICK_SPREAD: Duration = Duration::from_millis(400);
/// A session that fails sooner than this is not one that was well.
const WELL: Duration = Duration::from_secs(10);

impl Retry {
    pub(crate) fn new() -> Self {
        Self { damped: DAMPED_FIRST }
    }

    /// What to do after the last transport ended; `up` is for how long the session was up, if it was.
    pub(crate) fn after(
        &mut self,
        now: Instant,
        kindred: Kindred,
        up: Option<Duration>,
        settings: &Settings,
        rng: &mut Rng,
    ) -> Rest {
        let was_well = up.is_some_and(|up| up >= WELL);
        match kindred {
            Kindred::Refusal => {
                // A session that was up for longer than it would rest begins anew.
                if up.is_some_and(|up| up >= self.damped) {
                    self.damped = DAMPED_FIRST;
                }
                let until = now + self.damped + rng.jitter(self.damped / 10);
                self.damped = (2 * self.damped).min(DAMPED_MOST);
                Rest::Damped { until }
            }
            Kindred::Renewal => Self::quickly(now, settings, rng),
            Kindred::Overdue => Rest::Trying { dial_at: settings.opening.dials().then_some(now) },
            Kindred::Transport if was_well => Self::quickly(now, settings, rng),
            Kindred::Transport => Self::later(now, settings, rng),
        }
    }

    /// Below a second, and not all speakers of a router at once.
    pub(crate) fn quickly(now: Instant, settings: &Settings, rng: &mut Rng) -> Rest {
        let dial_at = settings.opening.dials().then(|| now + QUICK + rng.jitter(QUICK_SPREAD));
        Rest::Trying { dial_at }
    }

    /// After the connect time, of which up to a quarter is left out (RFC 4271 §10).
    fn later(now: Instant, settings: &Settings, rng: &mut Rng) -> Rest {
        let time = settings.connect_time.max(Settings::LEAST_CONNECT_TIME);
        let dial_at = settings.opening.dials().then(|| now + time - rng.jitter(time / 4));
        Rest::Trying { dial_at }
    }
}
