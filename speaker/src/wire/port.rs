use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_ownership::{Event, Interface, Segment, SegmentStatus, Settings, StateName};
use ferrolb_sansio::Instant;

use super::message::{PortReport, SocketCounters};
use crate::sys::{self, Acceptance, Batch, Burst, Clocks, PacketSocket, Wakeups, program};

/// One interface: its segment and the socket that feeds it.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) name: Arc<str>,
    pub(super) segment: Segment,
    socket: PacketSocket,
    groups: Vec<IpAddr>,
    counters: SocketCounters,
    opened: Instant,
    /// Everything received before this moment has been heard.
    drained: Instant,
}

/// Buffers that all ports share.
#[derive(Debug)]
pub(super) struct Buffers {
    batch: Batch,
    burst: Burst,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self { batch: Batch::default(), burst: Burst::default() }
    }
}

impl Port {
    pub(super) fn open(
        now: Instant,
        settings: Settings,
        interface: Interface,
        seed: u64,
        wakeups: &Wakeups,
    ) -> std::io::Result<Self> {
        let accept = Acceptance {
            port: ferrolb_ownership::PORT,
            cluster_offset: CLUSTER_OFFSET,
            cluster: settings.cluster.0,
        };
        let socket = PacketSocket::open(interface.index, &program(accept))?;
        wakeups.add(&socket)?;
        Ok(Self {
            name: interface.name.as_str().into(),
            groups: Vec::new(),
            socket,
            counters: SocketCounters::default(),
            opened: now,
            drained: now,
            segment: Segment::new(now, settings, interface, seed),
        })
    }

    /// Lets the segment hear every frame that arrived before `wake`, and sends its answers before anything else is done. What
    /// arrived later waits for the next wake-up, so a flood cannot keep the timers from their turn. Whether there was any.
    pub(super) fn drain(&mut self, wake: Instant, buffers: &mut Buffers) -> bool {
        let mut turn = 0_u32;
        // An error is a link that went down, which is told by other means.
        while let Ok(Some(received)) = self.socket.receive(&mut buffers.batch) {
            turn += 1;
            // For each frame, though it takes a moment: a process that was stopped between two must see that before it answers.
            let clocks = Clocks::read();
            self.counters.received += 1;
            self.counters.lost = self.counters.lost.max(u64::from(received.lost));
            let at =
                received.wall.map_or_else(|| clocks.now(), |wall| clocks.boot_time_of(wall, self.drained));
            self.segment.handle_frame(clocks.now(), at, buffers.batch.frame(received));
            if turn.is_multiple_of(BURST) {
                self.transmit(buffers);
            }
            if at > wake {
                break;
            }
        }
        self.drained = wake;
        self.transmit(buffers);
        turn > 0
    }

    /// Sends what the segment has to say, but nothing that was meant before this process was stopped.
    pub(super) fn transmit(&mut self, buffers: &mut Buffers) {
        let burst = &mut buffers.burst;
        loop {
            while burst.push(|frame| self.segment.poll_transmit(frame)) {}
            if burst.is_empty() {
                return;
            }
            let now = sys::now();
            if self.segment.has_stalled(now) {
                burst.clear();
                self.segment.handle_timeout(now);
                continue;
            }
            let meant = burst.len();
            let taken = self.socket.send(burst);
            self.counters.sent += taken as u64;
            self.counters.refused += (meant - taken) as u64;
        }
    }

    /// The groups the segment wants the interface to be a member of, if they are others than the last time.
    pub(super) fn changed_groups(&mut self) -> Option<Vec<IpAddr>> {
        let groups = self.segment.groups();
        (groups != self.groups).then(|| {
            self.groups.clone_from(&groups);
            groups
        })
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.segment.poll_event()
    }

    /// Whether this speaker answers for any VIP here.
    pub(super) fn owns_any(&self) -> bool {
        self.segment.vips().any(|vip| matches!(vip.state, StateName::Owner | StateName::Ceding))
    }

    /// Fills in `report`, using the room it has.
    pub(super) fn report(&self, report: &mut PortReport) {
        report.counters = *self.segment.counters();
        report.socket = self.counters;
        report.segment = self.segment.status();
        report.acquainted = self.segment.is_acquainted();
        let edition = (self.opened, self.segment.edition());
        // Another interface's may have been in this place.
        if report.interface != self.name || report.edition != edition {
            report.interface = Arc::clone(&self.name);
            report.edition = edition;
            report.vips.clear();
            report.vips.extend(self.segment.vips());
        }
    }

    /// A report with room for nothing yet.
    pub(super) fn blank_report(&self) -> PortReport {
        PortReport {
            interface: Arc::clone(&self.name),
            counters: *self.segment.counters(),
            socket: self.counters,
            segment: SegmentStatus::default(),
            acquainted: false,
            edition: (self.opened, 0),
            vips: Vec::new(),
        }
    }
}

/// Where a speaker frame bears its cluster id.
const CLUSTER_OFFSET: u8 = 8;
/// Frames heard before answers are sent.
const BURST: u32 = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ferrolb_ownership::{ClusterId, Key, Keys, Mac, NodeName, Timing, Uid};

    use super::*;

    /// What a real segment sends must be what the filter lets pass, where the cluster id stands included.
    #[test]
    fn the_filter_expects_frames_as_segments_send_them() {
        let settings = Settings {
            cluster: ClusterId::of("a cluster"),
            keys: Keys::new(Key::new(&[1; 32]).unwrap(), None),
            node: NodeName::new("node-a").unwrap(),
            uid: Uid([3; 16]),
            timing: Timing::REALTIME,
            gratuitous_rate: 100,
            stale_for: Settings::DEFAULT_STALE_FOR,
        };
        for (address, at) in [("192.0.2.1/24", 14 + 20 + 8), ("2001:db8::1/64", 14 + 40 + 8)] {
            let interface = Interface {
                index: 1,
                name: "eth0".to_owned(),
                mac: Mac([2; 6]),
                addresses: vec![address.parse().unwrap()],
                gateways: Vec::new(),
                carrier: true,
            };
            let mut segment = Segment::new(Instant::ZERO, settings.clone(), interface, 1);
            segment.handle_timeout(Instant::ZERO + Duration::from_millis(40));
            let mut frame = Vec::new();
            assert!(segment.poll_transmit(&mut frame), "a joining speaker sends heartbeats");
            let id_at = at + usize::from(CLUSTER_OFFSET);
            assert_eq!(frame[at - 6..at - 4], ferrolb_ownership::PORT.to_be_bytes());
            assert_eq!(frame[id_at..id_at + 8], settings.cluster.0.to_be_bytes());
        }
    }
}
