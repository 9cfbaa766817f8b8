//! One test: what it may disturb, its surroundings, and what is told when it fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use libtest_mimic::{Failed, Trial};

use crate::cluster::Cluster;
use crate::scene::Scene;

/// What a test does to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disturbs {
    /// It keeps to its own namespace, pools and addresses.
    Nobody,
    /// It kills, cuts or removes what others rely on, so it runs alone.
    Everybody,
}

/// A test called `name`.
pub(crate) fn trial(name: &'static str, disturbs: Disturbs, test: fn(&Scene<'_>) -> Result<()>) -> Trial {
    Trial::test(name, move || run(name, disturbs, test).map_err(|error| Failed::from(format!("{error:#}"))))
}

fn run(name: &str, disturbs: Disturbs, test: fn(&Scene<'_>) -> Result<()>) -> Result<()> {
    let cluster = Cluster::get()?;
    let _gate = cluster.enter(disturbs);
    let began = Instant::now();
    let scene = Scene::new(cluster, name)?;
    let result = catch_unwind(AssertUnwindSafe(|| test(&scene))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(anyhow!("panicked: {}", text.unwrap_or_default()))
    });
    if disturbs == Disturbs::Everybody {
        // Without it nothing can be asked for, not even what went wrong.
        cluster.lab.start_apiserver()?;
    }
    // Of a long output the end is what people get to see, so the error comes last.
    let result = result.map_err(|error| anyhow!("{}\n{error:#}", scene.diagnosis()));
    let cleared = scene.clear().context("the test leaves something behind");
    let mended = match disturbs {
        Disturbs::Nobody => Ok(()),
        Disturbs::Everybody => cluster
            .mend()
            .map_err(|error| anyhow!("{}\nthe cluster does not recover: {error:#}", cluster.diagnosis())),
    };
    println!("{name}: {:.0} s", began.elapsed().as_secs_f64());
    result.and(cleared).and(mended)
}
