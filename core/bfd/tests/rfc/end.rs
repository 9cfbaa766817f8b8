//! One end under test, and the packets that the other end, written by hand, sends it.

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_bfd::{Change, Discard, Heard, Hops, Path, Profile, State, Status, Table};
use ferrolb_sansio::{Instant, Rng};

pub(crate) const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
pub(crate) const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// The discriminator of the other end.
pub(crate) const THEIRS: u32 = 0x0102_0304;

pub(crate) struct End {
    pub(crate) table: Table,
    pub(crate) path: Path,
    pub(crate) now: Instant,
}

impl End {
    /// An end that sends and receives every 300 ms, three of which may be missed.
    pub(crate) fn new() -> Self {
        Self::with(Profile::default())
    }

    pub(crate) fn with(profile: Profile) -> Self {
        Self::on(Path::new(Hops::Single, PEER, None, None).unwrap(), profile)
    }

    pub(crate) fn on(path: Path, profile: Profile) -> Self {
        let mut table = Table::new(8, Rng::new(7));
        let now = Instant::from_millis(10_000);
        table.want(now, path, profile).unwrap();
        Self { table, path, now }
    }

    /// One that is up, with nothing left to say but what its timers ask for.
    pub(crate) fn up(profile: Profile) -> Self {
        let mut end = Self::with(profile);
        end.hear(Raw::new(State::Down)).unwrap();
        end.hear(end.raw(State::Up)).unwrap();
        assert_eq!(end.events(), [Change::Up]);
        end.hear(Raw { is_final: true, ..end.raw(State::Up) }).unwrap();
        while end.table.poll_transmit().is_some() {}
        end.hear(Raw { is_final: true, ..end.raw(State::Up) }).unwrap();
        end.hear(end.raw(State::Up)).unwrap();
        while end.table.poll_transmit().is_some() {}
        end
    }

    /// What the other end says once it knows this one.
    pub(crate) fn raw(&self, state: State) -> Raw {
        Raw { yours: self.status().discriminator.value(), ..Raw::new(state) }
    }

    pub(crate) fn hear(&mut self, raw: Raw) -> Result<(), Discard> {
        self.hear_bytes(&raw.bytes())
    }

    pub(crate) fn hear_bytes(&mut self, bytes: &[u8]) -> Result<(), Discard> {
        self.hear_as(self.heard(), bytes)
    }

    pub(crate) fn hear_as(&mut self, heard: Heard, bytes: &[u8]) -> Result<(), Discard> {
        self.table.handle_packet(self.now, self.now, &heard, bytes)
    }

    /// How the other end's packets arrive.
    pub(crate) fn heard(&self) -> Heard {
        Heard { hops: self.path.hops(), source: self.path.peer(), destination: LOCAL, interface: 3, ttl: 255 }
    }

    pub(crate) fn status(&self) -> Status {
        self.table.session(&self.path).unwrap()
    }

    pub(crate) fn state(&self) -> State {
        self.status().state
    }

    pub(crate) fn events(&mut self) -> Vec<Change> {
        std::iter::from_fn(|| self.table.poll_event()).map(|event| event.change).collect()
    }

    /// What leaves at once.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        let now = self.now;
        std::iter::from_fn(|| self.table.poll_transmit())
            .map(|transmit| Sent { at: now, bytes: transmit.payload })
            .collect()
    }

    /// What leaves while so much time passes.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<Sent> {
        let until = self.now + time;
        let mut sent = self.sent();
        while let Some(at) = self.table.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.table.handle_timeout(self.now);
            sent.extend(self.sent());
        }
        self.now = until;
        sent
    }

    /// The same while the other end says that it is up every `interval`.
    pub(crate) fn pass_heard(&mut self, time: Duration, interval: Duration) -> Vec<Sent> {
        let until = self.now + time;
        let mut sent = Vec::new();
        while self.now < until {
            sent.extend(self.pass(interval.min(until.since(self.now))));
            if self.table.session(&self.path).is_some() {
                let _ = self.hear(self.raw(State::Up));
            }
        }
        sent
    }
}

/// A packet that was sent, read at fixed places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    pub(crate) bytes: [u8; 24],
}

impl Sent {
    pub(crate) fn state(&self) -> State {
        State::ALL[usize::from(self.bytes[1] >> 6)]
    }

    pub(crate) fn polls(&self) -> bool {
        self.bytes[1] & 0x20 != 0
    }

    pub(crate) fn is_final(&self) -> bool {
        self.bytes[1] & 0x10 != 0
    }

    pub(crate) fn diagnostic(&self) -> u8 {
        self.bytes[0] & 0x1f
    }

    pub(crate) fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }
}

/// A packet as the other end writes it: every field may be wrong.
#[derive(Clone, Copy)]
pub(crate) struct Raw {
    pub(crate) version: u8,
    pub(crate) diagnostic: u8,
    pub(crate) state: State,
    pub(crate) poll: bool,
    pub(crate) is_final: bool,
    /// C, A, D and M.
    pub(crate) low_bits: u8,
    pub(crate) multiplier: u8,
    pub(crate) len: u8,
    pub(crate) mine: u32,
    pub(crate) yours: u32,
    pub(crate) min_tx: u32,
    pub(crate) min_rx: u32,
}

impl Raw {
    /// A packet in order, from an end that does not know the other yet.
    pub(crate) fn new(state: State) -> Self {
        Self {
            version: 1,
            diagnostic: 0,
            state,
            poll: false,
            is_final: false,
            low_bits: 0,
            multiplier: 3,
            len: 24,
            mine: THEIRS,
            yours: 0,
            min_tx: 300_000,
            min_rx: 300_000,
        }
    }

    pub(crate) fn bytes(self) -> [u8; 24] {
        let state = match self.state {
            State::AdminDown => 0x00,
            State::Down => 0x40,
            State::Init => 0x80,
            State::Up => 0xc0,
        };
        let flags = state | (u8::from(self.poll) << 5) | (u8::from(self.is_final) << 4) | self.low_bits;
        let mut bytes = [0; 24];
        bytes[0] = (self.version << 5) | self.diagnostic;
        bytes[1] = flags;
        bytes[2] = self.multiplier;
        bytes[3] = self.len;
        bytes[4..8].copy_from_slice(&self.mine.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.yours.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.min_tx.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.min_rx.to_be_bytes());
        bytes
    }
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn profile(transmit: u64, receive: u64, multiplier: u8) -> Profile {
    Profile::new(ms(transmit), ms(receive), multiplier).unwrap()
}
