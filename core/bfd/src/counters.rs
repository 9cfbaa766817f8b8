use crate::Discard;

/// What happened to packets since the table was made; only ever grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Packets that some session took.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// Events nobody took in time.
    pub events_dropped: u64,
    discarded: [u64; Discard::ALL.len()],
}

impl Counters {
    /// How many packets were discarded, for each reason there is.
    pub fn discarded(&self) -> impl Iterator<Item = (Discard, u64)> {
        Discard::ALL.into_iter().zip(self.discarded)
    }

    pub(crate) fn discard(&mut self, why: Discard) {
        self.discarded[why as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_counted_in_a_place_of_its_own() {
        let mut counters = Counters::default();
        for (times, why) in Discard::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| counters.discard(why));
        }
        for (times, (why, counted)) in counters.discarded().enumerate() {
            assert_eq!((why as usize, counted), (times, times as u64 + 1));
        }
    }
}
