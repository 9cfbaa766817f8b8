//! BFD: control packets, and the sessions that hear them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ferrolb_bfd::{Change, Discriminator, Heard, Hops, Packet, Path, Profile, State, Status, TTL, Table};
use ferrolb_sansio::{Instant, Rng};

/// One packet, and the same octets as a conversation.
pub fn datagrams(bytes: &[u8]) {
    packet(bytes);
    let mut node = Node::new();
    for piece in bytes.chunks(2 + PAYLOAD) {
        let [how, wait, payload @ ..] = piece else { return };
        node.pass(Duration::from_millis(10) * u32::from(*wait));
        node.hear(*how, payload);
    }
}

/// It is accepted if it keeps the rules of RFC 5880 §6.8.6 and only then, and nothing of it but authentication is lost.
fn packet(payload: &[u8]) {
    let accepted = Packet::parse(payload);
    assert_eq!(accepted.is_ok(), keeps_the_rules(payload));
    let Ok(packet) = accepted else { return };
    let emitted = packet.emit();
    let mut expected = [0; Packet::LEN];
    expected.copy_from_slice(&payload[..Packet::LEN]);
    expected[1] &= !AUTHENTICATED;
    expected[3] = 24;
    assert_eq!(emitted, expected);
    assert_eq!(Packet::parse(&emitted), Ok(Packet { authenticated: false, ..packet }));
}

fn keeps_the_rules(payload: &[u8]) -> bool {
    let &[first, flags, multiplier, len, m0, m1, m2, m3, ..] = payload else { return false };
    let least = if flags & AUTHENTICATED != 0 { 26 } else { 24 };
    first >> 5 == 1
        && (least..=payload.len()).contains(&usize::from(len))
        && multiplier != 0
        && flags & MULTIPOINT == 0
        && [m0, m1, m2, m3] != [0; 4]
}

/// The longest payload of a conversation; more than a packet has with the shortest authentication.
const PAYLOAD: usize = 28;
const AUTHENTICATED: u8 = 4;
const MULTIPOINT: u8 = 1;
const INTERFACE: u32 = 2;
const LEAST_TTL: u8 = 250;

/// A node with a session over one hop and a passive one over several.
struct Node {
    table: Table,
    now: Instant,
    /// When each session last took a packet.
    heard: Vec<(Discriminator, Instant)>,
}

impl Node {
    fn new() -> Self {
        let now = Instant::from_millis(1_000);
        let mut table = Table::new(2, Rng::new(1));
        let interface = NonZeroU32::new(INTERFACE);
        let near = Path::new(Hops::Single, near(), None, interface).expect("it makes sense");
        let far = Path::new(Hops::Multi, far(), Some(own(far())), None).expect("it makes sense");
        let passive = Profile::default().passive(true).minimum_ttl(LEAST_TTL);
        let heard = [(near, Profile::default()), (far, passive)]
            .map(|(path, profile)| (table.want(now, path, profile).expect("there is room"), now));
        Self { table, now, heard: heard.into() }
    }

    /// One packet moves one session at most, and that only if it came from its peer and names it, or says that it does not
    /// hear it (RFC 5880 §6.8.6): so nobody who does not know the discriminator makes a session come up.
    fn hear(&mut self, how: u8, payload: &[u8]) {
        let bit = |place: u8| how & 1 << place != 0;
        let hops = if bit(0) { Hops::Multi } else { Hops::Single };
        let source = [near(), far(), IpAddr::from([192, 0, 2, 66]), near()][usize::from(how >> 1 & 3)];
        let destination = if bit(3) { IpAddr::from([192, 0, 2, 77]) } else { own(source) };
        let (interface, ttl) = (if bit(4) { 3 } else { INTERFACE }, if bit(5) { LEAST_TTL - 1 } else { TTL });
        let heard = Heard { hops, source, destination, interface, ttl };
        let mut payload = payload.to_vec();
        // No fuzzer guesses a discriminator.
        if let (true, Some(yours)) = (bit(6), payload.get_mut(8..12)) {
            let (session, _) = self.heard[usize::from(bit(7))];
            yours.copy_from_slice(&session.value().to_be_bytes());
        }
        let before: Vec<Status> = self.table.sessions().collect();
        let outcome = self.table.handle_packet(self.now, self.now, &heard, &payload);
        let after: Vec<Status> = self.table.sessions().collect();
        let mut moved = before.iter().zip(&after).filter(|(before, after)| before != after);
        if outcome.is_err() {
            assert!(moved.next().is_none());
            return self.said();
        }
        let packet = Packet::parse(&payload).expect("what is taken can be read");
        let (before, after) = moved.next().expect("what is taken is counted");
        assert!(moved.next().is_none() && after.received == before.received + 1);
        assert_eq!((after.path.peer(), after.path.hops()), (source, hops));
        match hops {
            Hops::Single => assert!(ttl == TTL && interface == INTERFACE),
            Hops::Multi => assert!(ttl >= LEAST_TTL && destination == own(far())),
        }
        assert!(!packet.authenticated);
        match packet.yours {
            Some(yours) => assert_eq!(yours, after.discriminator),
            None => {
                assert!(matches!(packet.state, State::AdminDown | State::Down));
                assert!(after.state != State::Up && after.ups == before.ups);
            }
        }
        let event = self.table.poll_event().map(|event| event.change);
        assert_eq!(event == Some(Change::Up), after.ups > before.ups);
        assert_eq!(event.is_some(), (before.state == State::Up) != (after.state == State::Up));
        assert!(self.table.poll_event().is_none());
        let session = self.heard.iter_mut().find(|(session, _)| *session == after.discriminator);
        session.expect("there are no others").1 = self.now;
        self.said();
    }

    /// Nothing is due again at once, and nobody is up who has been silent for the detection time.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.table.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.table.handle_timeout(self.now);
            self.said();
            assert!(self.table.poll_timeout().is_none_or(|next| next > self.now));
            while let Some(event) = self.table.poll_event() {
                assert!(matches!(event.change, Change::Down(_)));
            }
        }
        self.now = until;
        for status in self.table.sessions().filter(|status| status.state == State::Up) {
            let heard = self.heard.iter().find(|(session, _)| *session == status.discriminator);
            let silence = self.now.since(heard.expect("there are no others").1);
            assert!(status.detection_time.is_some_and(|detection| silence < detection));
        }
    }

    /// What is said is a packet that says what is so, and an answer and a word of its own are all that a session has to say at
    /// one moment.
    fn said(&mut self) {
        let mut count = 0;
        while let Some(said) = self.table.poll_transmit() {
            count += 1;
            let packet = Packet::parse(&said.payload).expect("what is said can be read");
            let status = self.table.session(&said.path).expect("the session is there");
            assert_eq!((packet.mine, packet.state), (said.session, status.state));
            assert_eq!(packet.yours, status.peer.map(|peer| peer.discriminator));
            assert!(!(packet.poll && packet.is_final), "RFC 5880 §6.5");
        }
        assert!(count <= 2 * self.heard.len());
    }
}

fn near() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

fn far() -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
}

/// The own address that a peer of this family speaks to.
fn own(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => IpAddr::from([192, 0, 2, 2]),
        IpAddr::V6(_) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2]),
    }
}
