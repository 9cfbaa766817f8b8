//! Streams that arrive in order or not at all: what is lost is late, what is cut waits, what is forgotten is reset.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_bgp::session::TransportId;
use ferrolb_sansio::{Instant, Rng};

/// One TCP connection, or the attempt to have one. End 0 is who dialled.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) ends: [End; 2],
}

#[derive(Debug)]
pub(crate) struct End {
    pub(crate) host: usize,
    /// What the session calls it; none before it was accepted and after it is gone.
    pub(crate) transport: Option<TransportId>,
    pub(crate) connected: bool,
    /// Octets that the other side has not acknowledged.
    pub(crate) in_flight: usize,
    /// When the last segment towards this end arrives.
    arrives: Instant,
    /// Octets received and not read.
    pub(crate) unread: Vec<u8>,
    /// The other side has sent all it will.
    pub(crate) finished: bool,
    /// The beginning of a message that is not whole yet, as an onlooker reads the stream.
    pub(crate) partial: Vec<u8>,
    /// This end has sent routes.
    pub(crate) told: bool,
    /// When a whole message was last handed to the session.
    pub(crate) heard: Instant,
}

impl End {
    fn new(host: usize) -> Self {
        Self {
            host,
            transport: None,
            connected: false,
            in_flight: 0,
            arrives: Instant::ZERO,
            unread: vec![],
            finished: false,
            partial: vec![],
            told: false,
            heard: Instant::ZERO,
        }
    }
}

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Syn { attempt: u32 },
    SynAck,
    Data(Vec<u8>),
    Ack(usize),
    Fin,
    Reset,
}

/// How much may be on its way.
pub(crate) const WINDOW: usize = 16 * 1024;

/// All connections, and the network under them.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub(crate) connections: BTreeMap<usize, Connection>,
    next: usize,
    /// Segments by arrival: connection, end that receives.
    pub(crate) queue: BTreeMap<(Instant, u64), (usize, usize, Segment)>,
    sequence: u64,
    /// Nothing passes towards this host.
    pub(crate) cut: [bool; 2],
    /// What waits for that to end.
    held: Vec<(usize, usize, Segment)>,
    pub(crate) loss_percent: u64,
    pub(crate) rng: Rng,
}

const RETRANSMIT: Duration = Duration::from_millis(200);

impl Tcp {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            connections: BTreeMap::new(),
            next: 0,
            queue: BTreeMap::new(),
            sequence: 0,
            cut: [false; 2],
            held: vec![],
            loss_percent: 0,
            rng,
        }
    }

    pub(crate) fn dial(&mut self, now: Instant, from: usize, transport: TransportId) {
        let mut ends = [End::new(from), End::new(1 - from)];
        ends[0].transport = Some(transport);
        self.next += 1;
        self.connections.insert(self.next, Connection { ends });
        self.send(now, self.next, 1, Segment::Syn { attempt: 0 });
    }

    /// Sends towards an end. Segments of one direction stay in order; a lost one delays those behind it.
    pub(crate) fn send(&mut self, now: Instant, id: usize, to: usize, segment: Segment) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = &mut connection.ends[to];
        if self.cut[end.host] {
            self.held.push((id, to, segment));
            return;
        }
        let mut delay = Duration::from_micros(50) + self.rng.jitter(Duration::from_millis(2));
        let mut again = RETRANSMIT;
        while self.rng.below(100) < self.loss_percent {
            delay += again;
            again *= 2;
        }
        end.arrives = end.arrives.max(now + delay);
        self.sequence += 1;
        self.queue.insert((end.arrives, self.sequence), (id, to, segment));
    }

    /// The network towards a host is whole again: what waited is sent once more.
    pub(crate) fn mend(&mut self, now: Instant, host: usize) {
        self.cut[host] = false;
        for (id, to, segment) in core::mem::take(&mut self.held) {
            let later = now + self.rng.jitter(Duration::from_secs(1));
            self.send(later.max(now), id, to, segment);
        }
    }

    /// The connections of a host that its session still has.
    pub(crate) fn of(&self, host: usize) -> Vec<(usize, usize, TransportId)> {
        let mut found = Vec::new();
        for (id, connection) in &self.connections {
            for (at, end) in connection.ends.iter().enumerate() {
                if let Some(transport) = end.transport.filter(|_| end.host == host) {
                    found.push((*id, at, transport));
                }
            }
        }
        found
    }

    pub(crate) fn end(&mut self, id: usize, at: usize) -> Option<&mut End> {
        self.connections.get_mut(&id).map(|connection| &mut connection.ends[at])
    }
}
