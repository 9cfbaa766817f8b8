//! The pools: which one an address is in, in which order they are tried, and what is free in each.

use std::{collections::BTreeMap, fmt, net::IpAddr, sync::Arc};

use ferrolb_model::{Family, IpRange, Pool, PoolName, Selector};

use crate::{
    bit_set::BitSet,
    book::Use,
    per_family::PerFamily,
    space::Space,
    territory::{Home, PoolIndex, Territory},
};

/// All pools, with the addresses each one really has: where two overlap, the older one has them.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    pub(crate) states: Vec<Option<PoolState>>,
    pub(crate) by_name: BTreeMap<PoolName, PoolIndex>,
    pub(crate) territory: PerFamily<Territory>,
    /// Pools bound to Services by priority (0 last), then the others, each by name.
    pub(crate) order: Vec<PoolIndex>,
    /// The places in `order` of pools with free addresses.
    pub(crate) open: PerFamily<BitSet>,
    pub(crate) overlaps: Vec<Overlap>,
}

/// A pool and its addresses.
#[derive(Debug)]
pub(crate) struct PoolState {
    pub(crate) pool: Pool,
    pub(crate) index: PoolIndex,
    pub(crate) spaces: PerFamily<Space>,
    /// Which namespaces it is for, and Services with which labels, in words.
    pub(crate) namespaces: Arc<str>,
    pub(crate) labels: Arc<str>,
    /// Its place in the order.
    pub(crate) place: usize,
}

/// Part of a pool that an older pool has already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The pool that does without.
    pub pool: PoolName,
    /// The older one.
    pub with: PoolName,
    /// The addresses.
    pub range: IpRange,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is in pool {} too, which is older and has it; remove it from one of the two",
            self.range, self.with
        )
    }
}

/// What has become of an address that a Service holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in this pool.
    Home(PoolName),
    /// Its pool is gone: it is kept.
    Missing,
    /// An edit took it out of its pool: it moves.
    Gone,
}

impl Pools {
    pub(crate) fn get(&self, name: &PoolName) -> Option<&PoolState> {
        Some(self.state(*self.by_name.get(name)?))
    }

    /// Of a pool that is there.
    pub(crate) fn state(&self, index: PoolIndex) -> &PoolState {
        self.states[index.0 as usize].as_ref().expect("an index is dropped before its pool is")
    }

    pub(crate) fn state_mut(&mut self, index: PoolIndex) -> &mut PoolState {
        self.states[index.0 as usize].as_mut().expect("an index is dropped before its pool is")
    }

    /// Every pool, in the order in which they are tried.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &PoolState> {
        self.order.iter().map(|index| self.state(*index))
    }

    /// Every pool with free addresses of the family, in the order in which they are tried.
    pub(crate) fn open(&self, family: Family) -> impl Iterator<Item = &PoolState> {
        self.open.get(family).iter().map(|place| self.state(self.order[place]))
    }

    /// Every pool, by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pool> {
        self.by_name.values().map(|index| &self.state(*index).pool)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(crate) fn overlaps(&self) -> &[Overlap] {
        &self.overlaps
    }

    /// The pool that has the address, which may exclude it.
    pub(crate) fn home(&self, address: IpAddr) -> Option<&PoolState> {
        Some(self.state(self.home_of(address)?.pool))
    }

    pub(crate) fn home_of(&self, address: IpAddr) -> Option<Home> {
        self.territory.get(Family::of(address)).home(Family::number(address))
    }

    /// Whether a pool hands the address out, and which.
    pub(crate) fn giver(&self, address: IpAddr) -> Option<PoolIndex> {
        self.giver_at(self.home_of(address), address)
    }

    /// The same, of an address that is at home there.
    pub(crate) fn giver_at(&self, home: Option<Home>, address: IpAddr) -> Option<PoolIndex> {
        let home = home.filter(|home| !home.is_excluded)?;
        let space = self.state(home.pool).spaces.get(Family::of(address));
        space.gives(Family::number(address)).then_some(home.pool)
    }

    pub(crate) fn space_mut(&mut self, pool: PoolIndex, family: Family) -> &mut Space {
        self.state_mut(pool).spaces.get_mut(family)
    }

    /// The address was in use like this and is now like that.
    pub(crate) fn account(&mut self, address: IpAddr, home: Option<Home>, was: Use, is: Use) {
        let Some(home) = home.filter(|home| !home.is_excluded && was != is) else { return };
        let family = Family::of(address);
        let state = self.state_mut(home.pool);
        let space = state.spaces.get_mut(family);
        space.account(Family::number(address), was, is);
        let (place, is_open) = (state.place, space.free() > 0);
        self.open.get_mut(family).set(place, is_open);
    }

    /// Whether an address that was taken from `recorded` is kept without a pool.
    pub(crate) fn is_missing(&self, address: IpAddr, recorded: Option<&PoolName>) -> bool {
        let is_given = self.home_of(address).is_some_and(|home| !home.is_excluded);
        !is_given && self.fate(address, recorded) == Fate::Missing
    }

    /// What has become of an address that was taken from `recorded`.
    pub(crate) fn fate(&self, address: IpAddr, recorded: Option<&PoolName>) -> Fate {
        let recorded_exists = || recorded.is_some_and(|pool| self.by_name.contains_key(pool));
        match self.home_of(address) {
            Some(home) if !home.is_excluded => Fate::Home(self.state(home.pool).pool.name.clone()),
            // Another pool that excludes it cannot take from a Service what it never gave.
            Some(_) | None if recorded_exists() => Fate::Gone,
            Some(_) | None => Fate::Missing,
        }
    }
}

