//! How soon silence is found out, by profile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_ownership::{
    ClusterId, Interface, Key, Keys, Mac, NodeName, Plan, Segment, Settings, StateName, Timing, Uid, VipPlan,
};
use ferrolb_sansio::Instant;

const START: u64 = 1;
/// By then the first candidate owns, and whoever joined has settled.
const SETTLED: u64 = 20_000;

fn segment(node: &str, number: u8, timing: Timing) -> Segment {
    let settings = Settings {
        cluster: ClusterId(1),
        keys: Keys::new(Key::new(&[1; 32]).unwrap(), None),
        node: NodeName::new(node).unwrap(),
        uid: Uid([number; 16]),
        timing,
        gratuitous_rate: Settings::DEFAULT_GRATUITOUS_RATE,
        stale_for: Settings::DEFAULT_STALE_FOR,
    };
    let interface = Interface {
        index: 2,
        name: "eth0".into(),
        mac: Mac([2, 0, 0, 0, 0, number]),
        addresses: vec![format!("192.0.2.{number}/24").parse().unwrap()],
        gateways: Vec::new(),
        carrier: true,
    };
    let mut segment = Segment::new(Instant::from_millis(START), settings, interface, number.into());
    let candidates = vec![NodeName::new("node-a").unwrap(), NodeName::new("node-b").unwrap()];
    let plan = VipPlan { candidates, move_to: None, revision: 1, ready: true };
    let vip = IpAddr::from([192, 0, 2, 100]);
    segment.handle_plan(Instant::from_millis(START), Plan { revision: 1, vips: [(vip, plan)].into() });
    segment
}

fn owns(segment: &Segment) -> bool {
    segment.vips().any(|status| status.state == StateName::Owner)
}

/// Of two speakers the one that owns falls silent for `silence`; when after that the other owned, if it did.
fn taken_after(timing: Timing, silence: Duration) -> Option<Duration> {
    let (mut first, mut second) = (segment("node-a", 1, timing), segment("node-b", 2, timing));
    let mut frame = Vec::new();
    let end = SETTLED + u64::try_from(silence.as_millis()).unwrap();
    for millis in START + 1..end {
        let now = Instant::from_millis(millis);
        let silent = millis >= SETTLED;
        for turn in 0..2 {
            let (from, to) = if turn == 0 { (&mut first, &mut second) } else { (&mut second, &mut first) };
            from.handle_timeout(now);
            while from.poll_transmit(&mut frame) {
                if !silent {
                    to.handle_frame(now, now, &frame);
                }
            }
        }
        if silent && owns(&second) {
            return Some(Duration::from_millis(millis - SETTLED));
        }
        assert!(silent || !owns(&second), "the second has no reason to own");
    }
    assert!(owns(&first), "the first never owned");
    None
}

/// D is 1.05 times the heartbeats that may be missed, and 10 ms (docs/layer2-protocol.md).
#[test]
fn a_silent_owner_is_replaced_once_d_is_over() {
    for (timing, d) in [(Timing::REALTIME, 88), (Timing::ORDINARY, 167), (Timing::RELAXED, 1_060)] {
        let d = Duration::from_millis(d);
        let taken = taken_after(timing, d * 2).unwrap();
        // The last heartbeat was some part of an interval ago; a candidate that comes second waits for its turn.
        assert!(
            taken > d - timing.min_interval && taken < d + Duration::from_millis(40),
            "{timing:?}: {taken:?}"
        );
    }
}

#[test]
fn a_second_of_silence_is_borne_by_the_relaxed() {
    let a_second = Duration::from_millis(850);
    assert_eq!(taken_after(Timing::RELAXED, a_second), None);
    assert!(taken_after(Timing::ORDINARY, a_second).is_some());
}
