//! What goes wrong, and how a seed makes a scene and its faults.

use std::time::Duration;

use ferrolb_bfd::Profile;
use ferrolb_sansio::{Instant, Rng};

#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) begins: Instant,
    pub(crate) ends: Instant,
    pub(crate) what: What,
}

/// Kinds of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum What {
    OneWay(usize, usize),
    Cut(usize, usize),
    Isolated(usize),
    /// Per mille of all packets.
    Loss(u64),
    /// Random time on the way, which also reorders.
    Delay(Duration),
    Freeze(usize),
    Pause(usize),
    /// Killed; started again with other discriminators.
    Crash(usize),
    /// Its loop comes late, by up to so much.
    Late(usize, Duration),
    /// The session is switched off at this end, and on again.
    SwitchedOff(usize, usize),
    /// The session gets another profile for good.
    Profile(usize, usize, Profile),
}

/// Who speaks with whom: the first node is the hub of a fan; with two it is a pair.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    /// The profile of each node.
    pub(crate) profiles: Vec<Profile>,
}

impl Scene {
    /// The sessions of a node.
    pub(crate) fn wanted(&self, node: usize) -> Vec<(usize, Profile)> {
        let peers = if node == 0 { 1..self.nodes } else { 0..1 };
        peers.map(|peer| (peer, self.profiles[node])).collect()
    }
}

/// Faults begin and end within this time.
pub(crate) const FAULTS_FROM: Instant = Instant::from_millis(4_000);
pub(crate) const FAULTS_UNTIL: Instant = Instant::from_millis(9_000);

pub(crate) fn draw(seed: u64, most: u64) -> (Scene, Vec<Fault>) {
    let mut rng = Rng::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xBFD);
    let nodes = if rng.below(3) == 0 { 3 + below(&mut rng, 6) } else { 2 };
    let profiles = (0..nodes).map(|node| profile(&mut rng, node == 0)).collect();
    let scene = Scene { seed, nodes, profiles };
    let faults = (0..rng.below(most + 1)).map(|_| fault(&mut rng, nodes)).collect();
    (scene, faults)
}

fn profile(rng: &mut Rng, is_hub: bool) -> Profile {
    let intervals = [10, 20, 50, 100, 300, 1_000];
    let one = intervals[below(rng, intervals.len())];
    let other = if rng.below(2) == 0 { one } else { intervals[below(rng, intervals.len())] };
    let multiplier = [3, 3, 3, 2, 4, 5][below(rng, 6)];
    let millis = Duration::from_millis;
    // One end at least must begin.
    Profile::new(millis(one), millis(other), multiplier).unwrap().passive(!is_hub && rng.below(4) == 0)
}

fn fault(rng: &mut Rng, nodes: usize) -> Fault {
    let spoke = 1 + below(rng, nodes - 1);
    let (one, other) = if rng.below(2) == 0 { (0, spoke) } else { (spoke, 0) };
    let what = match rng.below(12) {
        0 => What::OneWay(one, other),
        1 | 2 => What::Cut(one, other),
        3 => What::Isolated(one),
        4 => What::Loss(20 + rng.below(500)),
        5 => What::Delay(Duration::from_millis(1 + rng.below(40))),
        6 => What::Freeze(one),
        7 => What::Pause(one),
        8 => What::Crash(one),
        9 => What::Late(one, Duration::from_millis(1 + rng.below(30))),
        10 => What::SwitchedOff(one, other),
        _ => What::Profile(one, other, profile(rng, one == 0)),
    };
    let begins = FAULTS_FROM + rng.jitter(Duration::from_millis(4_000));
    let lasts = [5, 30, 100, 500, 2_000, 4_000][below(rng, 6)] * (50 + rng.below(100)) / 100;
    Fault { begins, ends: (begins + Duration::from_millis(lasts.max(1))).min(FAULTS_UNTIL), what }
}

fn below(rng: &mut Rng, limit: usize) -> usize {
    usize::try_from(rng.below(limit as u64)).unwrap()
}
