use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use super::entry::{Entry, Within};
use crate::Prefix;

/// An entry for each of many prefixes, in order. Neighbours lie side by side, since there are as many entries as VIPs, for each
/// peer.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// By the network that holds a page's prefixes; none is empty.
    pages: BTreeMap<Prefix, Vec<Entry>>,
}

impl Entries {
    pub(super) fn get(&self, prefix: &Prefix) -> Option<&Entry> {
        let (network, within) = place(prefix);
        let page = self.pages.get(&network)?;
        page.get(find(page, within).ok()?)
    }

    pub(super) fn get_mut(&mut self, prefix: &Prefix) -> Option<&mut Entry> {
        let (network, within) = place(prefix);
        let page = self.pages.get_mut(&network)?;
        let at = find(page, within).ok()?;
        page.get_mut(at)
    }

    /// The entry of a prefix, which is new if it had none.
    pub(super) fn get_or_insert(&mut self, prefix: &Prefix) -> &mut Entry {
        let (network, within) = place(prefix);
        let page = self.pages.entry(network).or_default();
        let at = find(page, within).unwrap_or_else(|at| {
            page.insert(at, Entry::new(within));
            at
        });
        &mut page[at]
    }

    pub(super) fn remove(&mut self, prefix: &Prefix) {
        let (network, within) = place(prefix);
        let Place::Occupied(mut page) = self.pages.entry(network) else { return };
        if let Ok(at) = find(page.get(), within) {
            page.get_mut().remove(at);
            if page.get().is_empty() {
                page.remove();
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Prefix, &Entry)> {
        let pages = self.pages.iter();
        pages.flat_map(|(network, page)| page.iter().map(|entry| (prefix(network, entry.within), entry)))
    }

    /// Keeps those of which `keep` says so.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Prefix, &mut Entry) -> bool) {
        self.pages.retain(|network, page| {
            page.retain_mut(|entry| keep(&prefix(network, entry.within), entry));
            !page.is_empty()
        });
    }
}

fn find(page: &[Entry], within: Within) -> Result<usize, usize> {
    page.binary_search_by_key(&within, |entry| entry.within)
}

/// The network whose prefixes share a page with this one, at most 256 hosts, and where in it the prefix is.
fn place(prefix: &Prefix) -> (Prefix, Within) {
    let length = prefix.prefix_len().min(prefix.max_prefix_len() - PAGE_BITS);
    let network = Prefix::new_assert(prefix.network(), length).trunc();
    let host = match prefix {
        Prefix::V4(prefix) => prefix.network().octets()[3],
        Prefix::V6(prefix) => prefix.network().octets()[15],
    };
    (network, Within { host, length: prefix.prefix_len() })
}

fn prefix(network: &Prefix, within: Within) -> Prefix {
    let Within { host, length } = within;
    let address = match network {
        Prefix::V4(network) => {
            let [a, b, c, _] = network.network().octets();
            [a, b, c, host].into()
        }
        Prefix::V6(network) => {
            let mut octets = network.network().octets();
            octets[15] = host;
            octets.into()
        }
    };
    Prefix::new_assert(address, length)
}

const PAGE_BITS: u8 = 8;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ferrolb_sansio::Rng;

    use super::*;
    use crate::policy::Route;

    /// Few addresses and all lengths, so that neighbours, wider networks and both families meet.
    fn drawn(rng: &mut Rng) -> Prefix {
        let low = u32::try_from(rng.below(4) << 7 | rng.below(3)).unwrap();
        let prefix = match rng.below(2) {
            0 => Prefix::new((0xC633_6400 | low).to_be_bytes().into(), u8::try_from(rng.below(33)).unwrap()),
            _ => Prefix::new(
                ((0x2001_0db8_u128 << 96) | u128::from(low)).to_be_bytes().into(),
                u8::try_from(rng.below(129)).unwrap(),
            ),
        };
        prefix.unwrap().trunc()
    }

    #[test]
    fn entries_are_as_those_of_an_ordinary_map() {
        let mut rng = Rng::new(1);
        let (mut entries, mut map) = (Entries::default(), BTreeMap::<Prefix, u32>::new());
        let med = |entry: &Entry| entry.desired.as_ref().and_then(|route| route.med);
        for number in 0..20_000_u32 {
            let prefix = drawn(&mut rng);
            match rng.below(100) {
                0 => {
                    entries.retain(|prefix, _| map.get(prefix).is_some_and(|number| number % 2 == 0));
                    map.retain(|_, number| *number % 2 == 0);
                }
                1..50 => {
                    entries.remove(&prefix);
                    map.remove(&prefix);
                }
                _ => {
                    let route = Route { med: Some(number), ..Route::default() };
                    entries.get_or_insert(&prefix).desired = Some(Arc::new(route));
                    map.insert(prefix, number);
                }
            }
            let other = drawn(&mut rng);
            assert_eq!(entries.get(&other).and_then(med), map.get(&other).copied(), "{other}");
            assert_eq!(entries.get_mut(&other).is_some(), map.contains_key(&other));
            assert!(entries.iter().map(|(prefix, entry)| (prefix, med(entry).unwrap())).eq(map.clone()));
        }
        assert!(map.len() > 20, "{}", map.len());
        map.keys().for_each(|prefix| entries.remove(prefix));
        assert!(entries.pages.is_empty());
    }
}
