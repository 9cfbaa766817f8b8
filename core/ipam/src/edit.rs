//! Edits of pools. What they cost depends on the addresses whose home changes, not on all that are held.

use std::{collections::BTreeMap, ops::RangeInclusive};

use ferrolb_model::{Family, IpRange, Pool};
use rangemap::{RangeInclusiveMap, RangeInclusiveSet};

use crate::{
    book::{Book, Slot, Use},
    per_family::PerFamily,
    pools::{Overlap, PoolState, Pools},
    territory::{Home, Moved, PoolIndex, Territory},
};

impl Pools {
    /// Puts these pools in the place of all before, and what the book knows of their addresses to the right account.
    /// Returns the addresses that have another home.
    pub(crate) fn edit(&mut self, pools: Vec<Pool>, book: &mut Book) -> PerFamily<Vec<Moved>> {
        let mut by_age = pools;
        by_age.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
        by_age.dedup_by(|a, b| a.name == b.name);
        let indexed = self.index(by_age);

        let mut claims = Claims::default();
        let usable: Vec<_> = indexed.iter().map(|(index, pool)| claims.of(*index, pool, &indexed)).collect();
        let territory = claims.territory(&indexed);
        let moved = PerFamily::by(|family| {
            let revised = self.revised(&indexed, family);
            let is_alike = |from: Option<Home>, to: Option<Home>| {
                from == to && from.is_none_or(|home| !revised.contains(&home.pool))
            };
            self.territory.get(family).difference(territory.get(family), is_alike)
        });

        let released = self.close_accounts(&moved, book);
        self.overlaps = claims.overlaps;
        self.territory = territory;
        self.install(indexed, usable);
        self.open_accounts(&moved, &released, book);
        self.note_open();
        moved
    }

    /// Each pool with its index. A new one gets none of a pool that this edit deletes.
    fn index(&self, pools: Vec<Pool>) -> Vec<(PoolIndex, Pool)> {
        let vacant = (0_u32..).filter(|number| self.states.get(*number as usize).is_none_or(Option::is_none));
        let mut vacant = vacant.map(PoolIndex);
        let known = |pool: &Pool| self.by_name.get(&pool.name).copied();
        let indexed =
            pools.into_iter().filter_map(|pool| Some((known(&pool).or_else(|| vacant.next())?, pool)));
        indexed.collect()
    }

    /// Pools that leave out other addresses of the family than before, by rule and not by range.
    fn revised(&self, indexed: &[(PoolIndex, Pool)], family: Family) -> Vec<PoolIndex> {
        let differs = |(index, pool): &&(PoolIndex, Pool)| {
            let before = self.by_name.get(&pool.name).map(|index| self.state(*index));
            before.is_some_and(|before| {
                before.index == *index && before.pool.avoid_buggy_ips != pool.avoid_buggy_ips
            })
        };
        let v4 = indexed.iter().filter(|_| family == Family::V4).filter(differs);
        v4.map(|(index, _)| *index).collect()
    }

    /// Takes what moves out of its old pools' counts. Returns the released ones, with their time.
    fn close_accounts(&mut self, moved: &PerFamily<Vec<Moved>>, book: &Book) -> PerFamily<Vec<(u64, u128)>> {
        PerFamily::by(|family| {
            let mut released = Vec::new();
            for one in moved.get(family) {
                let Some(home) = one.from.filter(|home| !home.is_excluded) else { continue };
                let space = self.space_mut(home.pool, family);
                for (number, slot) in book.range(family, one.range.clone()) {
                    space.account(number, Slot::usage(Some(&slot)), Use::Fresh);
                    if let Slot::Released(at) = slot {
                        released.push((at, number));
                    }
                }
            }
            released
        })
    }

    fn install(
        &mut self,
        indexed: Vec<(PoolIndex, Pool)>,
        usable: Vec<PerFamily<Vec<RangeInclusive<u128>>>>,
    ) {
        let mut by_name = BTreeMap::new();
        let mut states: Vec<Option<PoolState>> = Vec::new();
        let mut old = std::mem::take(&mut self.states);
        for ((index, pool), mut usable) in indexed.into_iter().zip(usable) {
            by_name.insert(pool.name.clone(), index);
            let avoid_buggy = pool.avoid_buggy_ips;
            let place = index.0 as usize;
            let before = old.get_mut(place).and_then(Option::take);
            let mut state = PoolState::new(pool, index);
            if let Some(before) = before {
                state.spaces = before.spaces;
            }
            for family in Family::ALL {
                let ranges = std::mem::take(usable.get_mut(family));
                state.spaces.get_mut(family).set_ranges(ranges, avoid_buggy && family == Family::V4);
            }
            if states.len() <= place {
                states.resize_with(place + 1, || None);
            }
            states[place] = Some(state);
        }
        self.states = states;
        self.by_name = by_name;
        self.order = self.in_order();
        for (place, index) in self.order.clone().into_iter().enumerate() {
            self.state_mut(index).place = place;
        }
    }

    fn in_order(&self) -> Vec<PoolIndex> {
        let mut order: Vec<_> = self.by_name.values().copied().collect();
        order.sort_by_key(|index| {
            let pool = &self.state(*index).pool;
            let bound = pool.allocation.as_ref();
            let priority =
                bound.map(|allocation| if allocation.priority == 0 { u32::MAX } else { allocation.priority });
            (priority.is_none(), priority, pool.name.clone())
        });
        order
    }

