//! Router advertisements and solicitations, as an interface hears them that speaks BGP without addresses.

use std::net::Ipv6Addr;
use std::time::Duration;

use ferrolb_neighbor::Mac;
use ferrolb_neighbor::advertising::{AdvertisingInterface, Event};
use ferrolb_sansio::Instant;

/// Messages one after the other: from whom and how, when, and which octets.
pub fn messages(bytes: &[u8]) {
    let mut node = Node::new();
    let mut rest = bytes;
    while let [how, wait, length, after @ ..] = rest {
        let (message, after) = after.split_at(usize::from(*length).min(after.len()));
        node.hear(*how, message);
        node.pass(Duration::from_millis(20) * u32::from(*wait));
        rest = after;
    }
}

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
const OWN: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xa);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const SOURCES: [Ipv6Addr; 8] = [
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2),
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 3),
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
    Ipv6Addr::UNSPECIFIED,
    Ipv6Addr::LOCALHOST,
    OWN,
];

struct Node {
    interface: AdvertisingInterface,
    start: Instant,
    now: Instant,
    session: bool,
    /// Who sent what makes a router (RFC 4861 §6.1.2).
    routers: Vec<Ipv6Addr>,
    to_all: Option<Instant>,
    to_one: u64,
    solicitations: u32,
}

impl Node {
    fn new() -> Self {
        let start = Instant::from_millis(1_000);
        Self {
            interface: AdvertisingInterface::new(start, MAC, vec![OWN], 1),
            start,
            now: start,
            session: false,
            routers: Vec::new(),
            to_all: None,
            to_one: 0,
            solicitations: 0,
        }
    }

    fn hear(&mut self, how: u8, message: &[u8]) {
        let source = SOURCES[usize::from(how & 7)];
        let hop_limit = if how & 8 != 0 { 254 } else { 255 };
        self.session = how & 16 != 0;
        self.interface.set_session(self.now, self.session);
        self.told();
        self.interface.handle_message(self.now, source, hop_limit, message);
        let advertises = message.len() >= 16 && message[..2] == [134, 0];
        if source.is_unicast_link_local() && source != OWN && hop_limit == 255 && advertises {
            self.routers.push(source);
        }
        self.told();
    }

    /// Nothing is due again at once.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.interface.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.interface.handle_timeout(self.now);
            assert!(self.interface.poll_timeout().is_none_or(|next| next > self.now));
            self.said();
            self.told();
        }
        self.now = until;
    }

    /// Nobody is a router who did not say so from next door, and none becomes one while there is a session with another.
    fn told(&mut self) {
        match self.interface.poll_event() {
            Some(Event::Router(router)) => assert!(self.routers.contains(&router) && !self.session),
            Some(Event::Silent) => assert!(!self.session),
            None => {}
        }
    }

    /// RFC 4861 §6.2.6 and §6.3.7: all nodes are told every three seconds at most, and routers asked for three times; single
    /// stations are answered four times and then once a second. Nothing said makes a router of this node.
    fn said(&mut self) {
        let mut message = Vec::new();
        while let Some(to) = self.interface.poll_transmit(&mut message) {
            let option = [1, 1, 2, 0, 0, 0, 0, 1];
            if to == ALL_ROUTERS {
                assert_eq!(message, [&[133, 0, 0, 0, 0, 0, 0, 0][..], &option].concat());
                self.solicitations += 1;
                continue;
            }
            assert_eq!(message, [&[134][..], &[0; 15], &option].concat());
            if to == ALL_NODES {
                assert!(self.to_all.is_none_or(|last| self.now.since(last) >= Duration::from_secs(3)));
                self.to_all = Some(self.now);
            } else {
                assert!(SOURCES.contains(&to) && !to.is_multicast() && !to.is_unspecified() && to != OWN);
                self.to_one += 1;
            }
        }
        assert!(self.solicitations <= 3);
        assert!(self.to_one <= 4 + self.now.since(self.start).as_secs());
    }
}
