//! What speakers spend while nothing happens: `cargo run --release -p ferrolb-ownership --example idle [VIPS]`.
//!
//! Three nodes on three interfaces, all VIPs at the first node. Time on the segments is virtual, what is measured is
//! the processor time a node's segments take for ten seconds of it.

use core::time::Duration;
use std::net::IpAddr;
use std::time::Instant as Clock;

use ferrolb_ownership::{
    ClusterId, Interface, Key, Keys, Mac, NodeName, Plan, Segment, Settings, StateName, Timing, Uid, VipPlan,
};
use ferrolb_sansio::Instant;
use ferrolb_sim::{Happening, Network, Port};

const NODES: usize = 3;
const SEGMENTS: usize = 3;
/// Later than the last of the announcements that follow a claim.
const WARM: Instant = Instant::from_millis(8_000);
const END: Instant = Instant::from_millis(18_000);

struct Lan {
    network: Network<usize>,
    segments: Vec<Segment>,
    wakes: [Option<Instant>; NODES],
    spent: [Duration; NODES],
}

fn main() {
    let vips = std::env::args().nth(1).map_or(5_000, |arg| arg.parse().expect("the number of VIPs"));
    let mut lans: Vec<Lan> = (0..SEGMENTS).map(|seed| Lan::new(seed as u64, vips)).collect();
    lans.iter_mut().for_each(|lan| lan.run(WARM));
    let warm: Vec<Duration> = (0..NODES).map(|node| spent(&lans, node)).collect();
    lans.iter_mut().for_each(|lan| lan.spent = [Duration::ZERO; NODES]);
    // In slices, so that the segments of a node take turns in the caches as they do in its thread.
    let mut until = WARM;
    while until < END {
        until += Duration::from_millis(10);
        lans.iter_mut().for_each(|lan| lan.run(until));
    }
    let seconds = END.since(WARM).as_secs_f64();
    for (node, warm) in warm.into_iter().enumerate() {
        let owned: usize = lans.iter().map(|lan| owned(&lan.segments[node])).sum();
        let idle = spent(&lans, node);
        println!(
            "node-{node} owns {owned} VIPs: {:?} for the first {:?}, then {:?} a second, {:.2} % of a core",
            warm,
            WARM.since(Instant::ZERO),
            idle.div_f64(seconds),
            idle.as_secs_f64() / seconds * 100.0
        );
    }
}

fn spent(lans: &[Lan], node: usize) -> Duration {
    lans.iter().map(|lan| lan.spent[node]).sum()
}

fn owned(segment: &Segment) -> usize {
    segment.vips().filter(|vip| vip.state == StateName::Owner).count()
}

impl Lan {
    fn new(seed: u64, vips: u32) -> Self {
        let candidates: Vec<NodeName> = (0..NODES).map(name).collect();
        let placed = VipPlan { candidates, move_to: None, revision: 1, ready: true };
        let vip = |n: u32| (IpAddr::from((0xc612_0000 + n).to_be_bytes()), placed.clone());
        let plan = Plan { revision: 1, vips: (0..vips).map(vip).collect() };
        let mut network = Network::new(NODES, seed);
        let segments = (0..NODES)
            .map(|node| {
                let start = Instant::from_millis(200 * node as u64);
                let mut segment = Segment::new(start, settings(node), interface(node), node as u64);
                segment.handle_plan(start, plan.clone());
                network.schedule(start, node);
                segment
            })
            .collect();
        let wakes = core::array::from_fn(|node| Some(Instant::from_millis(200 * node as u64)));
        Self { network, segments, wakes, spent: [Duration::ZERO; NODES] }
    }

    fn run(&mut self, until: Instant) {
        while let Some(happening) = self.network.next(until) {
            let now = self.network.now();
            match happening {
                Happening::Frame { port, frame } => {
                    let began = Clock::now();
                    self.segments[port.0].handle_frame(now, now, &frame);
                    self.spent[port.0] += began.elapsed();
                    self.work(port.0, now);
                }
                Happening::Timer(node) if self.wakes[node] == Some(now) => self.work(node, now),
                Happening::Timer(_) => {}
            }
        }
    }

    fn work(&mut self, node: usize, now: Instant) {
        let mut frames = Vec::new();
        let mut frame = Vec::new();
        let segment = &mut self.segments[node];
        let began = Clock::now();
        segment.handle_timeout(now);
        while segment.poll_transmit(&mut frame) {
            frames.push(core::mem::take(&mut frame));
        }
        while segment.poll_event().is_some() {}
        let wake = segment.poll_timeout().map(|at| at.max(now + Duration::from_nanos(1)));
        self.spent[node] += began.elapsed();
        frames.iter().for_each(|frame| self.network.send(Port(node), frame));
        if let Some(at) = wake
            && self.wakes[node] != wake
        {
            self.wakes[node] = wake;
            self.network.schedule(at, node);
        }
    }
}

fn name(node: usize) -> NodeName {
    NodeName::new(&format!("node-{node}")).expect("a short name is permitted")
}

fn settings(node: usize) -> Settings {
    let mut uid = [7; 16];
    uid[0] = u8::try_from(node).expect("there are few nodes");
    Settings {
        cluster: ClusterId(1),
        keys: Keys::new(Key::new(&[1; 32]).expect("32 bytes are enough"), None),
        node: name(node),
        uid: Uid(uid),
        timing: Timing::REALTIME,
        gratuitous_rate: Settings::DEFAULT_GRATUITOUS_RATE,
        stale_for: Settings::DEFAULT_STALE_FOR,
    }
}

fn interface(node: usize) -> Interface {
    let host = u8::try_from(node).expect("there are few nodes") + 1;
    Interface {
        index: 2,
        name: "eth0".into(),
        mac: Mac([2, 0, 0, 0, 0, host]),
        addresses: vec![format!("192.0.2.{host}/24").parse().expect("an IPv4 address with its prefix")],
        gateways: Vec::new(),
        carrier: true,
    }
}
