//! A node with two interfaces on one segment.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use core::time::Duration;
use std::net::IpAddr;

use ferrolb_ownership::{
    ClusterId, Interface, Key, Keys, Mac, NodeName, Plan, Segment, Settings, StateName, Timing, Uid, VipPlan,
};
use ferrolb_sansio::Instant;

fn segment(index: u8) -> Segment {
    let node = NodeName::new("node-a").unwrap();
    let settings = Settings {
        cluster: ClusterId(1),
        keys: Keys::new(Key::new(&[1; 32]).unwrap(), None),
        node: node.clone(),
        uid: Uid([1; 16]),
        timing: Timing::REALTIME,
        gratuitous_rate: Settings::DEFAULT_GRATUITOUS_RATE,
        stale_for: Settings::DEFAULT_STALE_FOR,
    };
    let interface = Interface {
        index: index.into(),
        name: format!("eth{index}"),
        mac: Mac([2, 0, 0, 0, 0, index]),
        addresses: vec![format!("192.0.2.{index}/24").parse().unwrap()],
        gateways: Vec::new(),
        carrier: true,
    };
    let mut segment = Segment::new(Instant::from_millis(1), settings, interface, index.into());
    let plan = VipPlan { candidates: vec![node], move_to: None, revision: 1, ready: true };
    segment.handle_plan(Instant::from_millis(1), Plan { revision: 1, vips: [(vip(), plan)].into() });
    segment
}

fn vip() -> IpAddr {
    IpAddr::from([192, 0, 2, 100])
}

fn owns(segment: &Segment) -> bool {
    segment.vips().any(|status| status.state == StateName::Owner)
}

/// Both run and hear each other from `joined` on; returns how many frames each sent in the last 200 ms of `until`.
fn run(segments: &mut [Segment; 2], from: u64, until: u64, joined: bool) -> [u32; 2] {
    let (mut frame, mut sent) = (Vec::new(), [0, 0]);
    for millis in from..until {
        let now = Instant::from_millis(millis);
        let mut frames = Vec::new();
        for (index, segment) in segments.iter_mut().enumerate() {
            segment.handle_timeout(now);
            while segment.poll_transmit(&mut frame) {
                frames.push((index, frame.clone()));
                sent[index] += u32::from(millis + 200 >= until);
            }
        }
        for (index, frame) in frames.into_iter().filter(|_| joined) {
            segments[1 - index].handle_frame(now, now + Duration::ZERO, &frame);
        }
    }
    sent
}

#[test]
fn on_one_segment_the_lower_index_speaks_and_the_other_is_silent() {
    let mut segments = [segment(3), segment(7)];
    let sent = run(&mut segments, 2, 1_500, true);
    assert_eq!([owns(&segments[0]), owns(&segments[1])], [true, false]);
    assert!(sent[0] > 5 && sent[1] == 0, "{sent:?}");
    let alone = run(&mut segments, 1_500, 5_000, false);
    assert_eq!([owns(&segments[0]), owns(&segments[1])], [true, true], "apart, each serves its own segment");
    assert!(alone[1] > 5);
    run(&mut segments, 5_000, 5_200, true);
    assert_eq!([owns(&segments[0]), owns(&segments[1])], [true, false]);
}
