//! Ways in which a million addresses can be held.

use std::net::IpAddr;

use anyhow::Result;
use ferrolb_model::{Family, IpRange, Pool};
use ferrolb_sansio::Rng;

use crate::{
    Times,
    rig::{Rig, Started},
};

/// How many Services are created, then removed, under the clock in one round.
const MEASURED: usize = 50_000;
const ROUNDS: usize = 5;
const FIRST_V4: u128 = 0x0A00_0000;
const FIRST_V6: u128 = 0x2001_0db8 << 96;

/// How the addresses held lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scenario {
    /// One pool, held from its first address on: a /12 at a million.
    One,
    /// A thousand pools, all but the last few full.
    Pools,
    /// Every second address.
    Holes,
    /// One pool after a million removals and creations in random order.
    Churn,
    /// A /64.
    V6,
    /// Eight Services on each address.
    Shared,
    /// A pool that was full, half of it released in random order.
    Released,
}

impl Scenario {
    pub(crate) const ALL: [Self; 7] =
        [Self::One, Self::Pools, Self::Holes, Self::Churn, Self::V6, Self::Shared, Self::Released];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Pools => "pools",
            Self::Holes => "holes",
            Self::Churn => "churn",
            Self::V6 => "v6",
            Self::Shared => "shared",
            Self::Released => "released",
        }
    }

    /// Fills an allocator so, then creates and removes Services, in rounds.
    pub(crate) fn run(self, held: usize) -> Result<(Vec<Times>, Started)> {
        let mut rng = Rng::new(1);
        let measured = MEASURED.min(held / 20);
        let (mut rig, started) = self.fill(held, measured)?;
        match self {
            Self::One | Self::Pools | Self::Holes | Self::V6 | Self::Shared => {}
            Self::Churn => {
                for _ in 0..held {
                    rig.remove(below(&mut rng, rig.held.len()), false)?;
                    rig.create(false)?;
                }
            }
            Self::Released => {
                for _ in 0..held / 2 {
                    rig.remove(below(&mut rng, rig.held.len()), false)?;
                }
                // The million it is measured at is reached again at the end of the measured ones.
                for _ in measured..held / 2 {
                    rig.create(false)?;
                }
            }
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            for _ in 0..measured {
                rig.create(true)?;
            }
            for _ in 0..measured {
                rig.remove(below(&mut rng, rig.held.len()), true)?;
            }
            rounds.push(std::mem::take(&mut rig.times));
        }
        Ok((rounds, started))
    }

    fn fill(self, held: usize, measured: usize) -> Result<(Rig, Started)> {
        let v4 = |number: usize| Family::V4.address(FIRST_V4 + number as u128);
        let one = |size: usize| vec![pool(0, v4(0), v4(size - 1))];
        // No round of theirs runs out of addresses never used.
        let spare = held + ROUNDS * measured + measured / 2;
        match self {
            Self::One | Self::Churn => {
                Rig::start(one(spare), Family::V4, None, (0..held).map(|number| (v4(number), 0)))
            }
            Self::Released => {
                Rig::start(one(held), Family::V4, None, (0..held).map(|number| (v4(number), 0)))
            }
            Self::Holes => {
                Rig::start(one(2 * held), Family::V4, None, (0..held).map(|number| (v4(2 * number), 0)))
            }
            Self::Pools => {
                let size = spare.div_ceil(1000);
                let pools = (0..1000).map(|at| pool(at, v4(at * size), v4((at + 1) * size - 1))).collect();
                Rig::start(pools, Family::V4, None, (0..held).map(|number| (v4(number), number / size)))
            }
            Self::V6 => {
                let v6 = |number: usize| Family::V6.address(FIRST_V6 + number as u128);
                let whole = vec![pool(0, v6(0), Family::V6.address(FIRST_V6 + u128::from(u64::MAX)))];
                Rig::start(whole, Family::V6, None, (0..held).map(|number| (v6(number), 0)))
            }
            Self::Shared => {
                Rig::start(one(spare), Family::V4, Some(8), (0..held).map(|number| (v4(number / 8), 0)))
            }
        }
    }
}

fn pool(number: usize, first: IpAddr, last: IpAddr) -> Pool {
    let range = IpRange::new(first, last).expect("pools are built from their first to their last address");
    Pool::new(format!("pool-{number:04}"), vec![range])
}

fn below(rng: &mut Rng, limit: usize) -> usize {
    usize::try_from(rng.below(limit as u64)).unwrap_or(0)
}
