use core::time::Duration;

use ferrolb_sansio::{Instant, TokenBucket};

use crate::Mac;

/// A rate limit for each station by itself, in bounded memory: nobody can use up another one's share.
///
/// Stations share a slot only if their addresses collide; the newcomer then takes the slot over and starts with a
/// full bucket, so that a collision never silences anybody.
#[derive(Clone, Debug)]
pub struct PerStation {
    slots: Vec<(Mac, TokenBucket)>,
    interval: Duration,
    burst: u32,
}

impl PerStation {
    const SLOTS: usize = 1024;

    /// Permits each station `per_second` actions a second (at least one) and `burst` at once.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { slots: vec![(Mac::default(), TokenBucket::full()); Self::SLOTS], interval, burst }
    }

    /// Whether `mac` may act now; if so it is counted.
    pub fn take(&mut self, now: Instant, mac: Mac) -> bool {
        let (interval, burst) = (self.interval, self.burst);
        self.bucket(mac).take(now, interval, burst)
    }

    /// Whether `mac` has used up its share.
    pub fn exhausted(&mut self, now: Instant, mac: Mac) -> bool {
        let (interval, burst) = (self.interval, self.burst);
        self.bucket(mac).next(now, interval, burst) > now
    }

    fn bucket(&mut self, mac: Mac) -> &mut TokenBucket {
        let slot = &mut self.slots[slot_of(mac)];
        if slot.0 != mac {
            *slot = (mac, TokenBucket::full());
        }
        &mut slot.1
    }
}

fn slot_of(mac: Mac) -> usize {
    let mixed = mac.0.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x100_0000_01b3)
    });
    usize::try_from((mixed ^ (mixed >> 32)) % PerStation::SLOTS as u64).expect("a slot number is small")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_station_cannot_use_up_the_share_of_another() {
        let mut limit = PerStation::new(10, 5);
        let now = Instant::from_millis(1);
        let (loud, quiet) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        assert_eq!((0..100).filter(|_| limit.take(now, loud)).count(), 5);
        assert!(limit.exhausted(now, loud));
        assert!(limit.take(now, quiet));
        assert!(limit.take(now + Duration::from_millis(100), loud));
    }
}
