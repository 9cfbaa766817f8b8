//! What is known of each address that somebody has, names, or has given back. An address without a slot was never used.

use std::{
    net::IpAddr,
    ops::{Deref, RangeInclusive},
};

use ferrolb_model::Family;
use slab::Slab;

use crate::{crowd::Crowd, pages::Pages, per_family::PerFamily, services::Handle};

/// What is known of an address: to change it, or with `C` as a reference to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot<C = Box<Crowd>> {
    /// This Service holds it, and there is nothing else to know.
    Held(Handle),
    /// Nobody has it; the greater the number, the later it was given back.
    Released(u64),
    /// Whatever else there can be.
    Crowd(C),
}

/// How far an address is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It was never used.
    Fresh,
    /// It was given back.
    Released,
    /// It cannot be given, though no Service holds it.
    Barred,
    /// Services hold it.
    Held,
}

/// Slots by address, in pages of 256.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pages: PerFamily<Pages<Page>>,
    crowds: Slab<Box<Crowd>>,
}

/// The slots of 256 addresses, in order, and a bit for each that has one.
#[derive(Debug, Default)]
struct Page {
    bits: [u64; 4],
    slots: Vec<Packed>,
}

/// A slot in eight octets: of a million, which are asked for in any order, few are in the processor's caches.
#[derive(Clone, Copy, Debug)]
enum Packed {
    Held(Handle),
    Released(Time),
    /// By its place among the crowds.
    Crowd(u32),
}

/// The number of a release, in six octets: at a million a second they last for nine years.
#[derive(Clone, Copy, Debug)]
struct Time([u8; 6]);

const _: () = assert!(size_of::<Packed>() == 8);

impl<C: Deref<Target = Crowd>> Slot<C> {
    pub(crate) fn usage(slot: Option<&Self>) -> Use {
        match slot {
            None => Use::Fresh,
            Some(Self::Released(_)) => Use::Released,
            Some(Self::Held(_)) => Use::Held,
            Some(Self::Crowd(crowd)) if crowd.users().is_empty() => Use::Barred,
            Some(Self::Crowd(_)) => Use::Held,
        }
    }

    /// The Services that hold it, by name.
    pub(crate) fn users(&self) -> &[Handle] {
        match self {
            Self::Held(user) => std::slice::from_ref(user),
            Self::Released(_) => &[],
            Self::Crowd(crowd) => crowd.users(),
        }
    }
}

impl<'a> Slot<&'a Crowd> {
    /// The same, without the slot.
    pub(crate) fn into_users(self) -> impl Iterator<Item = Handle> + use<'a> {
        let (one, crowd) = match self {
            Self::Held(user) => (Some(user), &[][..]),
            Self::Released(_) => (None, &[][..]),
            Self::Crowd(crowd) => (None, crowd.users()),
        };
        one.into_iter().chain(crowd.iter().copied())
    }
}

impl Book {
    pub(crate) fn get(&self, address: IpAddr) -> Option<Slot<&Crowd>> {
        let number = Family::number(address);
        let page = self.pages.get(Family::of(address)).get(number >> 8)?;
        let (place, is_there) = page.place(offset(number));
        is_there.then(|| self.slot(page.slots[place]))
    }

    /// Puts what `change` makes of the slot in its place. Returns how the address was in use, and how it is.
    pub(crate) fn update(
        &mut self,
        address: IpAddr,
        change: impl FnOnce(Option<Slot>) -> Option<Slot>,
    ) -> (Use, Use) {
        let number = Family::number(address);
        let pages = self.pages.get_mut(Family::of(address));
        let page = pages.get_or_insert(number >> 8);
        let (place, is_there) = page.place(offset(number));
        let old = is_there.then(|| match page.slots[place] {
            Packed::Held(user) => Slot::Held(user),
            Packed::Released(at) => Slot::Released(at.into()),
            Packed::Crowd(at) => Slot::Crowd(self.crowds.remove(at as usize)),
        });
        let was = Slot::usage(old.as_ref());
        let new = change(old);
        let is = Slot::usage(new.as_ref());
        let new = new.map(|slot| match slot {
            Slot::Held(user) => Packed::Held(user),
            Slot::Released(at) => Packed::Released(at.into()),
            Slot::Crowd(crowd) => Packed::Crowd(place_of(self.crowds.insert(crowd))),
        });
        match (is_there, new) {
            (true, Some(slot)) => page.slots[place] = slot,
            (false, Some(slot)) => {
                page.slots.insert(place, slot);
                page.flip(offset(number));
            }
            (true, None) => {
                page.slots.remove(place);
                page.flip(offset(number));
            }
            (false, None) => {}
        }
        if page.slots.is_empty() {
            pages.remove(number >> 8);
        }
        (was, is)
    }

    /// Every slot of the range, in order.
    pub(crate) fn range(
        &self,
        family: Family,
        range: RangeInclusive<u128>,
    ) -> impl Iterator<Item = (u128, Slot<&Crowd>)> {
        let pages = self.pages.get(family).range(range.start() >> 8..=range.end() >> 8);
        let numbers = pages.flat_map(|(at, page)| page.numbers(at));
        numbers
            .filter(move |(number, _)| range.contains(number))
            .map(|(number, slot)| (number, self.slot(slot)))
    }

    fn slot(&self, packed: Packed) -> Slot<&Crowd> {
        match packed {
            Packed::Held(user) => Slot::Held(user),
            Packed::Released(at) => Slot::Released(at.into()),
            Packed::Crowd(at) => Slot::Crowd(&self.crowds[at as usize]),
        }
    }

