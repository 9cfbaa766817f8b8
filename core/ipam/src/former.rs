//! Addresses of Services that left, for when they return.

use std::{collections::VecDeque, net::IpAddr};

use ferrolb_model::{Family, ServiceId};
use hashbrown::HashTable;

use crate::{per_family::PerFamily, services::NameHash};

/// The most Services remembered; the longest gone are forgotten first.
const REMEMBERED: usize = 16_384;

/// What Services had when they left. Only looked things up in.
#[derive(Debug, Default)]
pub(crate) struct Former {
    by_name: HashTable<Left>,
    by_age: VecDeque<(NameHash, u64)>,
    count: u64,
}

#[derive(Debug)]
struct Left {
    hash: NameHash,
    number: u64,
    service: ServiceId,
    addresses: PerFamily<Option<IpAddr>>,
}

impl Former {
    pub(crate) fn remember(
        &mut self,
        service: &ServiceId,
        hash: NameHash,
        addresses: PerFamily<Option<IpAddr>>,
    ) {
        if Family::ALL.iter().all(|family| addresses.get(*family).is_none()) {
            return;
        }
        let number = self.count;
        self.count += 1;
        if let Ok(old) = self.by_name.find_entry(hash.spread(), |left| left.service == *service) {
            old.remove();
        }
        let left = Left { hash, number, service: service.clone(), addresses };
        self.by_name.insert_unique(hash.spread(), left, |left| left.hash.spread());
        self.by_age.push_back((hash, number));
        if self.by_age.len() > REMEMBERED
            && let Some((hash, number)) = self.by_age.pop_front()
            && let Ok(oldest) = self.by_name.find_entry(hash.spread(), |left| left.number == number)
        {
            oldest.remove();
        }
    }

    /// What the Service had in this family.
    pub(crate) fn address(&self, service: &ServiceId, hash: NameHash, family: Family) -> Option<IpAddr> {
        let left = self.by_name.find(hash.spread(), |left| left.hash == hash && left.service == *service)?;
        *left.addresses.get(family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gone_are_forgotten_and_one_that_left_twice_is_known_by_its_last_address() {
        let mut former = Former::default();
        let address = |number: usize| Family::V4.address(number as u128);
        let at = |number| PerFamily::by(|family| (family == Family::V4).then(|| address(number)));
        let id = |number: usize| ServiceId::new("default", number.to_string());
        let remember = |former: &mut Former, number, address| {
            former.remember(&id(number), NameHash::of(&id(number)), at(address));
        };
        let known =
            |former: &Former, number, family| former.address(&id(number), NameHash::of(&id(number)), family);
        for number in 0..REMEMBERED {
            remember(&mut former, number, number);
        }
        remember(&mut former, 1, 77_777);
        assert_eq!(known(&former, 0, Family::V4), None);
        assert_eq!(known(&former, 1, Family::V4), Some(address(77_777)));
        assert_eq!(known(&former, 2, Family::V4), Some(address(2)));
        assert_eq!(known(&former, 2, Family::V6), None);
        for number in REMEMBERED..3 * REMEMBERED {
            remember(&mut former, number, number);
        }
        assert_eq!(known(&former, 1, Family::V4), None);
        assert_eq!((former.by_name.len(), former.by_age.len()), (REMEMBERED, REMEMBERED));
    }
}
