use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_bgp::Prefix;
use ferrolb_bgp::policy::{Addresses, Route};
use ferrolb_bgp::session::{Event, Restart, Session, Settings, StateName};
use ferrolb_sansio::{Instant, Rng};

use crate::scene::Scene;
use crate::table::Table;

/// A speaker, and what it has learnt.
#[derive(Debug)]
pub(crate) struct Host {
    /// None while the process does not run.
    pub(crate) session: Option<Session>,
    /// The machine is off: nothing answers, not even its kernel.
    pub(crate) off: bool,
    /// The process stands still until then.
    pub(crate) frozen: Instant,
    /// It reads nothing.
    pub(crate) deaf: bool,
    pub(crate) settings: Settings,
    pub(crate) desired: BTreeMap<Prefix, Arc<Route>>,
    /// What the peer has told in the session that is up.
    pub(crate) table: Table,
    /// When it dialled.
    pub(crate) dials: Vec<Instant>,
    pub(crate) events: Vec<(Instant, Event)>,
    runs: u64,
}

impl Host {
    pub(crate) fn new(scene: &Scene, index: usize, now: Instant) -> Self {
        let mut host = Self {
            session: None,
            off: false,
            frozen: Instant::ZERO,
            deaf: false,
            settings: scene.settings(index),
            desired: (0..scene.routes).map(|n| (vip(index, n), route(0))).collect(),
            table: Table::default(),
            dials: vec![],
            events: vec![],
            runs: 0,
        };
        host.boot(now, scene.seed ^ index as u64);
        host
    }

    /// The process starts.
    pub(crate) fn boot(&mut self, now: Instant, seed: u64) {
        self.runs += 1;
        let restart = Restart { restarted: self.runs > 1, forwarding: false };
        let rng = Rng::new(seed.wrapping_mul(31).wrapping_add(self.runs));
        let mut session = Session::new(now, self.settings.clone(), restart, rng);
        self.desired
            .iter()
            .for_each(|(prefix, route)| session.routes().set(*prefix, Some(Arc::clone(route))));
        session.routes().set_complete(true);
        session.start(now);
        self.session = Some(session);
        self.table = Table::default();
        (self.off, self.frozen) = (false, Instant::ZERO);
    }

    pub(crate) fn set(&mut self, prefix: Prefix, route: Option<Arc<Route>>) {
        match &route {
            Some(route) => drop(self.desired.insert(prefix, Arc::clone(route))),
            None => drop(self.desired.remove(&prefix)),
        }
        if let Some(session) = &mut self.session {
            session.routes().set(prefix, route);
        }
    }

    pub(crate) fn runs(&self, now: Instant) -> bool {
        self.session.is_some() && self.frozen <= now
    }

    pub(crate) fn established(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.state() == StateName::Established)
    }
}

pub(crate) fn addresses(host: usize) -> Addresses {
    let last = host as u8 + 1;
    Addresses {
        local: [192, 0, 2, last].into(),
        ipv6: Some(format!("2001:db8::{last}").parse().unwrap()),
        ..Addresses::default()
    }
}

pub(crate) fn vip(host: usize, n: u32) -> Prefix {
    let third = 100 + host as u32;
    if n.is_multiple_of(2) {
        format!("198.51.{third}.{}/32", n % 256).parse().unwrap()
    } else {
        format!("2001:db8:{third}::{n:x}/128").parse().unwrap()
    }
}

pub(crate) fn route(med: u32) -> Arc<Route> {
    Arc::new(Route { med: Some(med), ..Route::default() })
}
