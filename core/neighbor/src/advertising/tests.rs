use super::*;

const OWN: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x1);
const OTHER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x2);

/// One interface, and a clock that goes from timer to timer.
struct Rig {
    now: Instant,
    interface: AdvertisingInterface,
}

impl Rig {
    fn new(seed: u64) -> Self {
        let now = Instant::from_millis(1_000);
        let interface = AdvertisingInterface::new(now, Mac([2, 0, 0, 0, 0, 1]), vec![OWN], seed);
        Self { now, interface }
    }

    /// One that has asked often enough, and told all nodes.
    fn quiet(seed: u64) -> Self {
        let mut rig = Self::new(seed);
        rig.pass(20_000);
        rig
    }

    /// All that is sent in so many milliseconds: when, in milliseconds from now, which type, and to whom.
    fn pass(&mut self, millis: u64) -> Vec<(u64, u8, Ipv6Addr)> {
        let (start, end) = (self.now, self.now + Duration::from_millis(millis));
        let (mut sent, mut message) = (Vec::new(), Vec::new());
        while let Some(due) = self.interface.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.interface.handle_timeout(self.now);
            while let Some(to) = self.interface.poll_transmit(&mut message) {
                let after = u64::try_from(self.now.since(start).as_millis()).unwrap();
                sent.push((after, message[0], to));
            }
        }
        self.now = end;
        sent
    }

    fn advertisements(&mut self, millis: u64) -> Vec<(u64, Ipv6Addr)> {
        let sent = self.pass(millis).into_iter().filter(|(_, kind, _)| *kind == 134);
        sent.map(|(after, _, to)| (after, to)).collect()
    }

    fn hear(&mut self, source: Ipv6Addr, lifetime: u16) {
        let [high, low] = lifetime.to_be_bytes();
        let message = [134, 0, 0, 0, 64, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 0];
        self.interface.handle_message(self.now, source, 255, &message);
    }

    fn ask(&mut self, source: Ipv6Addr) {
        self.interface.handle_message(self.now, source, 255, &[133, 0, 0, 0, 0, 0, 0, 0]);
    }

    fn session(&mut self, stands: bool) {
        self.interface.set_session(self.now, stands);
    }

    fn event(&mut self) -> Option<Event> {
        self.interface.poll_event()
    }
}

/// RFC 4861 §6.2.4.
#[test]
fn all_nodes_are_told_at_once_and_then_at_uneven_intervals() {
    for seed in 0..100 {
        let told = Rig::new(seed).advertisements(120_000);
        assert!(told.iter().all(|(_, to)| *to == ALL_NODES));
        let moments: Vec<u64> = told.into_iter().map(|(after, _)| after).collect();
        assert_eq!(moments[0], 0);
        let pauses: Vec<u64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.iter().all(|pause| (3_299..=10_000).contains(pause)), "{seed}: {pauses:?}");
        assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]), "{seed}: {pauses:?}");
    }
}

/// RFC 4861 §6.3.7.
#[test]
fn routers_are_asked_for_three_times_or_until_one_is_heard() {
    let asked = |rig: &mut Rig| rig.pass(60_000).iter().filter(|(_, kind, _)| *kind == 133).count();
    assert_eq!(asked(&mut Rig::new(1)), 3);
    let mut rig = Rig::new(1);
    rig.pass(1_000);
    rig.hear(ROUTER, 30);
    assert_eq!(asked(&mut rig), 0);
}

#[test]
fn a_router_that_is_heard_is_answered_at_once_and_told_of_once_it_knows_this_node() {
    let mut rig = Rig::quiet(1);
    rig.hear(ROUTER, 30);
    assert_eq!(rig.advertisements(199)[0], (0, ROUTER));
    assert_eq!(rig.event(), None, "it may not know this node yet");
    rig.pass(1);
    assert_eq!(rig.event(), Some(Event::Router(ROUTER)));
    rig.pass(1_000);
    rig.hear(ROUTER, 30);
    rig.pass(1_000);
    assert_eq!(rig.event(), None, "that is known");
}

/// A router that was restarted knows nobody: until there is a session it is told each time it is heard.
#[test]
fn a_router_without_a_session_is_answered_again_and_one_with_a_session_is_not() {
    let mut rig = Rig::quiet(1);
    let mut answered = || {
        rig.hear(ROUTER, 30);
        rig.advertisements(5_000).iter().any(|(_, to)| *to == ROUTER)
    };
    assert!(answered() && answered());
    rig.session(true);
    rig.hear(ROUTER, 30);
    assert!(rig.advertisements(5_000).iter().all(|(_, to)| *to == ALL_NODES));
}