impl PoolState {
    pub(crate) fn new(pool: Pool, index: PoolIndex) -> Self {
        let allocation = pool.allocation.as_ref();
        let namespaces = allocation.map(|allocation| {
            let listed = allocation.namespaces.iter().map(|name| format!("namespace {name}"));
            let selected =
                allocation.namespace_selectors.iter().map(|selector| format!("namespaces with {selector}"));
            either(listed.chain(selected))
        });
        let labels =
            allocation.map(|allocation| either(allocation.service_selectors.iter().map(Selector::to_string)));
        Self {
            pool,
            index,
            spaces: PerFamily::by(Space::new),
            place: 0,
            namespaces: namespaces.unwrap_or_default().into(),
            labels: labels.unwrap_or_default().into(),
        }
    }

    /// Whether the address is in its ranges, whichever pool has it.
    pub(crate) fn names(&self, address: IpAddr) -> bool {
        self.pool.ranges.iter().any(|range| range.contains(address))
    }

    /// Whether the address is on the pool's list of exclusions.
    pub(crate) fn excludes(&self, address: IpAddr) -> bool {
        self.pool.exclude.iter().any(|range| range.contains(address))
    }
}

/// The first few, for a sentence.
fn either(parts: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 4;
    let mut parts: Vec<String> = parts.collect();
    if parts.len() > SHOWN {
        let more = parts.len() - SHOWN;
        parts.truncate(SHOWN);
        parts.push(format!("{more} more"));
    }
    parts.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Book;

    fn range(first: &str, last: &str) -> IpRange {
        IpRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
    }

    fn build(pools: Vec<Pool>) -> Pools {
        let mut built = Pools::default();
        built.edit(pools, &mut Book::default());
        built
    }

    #[test]
    fn the_older_of_two_pools_has_what_both_name() {
        let mut young = Pool::new("a", vec![range("192.0.2.0", "192.0.2.9")]);
        young.created = 2;
        let mut old = Pool::new("b", vec![range("192.0.2.5", "192.0.2.20")]);
        old.created = 1;
        let pools = build(vec![young, old]);
        let home =
            |address: &str| pools.home(address.parse().unwrap()).map(|state| state.pool.name.to_string());
        assert_eq!(home("192.0.2.4").as_deref(), Some("a"));
        assert_eq!(home("192.0.2.5").as_deref(), Some("b"));
        assert_eq!(home("192.0.2.21"), None);
        assert_eq!(pools.overlaps().len(), 1);
        assert_eq!(
            pools.overlaps()[0].to_string(),
            "192.0.2.5-192.0.2.9 is in pool b too, which is older and has it; remove it from one of the two"
        );
    }

    #[test]
    fn ranges_named_twice_count_once_and_exclusions_split_them() {
        let mut pool =
            Pool::new("a", vec![range("192.0.2.0", "192.0.2.9"), range("192.0.2.8", "192.0.2.11")]);
        pool.exclude = vec![range("192.0.2.5", "192.0.2.6"), range("2001:db8::", "2001:db8::ff")];
        let pools = build(vec![pool]);
        let state = pools.get(&"a".into()).unwrap();
        assert_eq!(state.spaces.get(Family::V4).free(), 10);
        assert!(state.excludes("192.0.2.5".parse().unwrap()));
        assert_eq!(pools.giver("192.0.2.5".parse().unwrap()), None);
        assert!(pools.overlaps().is_empty());
    }

    #[test]
    fn bound_pools_come_by_priority_with_zero_last_then_the_rest() {
        let bound = |name: &str, priority| {
            let mut pool = Pool::new(name, Vec::new());
            pool.allocation = Some(ferrolb_model::ServiceAllocation { priority, ..Default::default() });
            pool
        };
        let pools = build(vec![
            Pool::new("a", vec![]),
            bound("b", 0),
            bound("c", 20),
            bound("d", 10),
            bound("e", 10),
        ]);
        let order: Vec<_> = pools.in_turn().map(|state| state.pool.name.to_string()).collect();
        assert_eq!(order, ["d", "e", "c", "b", "a"]);
    }
}
