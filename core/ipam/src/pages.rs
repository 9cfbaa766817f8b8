//! Pages by number: found by hashing, for that is what every event does; walked in order, which only edits do.

use std::{collections::BTreeMap, ops::RangeInclusive};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// Pages by number.
#[derive(Debug)]
pub(crate) struct Pages<T> {
    pages: Vec<T>,
    /// Places in `pages` that are free again; what lies there is as new.
    vacant: Vec<u32>,
    /// Only looked things up in.
    places: HashMap<u128, u32, FixedState>,
    order: BTreeMap<u128, u32>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), vacant: Vec::new(), places: HashMap::default(), order: BTreeMap::new() }
    }
}

impl<T: Default> Pages<T> {
    pub(crate) fn get(&self, number: u128) -> Option<&T> {
        self.places.get(&number).map(|place| &self.pages[*place as usize])
    }

    pub(crate) fn get_or_insert(&mut self, number: u128) -> &mut T {
        let place = match self.places.get(&number) {
            Some(place) => *place,
            None => self.insert(number),
        };
        &mut self.pages[place as usize]
    }

    fn insert(&mut self, number: u128) -> u32 {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.pages.push(T::default());
            u32::try_from(self.pages.len() - 1).expect("a cluster has fewer than 2^32 addresses")
        });
        self.places.insert(number, place);
        self.order.insert(number, place);
        place
    }

    pub(crate) fn remove(&mut self, number: u128) {
        if let Some(place) = self.places.remove(&number) {
            self.order.remove(&number);
            self.pages[place as usize] = T::default();
            self.vacant.push(place);
        }
    }

    /// Those whose numbers are within, in order.
    pub(crate) fn range(&self, numbers: RangeInclusive<u128>) -> impl Iterator<Item = (u128, &T)> {
        self.order.range(numbers).map(|(number, place)| (*number, &self.pages[*place as usize]))
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
        assert_eq!((pages.pages.len(), pages.order.len(), pages.places.len()), (4, 4, 4));
    }
}
