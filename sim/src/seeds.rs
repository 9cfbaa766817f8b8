use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Which runs a simulator is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// One, to be told in full.
    One(u64),
    /// These.
    Many(Range<u64>),
}

/// What the environment asks for: `SEED=n` one run, `SEEDS=n` the first n, `SEEDS=from..to` those; else the first `share`.
///
/// # Panics
/// If a variable is set and is none of these.
pub fn asked(share: u64) -> Asked {
    let variable = |name| std::env::var(name).ok();
    parse(variable("SEED").as_deref(), variable("SEEDS").as_deref(), share)
}

fn parse(seed: Option<&str>, seeds: Option<&str>, share: u64) -> Asked {
    let number = |text: &str| {
        text.parse().unwrap_or_else(|_| panic!("SEED=n, SEEDS=n or SEEDS=from..to, n a number, not {text:?}"))
    };
    match (seed, seeds.map(|seeds| seeds.split_once("..").ok_or(seeds))) {
        (Some(seed), _) => Asked::One(number(seed)),
        (None, Some(Ok((from, to)))) => Asked::Many(number(from)..number(to)),
        (None, Some(Err(first))) => Asked::Many(0..number(first)),
        (None, None) => Asked::Many(0..share),
    }
}

/// Plays the seeds on all cores; what comes of them is in their order.
///
/// # Panics
/// If a run panics; it says which.
pub fn sweep<T: Send>(seeds: &Range<u64>, play: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let named = |seed| {
        let outcome = catch_unwind(AssertUnwindSafe(|| play(seed)));
        (seed, outcome.unwrap_or_else(|_| panic!("seed {seed} panics; see above")))
    };
    let part = |core| seeds.clone().skip(core).step_by(cores).map(named).collect::<Vec<_>>();
    let mut outcomes: Vec<_> = thread::scope(|scope| {
        let parts: Vec<_> = (0..cores).map(|core| scope.spawn(move || part(core))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a seed panics; see above")).collect()
    });
    outcomes.sort_unstable_by_key(|(seed, _)| *seed);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The end of a simulator's test: `report` tells each of the first few seeds that failed.
///
/// # Panics
/// If any failed.
pub fn none_failed(seeds: &Range<u64>, failed: &[u64], report: impl Fn(u64)) {
    failed.iter().take(REPORTED).copied().for_each(report);
    let (count, all) = (failed.len(), seeds.end - seeds.start);
    assert!(failed.is_empty(), "{count} of {all} seeds fail: {:?}", &failed[..count.min(NAMED)]);
}

/// Shrinking takes long.
const REPORTED: usize = 3;
const NAMED: usize = 40;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn one_seed_some_seeds_or_the_share_of_every_check() {
        assert_eq!(parse(None, None, 5), Asked::Many(0..5));
        assert_eq!(parse(None, Some("7"), 5), Asked::Many(0..7));
        assert_eq!(parse(None, Some("7..9"), 5), Asked::Many(7..9));
        assert_eq!(parse(Some("3"), Some("7..9"), 5), Asked::One(3));
    }

    #[test]
    #[should_panic(expected = "not \"many\"")]
    fn a_misspelt_number_of_seeds_is_no_pass() {
        parse(None, Some("many"), 5);
    }

    #[test]
    fn a_sweep_plays_each_seed_once_and_keeps_their_order() {
        let played = AtomicU64::new(0);
        let outcomes = sweep(&(3..100), |seed| {
            played.fetch_add(1, Ordering::Relaxed);
            seed * 2
        });
        assert_eq!(outcomes, (3..100).map(|seed| seed * 2).collect::<Vec<_>>());
        assert_eq!(played.into_inner(), 97);
    }

    #[test]
    #[should_panic(expected = "2 of 10 seeds fail: [4, 8]")]
    fn seeds_that_fail_are_reported_and_named() {
        let reported = std::cell::RefCell::new(Vec::new());
        let end = catch_unwind(AssertUnwindSafe(|| {
            none_failed(&(0..10), &[4, 8], |seed| reported.borrow_mut().push(seed));
        }));
        assert_eq!(reported.into_inner(), [4, 8]);
        std::panic::resume_unwind(end.expect_err("two seeds fail"));
    }
}
