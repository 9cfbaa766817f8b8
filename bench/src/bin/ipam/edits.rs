//! Edits of pools under many Services.

use std::time::Instant;

use anyhow::{Result, ensure};
use ferrolb_bench::Report;
use ferrolb_model::{Family, IpRange, Pool};

use crate::rig::Rig;

/// What edits take, in milliseconds.
pub(crate) struct Edits {
    held: usize,
    grow_ms: f64,
    exclude_ms: f64,
    rename_ms: f64,
    delete_ms: f64,
    include_ms: f64,
}

const FIRST: u128 = 0x0A00_0000;

/// Edits pools while `held` Services have addresses.
pub(crate) fn run(held: usize) -> Result<Edits> {
    let range = |first: usize, last: usize| {
        let address = |number: usize| Family::V4.address(FIRST + number as u128);
        IpRange::new(address(first), address(last)).expect("ranges are built from their first to their last")
    };
    let addresses = (0..held).map(|number| (Family::V4.address(FIRST + number as u128), 0));
    let pool = |ranges| Pool::new("lan", ranges);
    let (mut rig, _) = Rig::start(vec![pool(vec![range(0, 2 * held)])], Family::V4, None, addresses)?;
    let mut edit = |pools: Vec<Pool>, expected: usize| -> Result<f64> {
        let began = Instant::now();
        let changes = rig.allocator.set_pools(pools);
        let took = began.elapsed().as_secs_f64() * 1e3;
        ensure!(changes.len() == expected, "{} Services changed, not {expected}", changes.len());
        Ok(took)
    };
    let wide = || range(0, 2 * held + 10);
    let grow_ms = edit(vec![pool(vec![wide()])], 0)?;
    let mut narrower = pool(vec![wide()]);
    narrower.exclude = vec![range(held / 2, held / 2)];
    let exclude_ms = edit(vec![narrower], 1)?;
    let include_ms = edit(vec![pool(vec![wide()])], 0)?;
    let rename_ms = edit(vec![Pool::new("wan", vec![wide()])], held)?;
    let delete_ms = edit(Vec::new(), held)?;
    Ok(Edits { held, grow_ms, exclude_ms, rename_ms, delete_ms, include_ms })
}

impl Edits {
    pub(crate) fn report(&self, report: &mut Report) {
        report
            .count("edit_held", self.held as u64)
            .value("edit_grow_ms", self.grow_ms)
            .value("edit_exclude_one_ms", self.exclude_ms)
            .value("edit_include_one_ms", self.include_ms)
            .value("edit_rename_ms", self.rename_ms)
            .value("edit_delete_ms", self.delete_ms);
    }
}
