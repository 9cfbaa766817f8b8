//! The addresses held under each sharing key.

use std::{hash::BuildHasher as _, net::IpAddr, sync::Arc};

use foldhash::fast::FixedState;
use hashbrown::{HashTable, hash_table::Entry};

/// By sharing key, the addresses held under it and by how many Services. Only looked things up in.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    by_key: HashTable<Held>,
}

#[derive(Debug)]
struct Held {
    key: Arc<str>,
    /// By address.
    addresses: Vec<(IpAddr, u32)>,
}

impl Shared {
    /// The addresses held under the key, in order.
    pub(crate) fn addresses(&self, key: &str) -> impl Iterator<Item = IpAddr> {
        let held = self.by_key.find(hash_of(key), |held| *held.key == *key);
        held.into_iter().flat_map(|held| &held.addresses).map(|(address, _)| *address)
    }

    /// Notes one more Service that holds the address under the key.
    pub(crate) fn add(&mut self, key: &str, address: IpAddr) {
        let hasher = |held: &Held| hash_of(&held.key);
        let entry = self.by_key.entry(hash_of(key), |held| *held.key == *key, hasher);
        let mut held = entry.or_insert_with(|| Held { key: key.into(), addresses: Vec::new() });
        let addresses = &mut held.get_mut().addresses;
        match addresses.binary_search_by_key(&address, |(one, _)| *one) {
            Ok(place) => addresses[place].1 += 1,
            Err(place) => addresses.insert(place, (address, 1)),
        }
    }

    /// Notes one Service fewer that holds the address under the key.
    pub(crate) fn remove(&mut self, key: &str, address: IpAddr) {
        let hasher = |held: &Held| hash_of(&held.key);
        let entry = self.by_key.entry(hash_of(key), |held| *held.key == *key, hasher);
        let Entry::Occupied(mut held) = entry else { return };
        let addresses = &mut held.get_mut().addresses;
        let Ok(place) = addresses.binary_search_by_key(&address, |(one, _)| *one) else { return };
        addresses[place].1 -= 1;
        if addresses[place].1 == 0 {
            addresses.remove(place);
        }
        if addresses.is_empty() {
            held.remove();
        }
    }
}

fn hash_of(key: &str) -> u64 {
    FixedState::default().hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_under_its_key_while_somebody_holds_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut shared = Shared::default();
        let list = |shared: &Shared| shared.addresses("k").map(|one| one.to_string()).collect::<Vec<_>>();
        for address in ["192.0.2.2", "192.0.2.1", "192.0.2.2"] {
            shared.add("k", ip(address));
        }
        shared.add("other", ip("192.0.2.9"));
        assert_eq!(list(&shared), ["192.0.2.1", "192.0.2.2"]);
        shared.remove("k", ip("192.0.2.2"));
        assert_eq!(list(&shared), ["192.0.2.1", "192.0.2.2"]);
        shared.remove("k", ip("192.0.2.2"));
        shared.remove("k", ip("192.0.2.1"));
        shared.remove("k", ip("192.0.2.1"));
        assert!(list(&shared).is_empty() && shared.by_key.len() == 1);
    }
}
