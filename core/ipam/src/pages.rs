//! Pages by number: found by hashing, for that is what every event does; walked in order, which only edits do.

use std::{collections::BTreeSet, ops::RangeInclusive};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Pages by number.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    /// Only looked things up in.
    pages: HashMap<u128, T, FixedState>,
    order: BTreeSet<u128>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: HashMap::default(), order: BTreeSet::new() }
    }
}

impl<T: Default> Pages<T> {
    pub(crate) fn get(&self, number: u128) -> Option<&T> {
        self.pages.get(&number)
    }

    pub(crate) fn get_or_insert(&mut self, number: u128) -> &mut T {
        self.pages.entry(number).or_insert_with(|| {
            self.order.insert(number);
            T::default()
        })
    }

    pub(crate) fn remove(&mut self, number: u128) {
        if self.pages.remove(&number).is_some() {
            self.order.remove(&number);
        }
    }

    /// Those whose numbers are within, in order.
    pub(crate) fn range(&self, numbers: RangeInclusive<u128>) -> impl Iterator<Item = (u128, &T)> {
        self.order.range(numbers).filter_map(|number| Some((*number, self.pages.get(number)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_found_by_number_and_walked_in_order_whatever_went_before() {
        let mut pages = Pages::<u8>::default();
        for number in [7, u128::MAX, 3, 5] {
            *pages.get_or_insert(number) = number as u8;
        }
        pages.remove(3);
        pages.remove(4);
        assert_eq!((pages.get(7), pages.get(3), pages.get(4)), (Some(&7), None, None));
        assert_eq!(*pages.get_or_insert(4), 0, "what lay in its place is forgotten");
        let walked = |range| pages.range(range).map(|(number, page)| (number, *page)).collect::<Vec<_>>();
        assert_eq!(walked(0..=u128::MAX), [(4, 0), (5, 5), (7, 7), (u128::MAX, 255)]);
        assert_eq!(walked(5..=6), [(5, 5)]);
        assert_eq!((pages.pages.len(), pages.order.len()), (4, 4));
    }
}