    /// Adds what moved to its new pools' counts; a released address that nobody gives out is forgotten.
    fn open_accounts(
        &mut self,
        moved: &PerFamily<Vec<Moved>>,
        released: &PerFamily<Vec<(u64, u128)>>,
        book: &mut Book,
    ) {
        for family in Family::ALL {
            let released = released.get(family);
            for (_, number) in released {
                if self.giver(family.address(*number)).is_none() {
                    book.update(family.address(*number), |_| None);
                }
            }
            for one in moved.get(family) {
                let Some(home) = one.to.filter(|home| !home.is_excluded) else { continue };
                let space = self.space_mut(home.pool, family);
                for (number, slot) in book.range(family, one.range.clone()) {
                    space.account(number, Use::Fresh, Slot::usage(Some(&slot)));
                }
            }
            let mut arrived: BTreeMap<PoolIndex, Vec<(u64, u128)>> = BTreeMap::new();
            for (at, number) in released {
                if let Some(pool) = self.giver(family.address(*number)) {
                    arrived.entry(pool).or_default().push((*at, *number));
                }
            }
            let left = if released.is_empty() { &[][..] } else { &moved.get(family)[..] };
            let homes = left.iter().filter_map(|one| one.from).map(|home| home.pool);
            for pool in homes.filter(|pool| self.states.get(pool.0 as usize).is_some_and(Option::is_some)) {
                arrived.entry(pool).or_default();
            }
            for (pool, mut numbers) in arrived {
                let territory = self.territory.get(family);
                let is_here = |number| territory.home(number) == Some(Home { pool, is_excluded: false });
                numbers.sort_unstable();
                let state = self.states[pool.0 as usize].as_mut().expect("it was just looked for");
                state.spaces.get_mut(family).requeue(numbers, is_here);
            }
        }
    }

    fn note_open(&mut self) {
        for family in Family::ALL {
            let mut open = crate::bit_set::BitSet::default();
            for (place, state) in self.in_turn().enumerate() {
                open.set(place, state.spaces.get(family).free() > 0);
            }
            *self.open.get_mut(family) = open;
        }
    }
}

/// Who has which addresses: the older pool has what two name.
#[derive(Default)]
struct Claims {
    owners: PerFamily<RangeInclusiveMap<u128, u32>>,
    overlaps: Vec<Overlap>,
}

impl Claims {
    /// Gives the pool what of its ranges nobody older has. Returns what it hands out of it, in its order.
    fn of(
        &mut self,
        index: PoolIndex,
        pool: &Pool,
        indexed: &[(PoolIndex, Pool)],
    ) -> PerFamily<Vec<RangeInclusive<u128>>> {
        let excluded = PerFamily::by(|family| excluded(pool, family));
        let mut usable = PerFamily::by(|_| Vec::new());
        for range in &pool.ranges {
            let family = range.family();
            for part in self.claim(index, pool, *range, indexed) {
                usable.get_mut(family).extend(excluded.get(family).gaps(&part));
            }
        }
        usable
    }

    fn claim(
        &mut self,
        index: PoolIndex,
        pool: &Pool,
        range: IpRange,
        indexed: &[(PoolIndex, Pool)],
    ) -> Vec<RangeInclusive<u128>> {
        let owners = self.owners.get_mut(range.family());
        let numbers = range.numbers();
        for (part, owner) in owners.overlapping(&numbers).filter(|(_, owner)| **owner != index.0) {
            let Some((_, with)) = indexed.iter().find(|(other, _)| other.0 == *owner) else { continue };
            let shared = *part.start().max(numbers.start())..=*part.end().min(numbers.end());
            let range = range_of(range.family(), &shared);
            self.overlaps.push(Overlap { pool: pool.name.clone(), with: with.name.clone(), range });
        }
        let free: Vec<_> = owners.gaps(&numbers).collect();
        for part in &free {
            owners.insert(part.clone(), index.0);
        }
        free
    }

    fn territory(&self, indexed: &[(PoolIndex, Pool)]) -> PerFamily<Territory> {
        PerFamily::by(|family| {
            let excluded: BTreeMap<u32, RangeInclusiveSet<u128>> =
                indexed.iter().map(|(index, pool)| (index.0, excluded(pool, family))).collect();
            let segments = self.owners.get(family).iter().flat_map(|(range, owner)| {
                let home = |is_excluded| Home { pool: PoolIndex(*owner), is_excluded };
                let left_out = &excluded[owner];
                let within = |part: &RangeInclusive<u128>| {
                    *part.start().max(range.start())..=*part.end().min(range.end())
                };
                let given: Vec<_> = left_out.gaps(range).map(|part| (part, home(false))).collect();
                let not_given: Vec<_> =
                    left_out.overlapping(range).map(|part| (within(part), home(true))).collect();
                given.into_iter().chain(not_given)
            });
            Territory::new(segments)
        })
    }
}

fn excluded(pool: &Pool, family: Family) -> RangeInclusiveSet<u128> {
    pool.exclude.iter().filter(|range| range.family() == family).map(|range| range.numbers()).collect()
}

fn range_of(family: Family, numbers: &RangeInclusive<u128>) -> IpRange {
    IpRange::new(family.address(*numbers.start()), family.address(*numbers.end()))
        .expect("both ends are of one family, and numbers keep the order of addresses")
}
