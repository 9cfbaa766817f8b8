//! The addresses of one family that one pool hands out: how many are free, and which is next.

use std::{collections::VecDeque, net::IpAddr, ops::RangeInclusive};

use ferrolb_model::Family;

use crate::book::{Book, Slot, Use, is_buggy};

/// The most released addresses whose order is remembered; those released longest ago count as never used.
pub(crate) const REMEMBERED: u64 = 1 << 20;

/// What the book says of the pool's addresses, added up, and where the search for the next one goes on. Addresses never
/// used since the start go first, in the pool's order from where the last one was given; then released ones, the longest
/// free first.
#[derive(Debug)]
pub(crate) struct Space {
    family: Family,
    ranges: Vec<RangeInclusive<u128>>,
    avoid_buggy: bool,
    /// Addresses that may ever be given; saturates.
    total: u128,
    /// Those of them that have a slot in the book.
    used: u128,
    /// Those of them that were given back.
    released: u64,
    /// Addresses that Services hold, those that end in .0 and .255 too.
    assigned: u64,
    cursor: Cursor,
    /// Released addresses with their time; some have been taken since, which only the book knows.
    queue: VecDeque<(u64, u128)>,
}

/// Where the search for a fresh address begins: a range, and a number in it.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    range: usize,
    number: u128,
}

impl Space {
    /// A space without addresses.
    pub(crate) fn new(family: Family) -> Self {
        Self {
            family,
            ranges: Vec::new(),
            avoid_buggy: false,
            total: 0,
            used: 0,
            released: 0,
            assigned: 0,
            cursor: Cursor::default(),
            queue: VecDeque::new(),
        }
    }

    /// These are its ranges now, which do not overlap. What it has counted is to be corrected by [`Self::account`].
    pub(crate) fn set_ranges(&mut self, ranges: Vec<RangeInclusive<u128>>, avoid_buggy: bool) {
        self.total = ranges.iter().map(|range| count(range, avoid_buggy)).fold(0, u128::saturating_add);
        self.ranges = ranges;
        self.avoid_buggy = avoid_buggy;
        let at = self.cursor.number;
        let range = self.ranges.iter().position(|range| range.contains(&at));
        self.cursor = match (range, self.ranges.first()) {
            (Some(range), _) => Cursor { range, number: at },
            (None, Some(first)) => Cursor { range: 0, number: *first.start() },
            (None, None) => Cursor::default(),
        };
    }

    /// Whether it has no addresses at all, free or not.
    pub(crate) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// How many addresses can be given; saturates.
    pub(crate) fn free(&self) -> u128 {
        (self.total - self.used).saturating_add(u128::from(self.released))
    }

    /// How many of its addresses Services hold.
    pub(crate) fn assigned(&self) -> u64 {
        self.assigned
    }

    /// Whether it gives out this number, one of its ranges.
    pub(crate) fn gives(&self, number: u128) -> bool {
        !(self.avoid_buggy && is_buggy(number))
    }

    /// An address of its ranges was in use like this and is now like that.
    pub(crate) fn account(&mut self, number: u128, was: Use, is: Use) {
        if was == is {
            return;
        }
        self.assigned += u64::from(is == Use::Held);
        self.assigned -= u64::from(was == Use::Held);
        if self.gives(number) {
            self.used += u128::from(is != Use::Fresh);
            self.used -= u128::from(was != Use::Fresh);
            self.released += u64::from(is == Use::Released);
            self.released -= u64::from(was == Use::Released);
        }
    }

    /// The address was given back at this time, which is later than any before. Returns one to be forgotten, if there are
    /// too many.
    pub(crate) fn queue(&mut self, at: u64, number: u128, book: &Book) -> Option<IpAddr> {
        self.queue.push_back((at, number));
        if self.queue.len() as u64 > 2 * self.released + 64 {
            let family = self.family;
            self.queue.retain(|(at, number)| is_released(book, family, *at, *number));
        }
        if self.released <= REMEMBERED {
            return None;
        }
        self.first_released(book).map(|number| self.family.address(number))
    }

    /// Released addresses come over from other spaces; those that went elsewhere go.
    pub(crate) fn requeue(&mut self, more: Vec<(u64, u128)>, is_here: impl Fn(u128) -> bool) {
        self.queue.retain(|(_, number)| is_here(*number));
        self.queue.extend(more);
        self.queue.make_contiguous().sort_unstable();
    }

    /// The number to give next.
    pub(crate) fn next(&mut self, book: &Book) -> Option<u128> {
        if self.used < self.total
            && let Some(cursor) = self.next_fresh(book)
        {
            // What was searched in vain is not searched again.
            self.cursor = cursor;
            return Some(cursor.number);
        }
        self.first_released(book)
    }

    fn first_released(&mut self, book: &Book) -> Option<u128> {
        while let Some((at, number)) = self.queue.front().copied() {
            if is_released(book, self.family, at, number) {
                return Some(number);
            }
            self.queue.pop_front();
        }
        None
    }

    fn next_fresh(&self, book: &Book) -> Option<Cursor> {
        let Cursor { range: at, number } = self.cursor;
        let here = self.ranges.get(at)?;
        let rest_of_here = (at, number..=*here.end());
        let start_of_here = (number > *here.start()).then(|| (at, *here.start()..=number - 1));
        let numbered = || self.ranges.iter().cloned().enumerate();
        std::iter::once(rest_of_here)
            .chain(numbered().skip(at + 1))
            .chain(numbered().take(at))
            .chain(start_of_here)
            .find_map(|(range, part)| {
                Some(Cursor { range, number: book.first_fresh(self.family, &part, self.avoid_buggy)? })
            })
    }

