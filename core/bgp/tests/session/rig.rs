use std::time::Duration;

use ferrolb_bgp::policy::{Addresses, Route};
use ferrolb_bgp::session::{
    Accepted, Action, Event, Opening, PeerAs, Restart, Session, Settings, StateName, TransportId,
};
use ferrolb_bgp::wire::{Capability, Notification, Open, keepalive};
use ferrolb_bgp::{Asn, Family, Prefix, RouterId};
use ferrolb_sansio::{Instant, Rng};

use crate::reader::messages;

/// One session, and the test in the place of its transports and its peer.
pub(crate) struct Rig {
    pub(crate) now: Instant,
    pub(crate) session: Session,
    /// The transport that was dialled or accepted last.
    pub(crate) transport: TransportId,
    /// The transport takes what it is given.
    pub(crate) reading: bool,
    /// What the session did since this was last taken.
    pub(crate) done: Vec<String>,
    /// Every octet it wrote.
    pub(crate) written: Vec<u8>,
    pub(crate) events: Vec<Event>,
}

pub(crate) const OURS: Asn = Asn(64512);
pub(crate) const THEIRS: Asn = Asn(64513);

pub(crate) fn id(last: u8) -> RouterId {
    RouterId::new([192, 0, 2, last].into()).unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings { opening: Opening::Either, ..Settings::new(OURS, PeerAs::Number(THEIRS), id(5)) }
}

pub(crate) fn their_open() -> Open {
    let families = Family::ALL.map(|family| Capability::Multiprotocol(family.codes()));
    let mut capabilities = families.to_vec();
    capabilities.extend([Capability::RouteRefresh, Capability::FourOctetAsn(THEIRS)]);
    Open { asn: THEIRS, hold_time: 90, identifier: id(7), capabilities }
}

pub(crate) fn vip(n: u8) -> Prefix {
    format!("198.51.100.{n}/32").parse().unwrap()
}

impl Rig {
    pub(crate) fn new(settings: Settings) -> Self {
        let now = Instant::from_millis(1_000_000);
        let mut session = Session::new(now, settings, Restart::default(), Rng::new(1));
        session.routes().set_complete(true);
        session.routes().set(vip(1), Some(Route::default().into()));
        let transport = TransportId(0);
        Self { now, session, transport, reading: true, done: vec![], written: vec![], events: vec![] }
    }

    pub(crate) fn started(settings: Settings) -> Self {
        let mut rig = Self::new(settings);
        rig.session.start(rig.now);
        rig.settle();
        rig
    }

    /// Brings a session that was just started into a state.
    pub(crate) fn brought_to(settings: Settings, state: StateName) -> Self {
        Self::with_peer(settings, &their_open(), state)
    }

    pub(crate) fn with_peer(settings: Settings, open: &Open, state: StateName) -> Self {
        let mut rig = Self::new(settings);
        if state == StateName::Idle {
            return rig;
        }
        rig.session.start(rig.now);
        rig.settle();
        if state == StateName::Active {
            rig.close(Some("connection refused"));
        }
        if state >= StateName::OpenSent {
            rig.connect();
        }
        if state >= StateName::OpenConfirm {
            rig.open(open);
        }
        if state >= StateName::Established {
            rig.receive(keepalive);
        }
        assert_eq!(rig.session.state(), state);
        rig.done.clear();
        rig.events.clear();
        rig
    }

    pub(crate) fn connect(&mut self) {
        self.session.handle_connected(self.now, self.transport, addresses());
        self.settle();
    }

    pub(crate) fn accept(&mut self) {
        match self.session.handle_accepted(self.now, addresses()) {
            Accepted::Taken(transport) => {
                self.done.push("takes it".into());
                self.transport = transport;
            }
            Accepted::Refused(last) => self.done.push(format!("refuses it with {}", last_words(&last))),
        }
        self.settle();
    }

    pub(crate) fn close(&mut self, failure: Option<&str>) {
        self.session.handle_closed(self.now, self.transport, failure.map(Into::into));
        self.settle();
    }

    pub(crate) fn open(&mut self, open: &Open) {
        self.receive(|out| open.encode(out).unwrap());
    }

    pub(crate) fn receive(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut octets = Vec::new();
        write(&mut octets);
        self.session.handle_received(self.now, self.transport, &octets);
        self.settle();
    }

    /// Lets time pass, and wakes the session whenever it asks for it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.session.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.session.handle_timeout(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// Carries out what the session wants.
    pub(crate) fn settle(&mut self) {
        while self.act() || self.write() {}
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
    }

    fn act(&mut self) -> bool {
        match self.session.poll_action() {
            None => return false,
            Some(Action::Connect(transport)) => {
                self.transport = transport;
                self.done.push("connects".into());
            }
            Some(Action::Close { last, .. }) if last.is_empty() => self.done.push("closes it".into()),
            Some(Action::Close { last, .. }) => {
                self.written.extend_from_slice(&last);
                self.done.push(format!("closes it with {}", last_words(&last)));
            }
        }
        true
    }

    fn write(&mut self) -> bool {
        let octets = match self.reading {
            true => self.session.poll_transmit(self.now, self.transport).to_vec(),
            false => vec![],
        };
        self.done.extend(messages(&octets).iter().map(|(kind, _)| format!("sends {}", name(*kind))));
        self.written.extend_from_slice(&octets);
        if !octets.is_empty() {
            self.session.handle_sent(self.now, self.transport, octets.len());
        }
        !octets.is_empty()
    }

    /// When it tries again, from now on.
    pub(crate) fn wait(&self) -> Duration {
        self.session.next_attempt().unwrap().since(self.now)
    }

    pub(crate) fn last_error(&self) -> &str {
        self.session.last_error().map_or("", |error| &error.text)
    }
}

fn addresses() -> Addresses {
    Addresses { local: "192.0.2.5".parse().unwrap(), ..Addresses::default() }
}

/// The words of the NOTIFICATION at the end of these octets.
pub(crate) fn last_words(octets: &[u8]) -> String {
    let (kind, body) = messages(octets).pop().unwrap();
    assert_eq!(kind, 3);
    let code = ferrolb_bgp::wire::ErrorCode::from_numbers(body[0], body[1]);
    let data = body[2..].to_vec();
    Notification { code, data }.to_string()
}

pub(crate) fn name(kind: u8) -> &'static str {
    ["", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"][usize::from(kind)]
}
