use std::time::Duration;

use ferrolb_sansio::{Instant, Rng};

use crate::scene::Scene;

/// Something that happens to the speakers or the network between them.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) at: Instant,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Nothing reaches the host for so long.
    Cut { host: usize, time: Duration },
    /// Of a hundred segments so many are lost.
    Loss { percent: u64, time: Duration },
    /// A middlebox ends every connection.
    Reset,
    /// The process dies; its kernel closes what it had open.
    Kill { host: usize, time: Duration },
    /// The machine loses power, and nobody hears of it.
    PowerLoss { host: usize, time: Duration },
    /// The process stands still.
    Freeze { host: usize, time: Duration },
    /// The process takes nothing off its sockets.
    Deaf { host: usize, time: Duration },
    /// Somebody restarts the session.
    Reset1 { host: usize },
    /// A route comes, goes or changes.
    Route { host: usize, n: u32, med: Option<u32> },
}

/// Faults end by then.
pub(crate) const CALM: Instant = Instant::from_millis(180_000);

pub(crate) fn draw(seed: u64) -> (Scene, Vec<Fault>) {
    let mut rng = Rng::new(seed);
    let scene = Scene::draw(seed, &mut rng);
    let most = [0, 1, 3, 6][rng.below(4) as usize];
    let mut faults: Vec<_> = (0..most).map(|_| fault(&mut rng)).collect();
    let changes = rng.below(12);
    faults.extend((0..changes).map(|_| {
        let med = (rng.below(3) > 0).then(|| rng.below(4) as u32);
        let (host, n) = (rng.below(2) as usize, rng.below(6) as u32);
        Fault { at: at(&mut rng), what: What::Route { host, n, med } }
    }));
    faults.sort_by_key(|fault| fault.at);
    (scene, faults)
}

fn at(rng: &mut Rng) -> Instant {
    // Half of them early, while the speakers still find each other.
    let within = if rng.below(2) == 0 { 2 } else { 100 };
    Instant::ZERO + rng.jitter(Duration::from_secs(within))
}

fn fault(rng: &mut Rng) -> Fault {
    let host = rng.below(2) as usize;
    let most = Duration::from_secs([1, 5, 20, 75][rng.below(4) as usize]);
    let time = rng.jitter(most);
    let what = match rng.below(8) {
        0 | 1 => What::Cut { host, time },
        2 => What::Loss { percent: 5 + rng.below(40), time },
        3 => What::Reset,
        4 => What::Kill { host, time },
        5 => What::PowerLoss { host, time },
        6 => What::Freeze { host, time },
        _ if rng.below(2) == 0 => What::Deaf { host, time },
        _ => What::Reset1 { host },
    };
    Fault { at: at(rng), what }
}
