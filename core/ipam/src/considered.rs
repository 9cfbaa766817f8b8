use std::fmt;

use ferrolb_model::PoolName;

use crate::PoolVerdict;

/// The most pools that are told of one by one.
const TOLD: usize = 8;

/// The pools that were considered and why each said no: the first eight in order, and how many more there are. Displayed as
/// a clause. What every pool says is told by [`crate::Allocator::opinions`]; who waits does not carry it all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Considered {
    told: Vec<(PoolName, PoolVerdict)>,
    more: usize,
}

impl Considered {
    /// The first of them.
    pub fn first(&self) -> Option<&(PoolName, PoolVerdict)> {
        self.told.first()
    }

    /// Those that are told of, in order.
    pub fn iter(&self) -> impl Iterator<Item = &(PoolName, PoolVerdict)> {
        self.told.iter()
    }
}

impl FromIterator<(PoolName, PoolVerdict)> for Considered {
    fn from_iter<T: IntoIterator<Item = (PoolName, PoolVerdict)>>(pools: T) -> Self {
        let mut pools = pools.into_iter();
        let told = pools.by_ref().take(TOLD).collect();
        Self { told, more: pools.count() }
    }
}

impl<const N: usize> From<[(PoolName, PoolVerdict); N]> for Considered {
    fn from(pools: [(PoolName, PoolVerdict); N]) -> Self {
        pools.into_iter().collect()
    }
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (pool, verdict)) in self.told.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}pool {pool} {verdict}")?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str(", and 1 more pool said no"),
            more => write!(f, ", and {more} more pools said no"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_eight_are_told_of() {
        let pools = |count: usize| -> Considered {
            (0..count).map(|number| (format!("p{number}").into(), PoolVerdict::Draining)).collect()
        };
        assert_eq!(pools(2).to_string(), "pool p0 is draining, pool p1 is draining");
        assert!(pools(8).to_string().ends_with("pool p7 is draining"));
        assert!(pools(9).to_string().ends_with("pool p7 is draining, and 1 more pool said no"));
        assert_eq!((pools(1000).iter().count(), pools(1000).more), (8, 992));
    }
}
