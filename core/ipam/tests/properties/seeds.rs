//! Many seeds, and the smallest part of one that fails.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use ferrolb_sansio::Rng;
use ferrolb_sim::{Asked, asked, none_failed, shrink, sweep};

use crate::{
    draw,
    event::{Event, rust},
    run::Run,
};

const SEEDS: u64 = 2000;
const EVENTS: usize = 60;

#[test]
fn whatever_happens_the_contract_holds() {
    let seeds = match asked(SEEDS) {
        Asked::One(seed) => {
            let (events, failure) = run(seed);
            return assert!(failure.is_none(), "{}", report(seed, &events));
        }
        Asked::Many(seeds) => seeds,
    };
    let failing = |seed| run(seed).1.map(|_| seed);
    let failed: Vec<u64> = sweep(&seeds, failing).into_iter().flatten().collect();
    println!("ipam: seeds {seeds:?} of {EVENTS} events, {} fail", failed.len());
    none_failed(&seeds, &failed, |seed| println!("{}", report(seed, &run(seed).0)));
}

/// The seed's events, up to the one that fails, and how it fails.
fn run(seed: u64) -> (Vec<Event>, Option<String>) {
    let mut rng = Rng::new(seed);
    let mut events = Vec::new();
    let mut run = Run::new();
    for _ in 0..EVENTS {
        let event = draw::event(&mut rng, &run.cluster);
        events.push(event.clone());
        if let Some(failure) = failure(|| run.one(&event)) {
            return (events, Some(failure));
        }
    }
    events.push(Event::WriteAll);
    let last = failure(|| run.one(&Event::WriteAll));
    (events, last)
}

fn report(seed: u64, events: &[Event]) -> String {
    let fails = |part: &[Event]| failure(|| Run::new().all(part));
    let small = shrink(events, |part| fails(part).is_some());
    format!("seed {seed} fails: {}\n{}", fails(&small).unwrap_or_default(), rust(&small))
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// How it fails, quietly: shrinking fails many times.
fn failure(attempt: impl FnOnce()) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(attempt));
    QUIET.set(false);
    let panic = outcome.err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}