    /// The first address of the range that has no slot; with `avoid_buggy`, none that ends in .0 or .255.
    pub(crate) fn first_fresh(
        &self,
        family: Family,
        range: &RangeInclusive<u128>,
        avoid_buggy: bool,
    ) -> Option<u128> {
        let pages = self.pages.get(family);
        let mut number = *range.start();
        while number <= *range.end() {
            let bits = pages.get(number >> 8).map_or([0; 4], |page| page.bits);
            if let Some(found) = first_zero(bits, offset(number), avoid_buggy) {
                let found = number & !0xff | u128::from(found);
                return (found <= *range.end()).then_some(found);
            }
            number = (number | 0xff).checked_add(1)?;
        }
        None
    }
}

impl Page {
    /// Where the slot of the address is, or would be; and whether it is there.
    fn place(&self, offset: u8) -> (usize, bool) {
        let (word, bit) = (usize::from(offset >> 6), offset & 63);
        let before: u32 = self.bits[..word].iter().map(|bits| bits.count_ones()).sum();
        let here = self.bits[word] & ((1 << bit) - 1);
        ((before + here.count_ones()) as usize, self.bits[word] >> bit & 1 == 1)
    }

    fn flip(&mut self, offset: u8) {
        self.bits[usize::from(offset >> 6)] ^= 1 << (offset & 63);
    }

    fn numbers(&self, at: u128) -> impl Iterator<Item = (u128, Packed)> {
        let there = (0..=u8::MAX).filter(|offset| self.place(*offset).1);
        there.map(move |offset| at << 8 | u128::from(offset)).zip(self.slots.iter().copied())
    }
}

impl From<u64> for Time {
    fn from(number: u64) -> Self {
        let [octets @ .., 0, 0] = number.to_le_bytes() else {
            panic!("no allocator lives for 2^48 releases")
        };
        Self(octets)
    }
}

impl From<Time> for u64 {
    fn from(time: Time) -> Self {
        let [a, b, c, d, e, f] = time.0;
        Self::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }
}

fn place_of(crowd: usize) -> u32 {
    u32::try_from(crowd).expect("there are fewer crowds than Services")
}

/// Whether an IPv4 address ends in .0 or .255, which some clients take for a network or broadcast address.
pub(crate) fn is_buggy(number: u128) -> bool {
    matches!(offset(number), 0 | u8::MAX)
}

fn offset(number: u128) -> u8 {
    number.to_le_bytes()[0]
}

fn first_zero(mut bits: [u64; 4], from: u8, avoid_buggy: bool) -> Option<u8> {
    if avoid_buggy {
        bits[0] |= 1;
        bits[3] |= 1 << 63;
    }
    let first = usize::from(from >> 6);
    bits[first] |= (1 << (from & 63)) - 1;
    let word = (first..4).find(|word| bits[*word] != u64::MAX)?;
    u8::try_from(word as u32 * 64 + bits[word].trailing_ones()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(numbers: &[u128]) -> Book {
        let mut book = Book::default();
        for number in numbers {
            book.update(Family::V6.address(*number), |_| Some(Slot::Released(*number as u64)));
        }
        book
    }

    fn numbers(book: &Book, range: RangeInclusive<u128>) -> Vec<u128> {
        let slots = book.range(Family::V6, range);
        slots
            .map(|(number, slot)| {
                assert!(matches!(slot, Slot::Released(at) if u128::from(at) == number), "slots go by number");
                number
            })
            .collect()
    }

    #[test]
    fn slots_are_found_in_order_whatever_the_order_they_came_in() {
        let all = [700, 3, 255, 64, 63, 256, 0, 128, 511];
        let mut book = book(&all);
        assert_eq!(numbers(&book, 0..=u128::MAX), [0, 3, 63, 64, 128, 255, 256, 511, 700]);
        assert_eq!(numbers(&book, 64..=256), [64, 128, 255, 256]);
        assert!(matches!(book.get(Family::V6.address(255)), Some(Slot::Released(255))));
        assert!(book.get(Family::V6.address(254)).is_none() && book.get(Family::V4.address(255)).is_none());
        for number in all {
            assert_eq!(book.update(Family::V6.address(number), |_| None), (Use::Released, Use::Fresh));
        }
        assert!(book.pages.get(Family::V6).range(0..=u128::MAX).next().is_none(), "nothing is left behind");
    }

    #[test]
    fn the_first_address_without_a_slot_is_found_over_full_pages() {
        let all: Vec<u128> = (0..600).collect();
        let first = |range, avoid| book(&all).first_fresh(Family::V6, &range, avoid);
        assert_eq!(first(0..=1000, false), Some(600));
        assert_eq!(first(0..=599, false), None);
        assert_eq!(first(700..=700, false), Some(700));
        let last = u128::MAX;
        assert_eq!(first(last..=last, false), Some(last));
        assert_eq!(first(last..=last, true), None);
        assert_eq!(first(767..=769, true), Some(769));
    }

    #[test]
    fn a_search_agrees_with_walking() {
        let taken = [1_u128, 2, 5, 63, 64, 65, 130, 254, 255, 256, 258, 300];
        let book = book(&taken);
        for from in 0..310 {
            for avoid in [false, true] {
                let walked = (from..=305).find(|n| !(taken.contains(n) || avoid && is_buggy(*n)));
                assert_eq!(book.first_fresh(Family::V6, &(from..=305), avoid), walked, "{from} {avoid}");
            }
        }
    }
}