    /// Lets the search for a fresh address begin after this number.
    pub(crate) fn continue_after(&mut self, number: u128) {
        let Some(range) = self.ranges.iter().position(|range| range.contains(&number)) else { return };
        self.cursor = if number < *self.ranges[range].end() {
            Cursor { range, number: number + 1 }
        } else {
            let range = (range + 1) % self.ranges.len();
            Cursor { range, number: *self.ranges[range].start() }
        };
    }
}

fn is_released(book: &Book, family: Family, at: u64, number: u128) -> bool {
    matches!(book.get(family.address(number)), Some(Slot::Released(since)) if since == at)
}

fn count(range: &RangeInclusive<u128>, avoid_buggy: bool) -> u128 {
    let all = (range.end() - range.start()).saturating_add(1);
    if !avoid_buggy {
        return all;
    }
    let (start, end) = (*range.start(), *range.end());
    let up_to_end = 2 * (end / 256) + 1 + u128::from(end % 256 == 255);
    all - (up_to_end - (start.div_ceil(256) + start / 256))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A space and its book, as an allocator keeps them together.
    struct Kept {
        space: Space,
        book: Book,
    }

    impl Kept {
        fn new(ranges: &[RangeInclusive<u128>], avoid_buggy: bool) -> Self {
            let mut space = Space::new(Family::V6);
            space.set_ranges(ranges.to_vec(), avoid_buggy);
            Self { space, book: Book::default() }
        }

        fn set(&mut self, number: u128, slot: Option<Slot>) {
            let (was, is) = self.book.update(Family::V6.address(number), |_| slot);
            self.space.account(number, was, is);
        }

        fn take(&mut self, number: u128) {
            self.set(number, Some(Slot::Crowd(Box::default())));
        }

        fn release(&mut self, number: u128, at: u64) {
            self.set(number, Some(Slot::Released(at)));
            assert_eq!(self.space.queue(at, number, &self.book), None);
        }

        fn give(&mut self) -> Option<u128> {
            let number = self.space.next(&self.book)?;
            assert_eq!(self.space.next(&self.book), Some(number), "looking twice finds the same");
            self.take(number);
            Some(number)
        }
    }

    #[test]
    fn ranges_are_used_in_order_and_released_numbers_last() {
        let mut kept = Kept::new(&[20..=21, 10..=10], false);
        assert_eq!(kept.give(), Some(20));
        kept.release(20, 1);
        assert_eq!(kept.give(), Some(21));
        assert_eq!(kept.give(), Some(10));
        kept.release(10, 2);
        assert_eq!(kept.space.free(), 2);
        assert_eq!(kept.give(), Some(20), "the longest free comes first");
        assert_eq!(kept.give(), Some(10));
        assert_eq!(kept.give(), None);
        assert_eq!(kept.space.free(), 0);
    }

    #[test]
    fn one_taken_by_name_leaves_the_queue_and_joins_it_again_at_its_end() {
        let mut kept = Kept::new(&[1..=2], false);
        assert_eq!((kept.give(), kept.give()), (Some(1), Some(2)));
        kept.release(1, 1);
        kept.release(2, 2);
        kept.take(1);
        kept.release(1, 3);
        assert_eq!((kept.give(), kept.give(), kept.give()), (Some(2), Some(1), None));
    }

    #[test]
    fn the_search_wraps_round() {
        let mut kept = Kept::new(&[1..=3, 7..=8], false);
        kept.take(7);
        kept.space.continue_after(7);
        assert_eq!([kept.give(), kept.give(), kept.give()], [Some(8), Some(1), Some(2)]);
    }

    #[test]
    fn buggy_numbers_are_neither_given_nor_counted() {
        let mut kept = Kept::new(&[254..=258], true);
        assert_eq!(kept.space.free(), 3);
        let given: Vec<_> = std::iter::from_fn(|| kept.give()).collect();
        assert_eq!(given, [254, 257, 258]);
        assert_eq!(kept.space.free(), 0);
        assert!(Kept::new(&[255..=256], true).space.is_empty());
    }

    #[test]
    fn counting_agrees_with_walking() {
        for start in 250..260_u128 {
            for end in start..start + 600 {
                let walked = (start..=end).filter(|number| !is_buggy(*number)).count() as u128;
                assert_eq!(count(&(start..=end), true), walked, "{start}-{end}");
            }
        }
    }

    #[test]
    fn the_last_numbers_are_counted_too() {
        assert_eq!(count(&(u128::MAX - 257..=u128::MAX), true), 255);
        assert_eq!(count(&(0..=u128::MAX), true), u128::MAX / 256 * 254 + 253);
    }

    #[test]
    fn the_whole_of_ipv6_costs_no_more_than_a_handful() {
        let mut kept = Kept::new(&[0..=u128::MAX], false);
        assert_eq!(kept.give(), Some(0));
        kept.take(u128::MAX);
        kept.space.continue_after(u128::MAX);
        assert_eq!(kept.give(), Some(1), "after the last number the search begins anew");
        assert_eq!(kept.space.free(), u128::MAX - 3);
    }

    #[test]
    fn what_is_taken_out_of_the_queue_by_name_is_not_kept_for_ever() {
        let mut kept = Kept::new(&[1..=1], false);
        kept.give();
        for at in 1..10_000 {
            kept.release(1, at);
            kept.take(1);
        }
        assert!(kept.space.queue.len() < 100);
    }
}
