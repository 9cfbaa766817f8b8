//! What speakers do while nothing happens, and that they know when something has.

use core::time::Duration;

use ferrolb_ownership::Timing;
use ferrolb_sansio::Instant;

use crate::check::Rule;
use crate::fault::vip;
use crate::scene::{Boot, Scene};
use crate::world::World;

const PEACE: Duration = Duration::from_secs(10);

/// What is told of VIPs must not change unless a new edition says so.
pub(crate) fn watch(world: &mut World) {
    let now = world.now();
    for (index, speaker) in world.speakers.iter_mut().enumerate() {
        let Some(segment) = &speaker.segment else { continue };
        let told = (segment.edition(), segment.vips().collect::<Vec<_>>());
        if speaker.edition.0 == told.0 && speaker.edition.1 != told.1 {
            world.checks.violate(Rule::Edition, now, || {
                format!("node-{index}: {told:?}, before {:?}", speaker.edition)
            });
        }
        speaker.edition = told;
    }
}

/// Wake-ups are most of what an idle speaker costs: one for each of its heartbeats, besides what is heard.
#[test]
fn a_speaker_wakes_for_its_own_heartbeats_and_looks_at_no_vip() {
    let scene = Scene {
        seed: 1,
        speakers: 3,
        vips: (0..30).map(|n| vip(n, false)).collect(),
        candidates: (0..30).map(|n| vec![n % 3, (n + 1) % 3, (n + 2) % 3]).collect(),
        gateway: true,
        ipv6_only: false,
        boot: Boot::Random,
        paces: vec![Timing::REALTIME; 3],
        prober: false,
    };
    let mut world = World::new(scene, Vec::new());
    world.run(Instant::from_millis(10_000));
    let editions = |world: &World| -> Vec<u64> {
        world.speakers.iter().map(|speaker| speaker.segment.as_ref().unwrap().edition()).collect()
    };
    let before = editions(&world);
    world.speakers.iter_mut().for_each(|speaker| speaker.woken = 0);
    world.run(Instant::from_millis(10_000) + PEACE);
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!(editions(&world), before, "a VIP was looked at");
    for speaker in &world.speakers {
        let woken = speaker.woken;
        assert!((380..500).contains(&woken), "it woke {woken} times for 400 heartbeats");
    }
}
