//! What goes wrong, and how a seed makes a scene and its faults.

use core::time::Duration;
use std::net::IpAddr;

use ferrolb_ownership::{Timing, VipPlan};
use ferrolb_sansio::{Instant, Rng};

use crate::scene::{Boot, Scene};

#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) begins: Instant,
    pub(crate) ends: Instant,
    pub(crate) what: What,
}

/// Kinds of faults.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Nothing in, though it sends.
    Deaf(usize),
    /// Frames of the first do not get to the second.
    OneWay(usize, usize),
    Cut(usize, usize),
    /// Nothing in or out, carrier kept.
    Isolated(usize),
    /// Nothing out at all; nothing out to other speakers.
    Dumb(usize),
    DumbToSpeakers(usize),
    /// Hosts, or only speakers, are on two sides by the bits of a mask.
    Partition(u64),
    SpeakersPartition(u64),
    /// The speakers named by the bits of a mask are on isolated ports: they hear others, and not each other.
    IsolatedPorts(u64),
    /// The link goes and comes, and the switch forwards nothing for a while (spanning tree).
    ForwardDelay(usize),
    /// Per mille of all frames; of those that one host sends; of those that it should get.
    Loss(u64),
    LossFrom(usize, u16),
    LossTo(usize, u16),
    /// The switch drops what is more than so many frames to groups, of a port in a tenth of a second.
    StormControl(u32),
    /// Random time on the way.
    Delay(Duration),
    Freeze(usize),
    /// As frozen, but what arrives meanwhile is lost: a virtual machine that does not run.
    Paused(usize),
    /// Killed; started again with a new uid.
    Crash(usize),
    /// Drained, and started again with a new uid.
    Stop(usize),
    Drain(usize),
    /// Its node is about to be taken away.
    Leave(usize),
    Carrier(usize),
    NotReady(usize),
    /// Its loop stalls for about 30 ms now and then.
    Late(usize),
    /// It has lost the API, by its own account; its plan may be new or not.
    Stale(usize),
    /// New plans do not reach it.
    OldPlan(usize),
    /// The plan names who shall own a VIP.
    Move {
        vip: usize,
        to: usize,
    },
    /// Other candidates, or another order of them.
    Plan {
        vip: usize,
        order: Vec<usize>,
    },
}

/// Faults begin in this time and have ended after it.
pub(crate) const FAULTS_FROM: Instant = Instant::from_millis(900);
pub(crate) const FAULTS_UNTIL: Instant = Instant::from_millis(2_900);

/// In one of five runs there are up to so many faults.
const MANY_FAULTS: u64 = 9;

/// A scene and 1 to `most` faults.
pub(crate) fn draw(seed: u64, most: u64) -> (Scene, Vec<Fault>) {
    let mut rng = Rng::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5EED);
    let speakers = if rng.below(12) == 0 { 6 + below(&mut rng, 3) } else { 2 + below(&mut rng, 4) };
    let count = vips(&mut rng);
    let vips: Vec<IpAddr> = (0..count).map(|index| vip(index, rng.below(2) == 0)).collect();
    let candidates = vips.iter().map(|_| order(&mut rng, speakers)).collect();
    let scene = Scene {
        seed,
        speakers,
        candidates,
        gateway: rng.below(2) == 0,
        ipv6_only: vips.iter().all(IpAddr::is_ipv6) && rng.below(2) == 0,
        boot: Boot::Random,
        paces: paces(seed, speakers),
        prober: rng.below(3) == 0,
        vips,
    };
    let most = if seed.is_multiple_of(5) { most.max(MANY_FAULTS) } else { most };
    let count = 1 + rng.below(most);
    let faults = (0..count).map(|_| draw_fault(&mut rng, &scene)).collect();
    (scene, faults)
}

/// All in real time, or in one of eight runs only some of them.
fn paces(seed: u64, speakers: usize) -> Vec<Timing> {
    let mut rng = Rng::new(seed ^ 0xBEA7);
    let mixed = rng.below(8) == 0;
    let pace = |_| if mixed && rng.below(2) == 0 { Timing::ORDINARY } else { Timing::REALTIME };
    (0..speakers).map(pace).collect()
}

/// One to 500, each doubling half as likely as the one before.
fn vips(rng: &mut Rng) -> usize {
    let mut most = 2;
    while most < 512 && rng.below(2) == 0 {
        most *= 2;
    }
    (most / 2 + below(rng, most / 2)).min(500)
}

pub(crate) fn vip(index: usize, ipv4: bool) -> IpAddr {
    if ipv4 {
        match u8::try_from(index) {
            Ok(index) if index < 50 => IpAddr::from([192, 0, 2, 100 + index]),
            Ok(_) | Err(_) => IpAddr::from([
                198,
                51,
                u8::try_from(index / 250).unwrap(),
                u8::try_from(index % 250).unwrap(),
            ]),
        }
    } else {
        // Beside the hosts of the segment, which have the low ones.
        format!("2001:db8::1:{}", 100 + index).parse().unwrap()
    }
}

fn draw_fault(rng: &mut Rng, scene: &Scene) -> Fault {
    let count = scene.speakers;
    let one = below(rng, count);
    let other = (one + 1 + below(rng, count - 1)) % count;
    let lasts = [20, 60, 100, 200, 500, 1_200][below(rng, 6)] * (50 + rng.below(100)) / 100;
    let begins = FAULTS_FROM + rng.jitter(Duration::from_millis(1_500));
    let what = match rng.below(30) {
        0 => What::OneWay(one, other),
        1 => What::Cut(one, other),
        2 | 3 => What::Isolated(one),
        4 => What::Dumb(one),
        5 => What::DumbToSpeakers(one),
        6 => What::Partition(rng.next()),
        7 => What::SpeakersPartition(rng.next()),
        8 => What::Loss(20 + rng.below(400)),
        9 => What::Delay(Duration::from_millis(2 + rng.below(8))),
        10 | 11 => What::Freeze(one),
        12 | 13 => What::Crash(one),
        14 => What::Stop(one),
        15 => What::Drain(one),
        16 => What::Carrier(one),
        17 => What::NotReady(one),
        18 => What::Late(one),
        19 => What::Paused(one),
        20 => What::Deaf(one),
        21 => What::Stale(one),
        22 => What::OldPlan(one),
        23 => What::Move { vip: below(rng, scene.vips.len()), to: one },
        24 => What::Leave(one),
        25 => What::IsolatedPorts(rng.next()),
        26 => What::ForwardDelay(one),
        27 => {
            let per_mille = u16::try_from(20 + rng.below(600)).unwrap();
            if rng.below(2) == 0 { What::LossFrom(one, per_mille) } else { What::LossTo(one, per_mille) }
        }
        28 => What::StormControl(u32::try_from(2 + rng.below(30)).unwrap()),
        _ => What::Plan { vip: below(rng, scene.vips.len()), order: order(rng, count) },
    };
    let least = if matches!(what, What::Stop(_)) { 100 } else { 1 };
    let ends = (begins + Duration::from_millis(lasts.max(least))).min(FAULTS_UNTIL);
    Fault { begins, ends, what }
}

/// Nodes in some order, as many as may be candidates; in one of three cases, only some of them.
fn order(rng: &mut Rng, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut all);
    all.truncate(VipPlan::MAX_CANDIDATES);
    if rng.below(3) == 0 {
        all.truncate(1 + below(rng, all.len()));
    }
    all
}

fn below(rng: &mut Rng, limit: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(limit).unwrap())).unwrap()
}