#[test]
fn the_newest_router_is_believed_but_not_while_a_session_stands() {
    let mut rig = Rig::quiet(1);
    rig.hear(ROUTER, 30);
    rig.pass(300);
    assert_eq!(rig.event(), Some(Event::Router(ROUTER)));
    rig.hear(OTHER, 30);
    rig.pass(300);
    assert_eq!(rig.event(), Some(Event::Router(OTHER)));
    rig.session(true);
    rig.hear(ROUTER, 30);
    rig.pass(1_000);
    assert_eq!(rig.event(), None);
    rig.session(false);
    assert_eq!(rig.event(), Some(Event::Router(ROUTER)));
}

#[test]
fn a_lifetime_ends_who_is_believed_only_without_a_session() {
    let mut rig = Rig::quiet(1);
    rig.hear(ROUTER, 30);
    rig.pass(29_999);
    assert_eq!(rig.event(), Some(Event::Router(ROUTER)));
    rig.pass(1);
    assert_eq!(rig.event(), Some(Event::Silent));

    rig.hear(ROUTER, 30);
    rig.pass(300);
    assert_eq!(rig.event(), Some(Event::Router(ROUTER)));
    rig.session(true);
    rig.pass(300_000);
    assert_eq!(rig.event(), None);
    rig.session(false);
    assert_eq!(rig.event(), Some(Event::Silent));
}

/// It says that hosts should not use it, as this node does, and not that it is gone.
#[test]
fn a_router_without_a_lifetime_is_believed_for_half_an_hour() {
    let mut rig = Rig::quiet(1);
    rig.hear(ROUTER, 0);
    rig.pass(1_799_999);
    assert_eq!(rig.event(), Some(Event::Router(ROUTER)));
    rig.pass(1);
    assert_eq!(rig.event(), Some(Event::Silent));
}

#[test]
fn this_node_s_own_messages_are_not_believed() {
    let mut rig = Rig::quiet(1);
    rig.hear(OWN, 30);
    rig.ask(OWN);
    assert!(rig.advertisements(1_000).iter().all(|(_, to)| *to == ALL_NODES));
    assert_eq!(rig.event(), None);
}

/// RFC 4861 §6.2.6.
#[test]
fn solicitations_are_answered_within_half_a_second() {
    for seed in 0..100 {
        let mut rig = Rig::quiet(seed);
        rig.ask(ROUTER);
        assert!(rig.advertisements(500).iter().any(|(_, to)| *to == ROUTER), "{seed}");
        let mut rig = Rig::quiet(seed);
        rig.ask(Ipv6Addr::UNSPECIFIED);
        assert_eq!(rig.advertisements(3_500)[0].1, ALL_NODES, "{seed}: all, since it has no address");
    }
}

/// RFC 4861 §6.2.6: all nodes at most every three seconds; and single ones at most once a second after four.
#[test]
fn no_flood_is_answered_by_a_flood() {
    let mut rig = Rig::quiet(1);
    let (mut to_all, mut to_one) = (Vec::new(), 0);
    let start = rig.now;
    for n in 0..60_000_u32 {
        let source = Ipv6Addr::from_bits(ROUTER.to_bits() + 256 + u128::from(n % 1_000));
        rig.ask(source);
        rig.hear(source, 30);
        let before = u64::try_from(rig.now.since(start).as_millis()).unwrap();
        for (after, _, to) in rig.pass(1) {
            if to == ALL_NODES { to_all.push(before + after) } else { to_one += 1 }
        }
    }
    assert!(to_one <= 64, "{to_one} answers in a minute");
    assert!(to_all.windows(2).all(|pair| pair[1] - pair[0] >= 3_000), "{to_all:?}");
    assert!(to_all.len() >= 15, "others are still told: {to_all:?}");
}

#[test]
fn what_could_not_be_sent_is_sent_soon() {
    let mut rig = Rig::quiet(1);
    rig.interface.handle_unsent(rig.now);
    assert_eq!(rig.advertisements(1_000).last().unwrap().1, ALL_NODES);
}

/// Nothing that anybody sends makes it panic or tell of somebody who is no neighbour.
#[test]
fn garbage_is_ignored() {
    let mut rig = Rig::quiet(1);
    let mut rng = Rng::new(7);
    for _ in 0..20_000 {
        let mut message: Vec<u8> = (0..rng.below(64)).map(|_| rng.next().to_le_bytes()[0]).collect();
        if let Some(kind) = message.first_mut() {
            *kind = 133 + *kind % 2;
        }
        let (source, hop_limit) = match rng.below(3) {
            0 => (Ipv6Addr::from_bits(rng.next().into()), 255),
            1 => (ROUTER, 64),
            _ => (ROUTER, 255),
        };
        rig.interface.handle_message(rig.now, source, hop_limit, &message);
        rig.pass(1);
        assert!(matches!(rig.event(), None | Some(Event::Router(ROUTER))));
    }
}
