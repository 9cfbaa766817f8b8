//! How much is measured.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::subject::Rival;

/// Figures of FerroLB's controller, beside others'.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// How many Services there are.
    #[arg(default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    services: u32,
    /// MetalLB's controller, as hack/rivals/build.sh makes it; without, it is left out.
    #[arg(long, value_name = "FOLDER")]
    rival: Option<PathBuf>,
    /// One short round of everything: shows that it works, not how well.
    #[arg(long)]
    quick: bool,
}

/// How much of each is measured.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) services: usize,
    pub(crate) rival: Option<Rival>,
    /// Raw and FerroLB, this often by turns.
    pub(crate) rounds: u32,
    /// MetalLB takes part in this many of the last rounds.
    pub(crate) rival_rounds: u32,
    /// FerroLB's restarts with a new Service.
    pub(crate) restarts: u32,
    /// After a restart with nothing to change, writes and processor time are counted for so long.
    pub(crate) restarted_for: Duration,
    /// Services deleted and created, FerroLB.
    pub(crate) replacements: u32,
    /// The same with MetalLB, for which each of them is long.
    pub(crate) rival_replacements: u32,
    /// Blocks of single Services, of echo and FerroLB each: many and short, since an API server is slower at some times than at others.
    pub(crate) blocks: u32,
    /// Blocks of MetalLB's, which are for comparison only.
    pub(crate) rival_blocks: u32,
    /// Services in a block.
    pub(crate) block: u32,
    /// More before each block that do not count.
    pub(crate) warm_up: u32,
    /// A ratio to the raw rate below this is not believed; of few Services most of the time is the start.
    pub(crate) least_ratio: f64,
}

impl Plan {
    pub(crate) fn of(Args { services, rival, quick }: Args) -> Self {
        // MetalLB needs minutes for thousands of Services: once is enough to see them.
        let many = services > 2000;
        let plan = Self {
            services: usize::try_from(services).expect("60,000 fits"),
            rival: rival.map(Rival),
            rounds: 3,
            rival_rounds: if many { 1 } else { 3 },
            restarts: 3,
            restarted_for: Duration::from_secs(10),
            replacements: 20,
            rival_replacements: if many { 1 } else { 3 },
            blocks: 9,
            rival_blocks: 3,
            block: 50,
            warm_up: 10,
            least_ratio: 0.1,
        };
        if !quick {
            return plan;
        }
        Self {
            rounds: 1,
            rival_rounds: 1,
            restarts: 1,
            restarted_for: Duration::from_secs(3),
            replacements: 3,
            rival_replacements: 1,
            blocks: 1,
            rival_blocks: 1,
            block: 20,
            warm_up: 2,
            least_ratio: 0.01,
            ..plan
        }
    }
}
