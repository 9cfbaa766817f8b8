/// Which sequence numbers of a sender were seen: the newest, and the 256 before it (as RFC 4303 §3.4.3).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Window {
    newest: u64,
    /// Bit 0 of the first word stands for the newest.
    seen: [u64; WORDS],
}

/// A speaker that hands over hundreds of VIPs says hundreds of things at once, and networks reorder.
const WORDS: usize = 4;
const SIZE: u64 = 64 * WORDS as u64;

/// What a sequence number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Order {
    /// Newer than all before: what it says of its sender holds.
    Newest,
    /// Not seen yet, but a newer one was.
    Late,
    /// Seen before, or too old to tell.
    Replayed,
}

impl Window {
    pub(crate) fn take(&mut self, sequence: u64) -> Order {
        if sequence > self.newest {
            self.shift(sequence - self.newest);
            self.newest = sequence;
            self.seen[0] |= 1;
            return Order::Newest;
        }
        let behind = self.newest - sequence;
        if behind >= SIZE {
            return Order::Replayed;
        }
        let (word, bit) = ((behind / 64) as usize, 1 << (behind % 64));
        if self.seen[word] & bit != 0 {
            return Order::Replayed;
        }
        self.seen[word] |= bit;
        Order::Late
    }

    fn shift(&mut self, ahead: u64) {
        if ahead >= SIZE {
            self.seen = [0; WORDS];
            return;
        }
        let (words, bits) = ((ahead / 64) as usize, ahead % 64);
        for at in (0..WORDS).rev() {
            let whole = at.checked_sub(words).map_or(0, |from| self.seen[from]);
            let rest = at.checked_sub(words + 1).map_or(0, |from| self.seen[from]);
            self.seen[at] = if bits == 0 { whole } else { whole << bits | rest >> (64 - bits) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order::{Late, Newest, Replayed};
    use super::*;

    fn orders(sequence: &[u64]) -> Vec<Order> {
        let mut window = Window::default();
        sequence.iter().map(|n| window.take(*n)).collect()
    }

    #[test]
    fn each_number_is_taken_once() {
        let numbers = [1, 2, 5, 3, 3, 5, 300, 299, 44, 45, 300];
        let expected =
            [Newest, Newest, Newest, Late, Replayed, Replayed, Newest, Late, Replayed, Late, Replayed];
        assert_eq!(orders(&numbers), expected);
    }

    #[test]
    fn what_was_seen_stays_seen_however_far_the_window_moves() {
        for ahead in [1, 63, 64, 65, 128, 200, 250] {
            let numbers = [1_000, 1_000 + ahead, 1_000, 999];
            assert_eq!(orders(&numbers), [Newest, Newest, Replayed, Late], "{ahead} ahead");
        }
        assert_eq!(orders(&[1_000, 1_256, 1_000, 1_001]), [Newest, Newest, Replayed, Late]);
    }
}
