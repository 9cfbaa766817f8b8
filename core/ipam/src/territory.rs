//! Which pool has an address. Segments of numbers of one family, in order, so that two versions can be compared.

use std::ops::RangeInclusive;

/// Stands for a pool while it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PoolIndex(pub(crate) u32);

/// Where an address is at home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// The pool that has it.
    pub(crate) pool: PoolIndex,
    /// Whether the pool excludes it.
    pub(crate) is_excluded: bool,
}

/// The numbers of one family that pools have.
#[derive(Debug, Default)]
pub(crate) struct Territory {
    segments: Vec<Segment>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    first: u128,
    last: u128,
    home: Home,
}

/// Numbers whose home is another than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) range: RangeInclusive<u128>,
    pub(crate) from: Option<Home>,
    pub(crate) to: Option<Home>,
}

impl Territory {
    /// Of segments in any order that do not overlap.
    pub(crate) fn new(homes: impl Iterator<Item = (RangeInclusive<u128>, Home)>) -> Self {
        let mut segments: Vec<_> =
            homes.map(|(range, home)| Segment { first: *range.start(), last: *range.end(), home }).collect();
        segments.sort_by_key(|segment| segment.first);
        Self { segments }
    }

    pub(crate) fn home(&self, number: u128) -> Option<Home> {
        let after = self.segments.partition_point(|segment| segment.first <= number);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        (number <= segment.last).then_some(segment.home)
    }

    /// What `after` does not have as `self` has it; `is_alike` compares two homes.
    pub(crate) fn difference(
        &self,
        after: &Self,
        is_alike: impl Fn(Option<Home>, Option<Home>) -> bool,
    ) -> Vec<Moved> {
        let (mut old, mut new) = (self.segments.iter().peekable(), after.segments.iter().peekable());
        let mut moved = Vec::new();
        let mut first = 0;
        loop {
            while old.next_if(|segment| segment.last < first).is_some() {}
            while new.next_if(|segment| segment.last < first).is_some() {}
            let (from, until) = from_here(old.peek().copied(), first);
            let (to, also_until) = from_here(new.peek().copied(), first);
            let last = until.min(also_until);
            if !is_alike(from, to) {
                moved.push(Moved { range: first..=last, from, to });
            }
            match last.checked_add(1) {
                Some(next) => first = next,
                None => return moved,
            }
        }
    }
}

/// Which home the number has, and up to which number that is so.
fn from_here(segment: Option<&Segment>, number: u128) -> (Option<Home>, u128) {
    match segment {
        Some(segment) if segment.first <= number => (Some(segment.home), segment.last),
        Some(segment) => (None, segment.first - 1),
        None => (None, u128::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(pool: u32) -> Home {
        Home { pool: PoolIndex(pool), is_excluded: false }
    }

    fn territory(segments: &[(u128, u128, u32)]) -> Territory {
        Territory::new(segments.iter().map(|(first, last, pool)| (*first..=*last, home(*pool))))
    }

    #[test]
    fn an_address_is_at_home_from_the_first_number_to_the_last() {
        let all = territory(&[(10, 19, 1), (0, 4, 2), (30, u128::MAX, 3)]);
        for (number, pool) in
            [(0, Some(2)), (4, Some(2)), (5, None), (10, Some(1)), (19, Some(1)), (20, None)]
        {
            assert_eq!(all.home(number), pool.map(home), "{number}");
        }
        assert_eq!(all.home(u128::MAX), Some(home(3)));
        assert_eq!(Territory::default().home(0), None);
    }

    #[test]
    fn the_difference_is_what_has_another_home_and_nothing_else() {
        let old = territory(&[(0, 9, 1), (20, 29, 2)]);
        let new = territory(&[(0, 4, 1), (5, 24, 3), (25, 29, 2), (u128::MAX, u128::MAX, 4)]);
        let moved = old.difference(&new, |from, to| from == to);
        let told: Vec<_> = moved
            .iter()
            .map(|one| {
                let pool = |home: Option<Home>| home.map(|home| home.pool.0);
                (*one.range.start(), *one.range.end(), pool(one.from), pool(one.to))
            })
            .collect();
        assert_eq!(
            told,
            [
                (5, 9, Some(1), Some(3)),
                (10, 19, None, Some(3)),
                (20, 24, Some(2), Some(3)),
                (u128::MAX, u128::MAX, None, Some(4)),
            ]
        );
        assert!(new.difference(&new, |from, to| from == to).is_empty());
        let all =
            |from: Option<Home>, to: Option<Home>| from == to && from.is_none_or(|home| home.pool.0 != 2);
        assert_eq!(old.difference(&old, all).len(), 1, "a pool may be looked at again as a whole");
    }
}
