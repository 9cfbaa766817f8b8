//! The clock and everything on its way.

use std::{collections::BTreeMap, time::Duration};

use ferrolb_runtime::kinds;
use ferrolb_sansio::Rng;

use super::{
    super::super::{Event, has_finalizer, has_our_condition},
    check::Checks,
    controller::{Controller, Leader, Message, Role, Who},
    draw::Scenario,
    fault::Conditions,
    objects,
    op::Op,
    requests::Request,
    store::{Store, wall_clock},
    streams::{Kind, Stream},
};
use crate::lease::state::{DURATION, Decision, Observed, RETRY, Watcher, decide};

/// Names one request.
pub(super) type Ticket = u64;

/// Everything.
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) store: Store,
    pub(super) snapshot: Option<Store>,
    pub(super) controllers: Vec<Controller>,
    pub(super) conditions: Conditions,
    pub(super) checks: Checks,
    pub(super) rng: Rng,
    pub(super) default_class: bool,
    pub(super) cleanup_finalizer: bool,
    pub(super) verbose: bool,
    pub(super) last_ticket: Ticket,
    queue: BTreeMap<(Duration, u64), Item>,
    sequence: u64,
}

/// Something that happens at a time.
pub(super) enum Item {
    /// A user does something, or something fails.
    Op(Op),
    /// A process hears something.
    To(Who, Message),
    /// A request reaches the API server.
    Arrives(Request),
    /// The API server reads a list for a watch.
    Lists { who: Who, kind: Kind, connection: u32 },
    /// A PUT of the lease reaches the API server.
    LeaseArrives { who: Who, seen: u64, sent: Duration, holder: String },
    /// A speaker reports that it works from the newest slices.
    Reports(String),
    /// A process starts.
    Starts(usize),
    /// A frozen process runs on.
    Thaws(Who),
}

impl World {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut world = Self {
            now: Duration::from_secs(1),
            store: objects::first_objects(),
            snapshot: None,
            controllers: (0..scenario.controllers).map(|_| Controller::new()).collect(),
            conditions: Conditions::default(),
            checks: Checks::default(),
            rng: Rng::new(scenario.seed),
            default_class: scenario.default_class,
            cleanup_finalizer: scenario.cleanup_finalizer,
            verbose: false,
            last_ticket: 0,
            queue: BTreeMap::new(),
            sequence: 0,
        };
        world.checks.pools_changed(world.now, &world.store);
        for number in 0..scenario.controllers {
            let start = world.now + world.rng.jitter(Duration::from_secs(3));
            world.at(start, Item::Starts(number));
        }
        for (at, op) in &scenario.ops {
            world.at(world.now + *at, Item::Op(op.clone()));
        }
        world
    }

    /// Lets everything happen until `end`.
    pub(super) fn run_until(&mut self, end: Duration) {
        while let Some(entry) = self.queue.first_entry() {
            let (at, _) = *entry.key();
            if at > end || self.checks.is_hopeless() {
                break;
            }
            let item = entry.remove();
            self.now = at;
            self.happen(item);
        }
        self.now = self.now.max(end);
    }

    pub(super) fn at(&mut self, time: Duration, item: Item) {
        self.sequence += 1;
        self.queue.insert((time, self.sequence), item);
    }

    pub(super) fn after(&mut self, pause: Duration, item: Item) {
        self.at(self.now + pause, item);
    }

    pub(super) fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:>11.3} {}", self.now.as_secs_f64(), what());
        }
    }

    fn happen(&mut self, item: Item) {
        self.checks.steps += 1;
        match item {
            Item::Op(op) => {
                self.tell(|| format!("{op:?}"));
                self.perform(op);
            }
            Item::To(who, message) => self.hear(who, message),
            Item::Arrives(request) => self.arrives(request),
            Item::Lists { who, kind, connection } => self.lists(who, kind, connection),
            Item::LeaseArrives { who, seen, sent, holder } => self.lease_arrives(who, seen, sent, holder),
            Item::Reports(node) => self.reports(&node),
            Item::Starts(controller) => {
                if matches!(self.controllers[controller].role, Role::Down) {
                    self.stand_by(controller);
                }
            }
            Item::Thaws(who) => self.thaws(who),
        }
    }

    /// The process, if it still lives.
    fn alive(&mut self, who: Who) -> Option<&mut Controller> {
        Some(&mut self.controllers[who.controller]).filter(|controller| controller.life == who.life)
    }

    fn hear(&mut self, who: Who, message: Message) {
        let Some(controller) = self.alive(who) else { return };
        if controller.frozen_until.is_some() {
            controller.backlog.push_back((who, message));
            return;
        }
        match message {
            Message::Lease => self.look_at_lease(who),
            Message::LeaseAnswer { sent, version } => self.lease_answered(who, sent, version),
            Message::Event { connection, event } => {
                let Some(leader) = controller.leader() else { return };
                if leader.streams[&Kind::of(&event)].connection == connection {
                    leader.index.apply(*event);
                    self.pump(who);
                }
            }
            Message::Left(service) => {
                if let Some(leader) = controller.leader() {
                    leader.index.apply(Event::Left(service));
                    self.pump(who);
                }
            }
            Message::Answer { ticket, verdict } => self.answered(who, ticket, verdict),
            Message::GiveUp { ticket } => self.gives_up(who, ticket),
            Message::Wake => {
                let now = self.now;
                if let Some(leader) = self.controllers[who.controller].leader() {
                    if leader.wake.is_some_and(|wake| wake <= now) {
                        leader.wake = None;
                    }
                    self.audit(who);
                    self.pump(who);
                }
            }
        }
    }

    /// What watches are to be told of.
    pub(super) fn publish(&mut self, event: Option<Event>) {
        let Some(event) = event else { return };
        let kind = Kind::of(&event);
        if kind == Kind::Slices {
            for node in self.store.nodes.keys().cloned().collect::<Vec<_>>() {
                let pause = Duration::from_millis(20 + self.rng.below(300));
                self.after(pause, Item::Reports(node));
            }
        }
        for number in 0..self.controllers.len() {
            let who = Who { controller: number, life: self.controllers[number].life };
            let delay = self.conditions.delay(self.now, &mut self.rng);
            let twice = self.conditions.is_faulty(self.now) && self.rng.below(20) == 0;
            let now = self.now;
            let Some(leader) = self.controllers[number].leader() else { continue };
            let Some(stream) = leader.streams.get_mut(&kind).filter(|stream| stream.open) else { continue };
            stream.next = stream.next.max(now + delay);
            let (next, connection) = (stream.next, stream.connection);
            for _ in 0..=u8::from(twice) {
                let message = Message::Event { connection, event: Box::new(event.clone()) };
                self.at(next, Item::To(who, message));
            }
        }
    }

    /// A watch begins anew: it lists after a pause.
    pub(super) fn relist(&mut self, who: Who, kind: Kind, pause: Duration) {
        let Some(controller) = self.alive(who) else { return };
        let Some(leader) = controller.leader() else { return };
        if pause > Duration::ZERO && kind == Kind::Endpoints && !leader.streams.contains_key(&kind) {
            return;
        }
        let stream = leader.streams.entry(kind).or_default();
        *stream = Stream { open: false, connection: stream.connection + 1, next: stream.next };
        let connection = stream.connection;
        self.after(pause, Item::Lists { who, kind, connection });
    }

    fn lists(&mut self, who: Who, kind: Kind, connection: u32) {
        let (now, cut) = (self.now, self.controllers[who.controller].cut_until);
        if cut > now {
            return self.at(cut, Item::Lists { who, kind, connection });
        }
        let delay = self.conditions.delay(now, &mut self.rng) * 2;
        let Some(leader) = self.alive(who).and_then(Controller::leader) else { return };
        let Some(stream) = leader.streams.get_mut(&kind) else { return };
        if stream.connection != connection {
            return;
        }
        stream.open = true;
        stream.next = stream.next.max(now + delay);
        let next = stream.next;
        if kind == Kind::Services {
            self.sweeps(who, next + Duration::from_secs(1));
        }
        let event = Box::new(kind.list(&self.store));
        self.at(next, Item::To(who, Message::Event { connection, event }));
    }

    /// What is no load balancer and has something of ours, as it is found some time after the start.
    fn sweeps(&mut self, who: Who, at: Duration) {
        let ours = |service: &&kinds::Service| {
            service.spec.r#type != "LoadBalancer"
                && (has_our_condition(service) || (self.cleanup_finalizer && has_finalizer(service)))
        };
        let left = self.store.services.values().filter(ours).map(ferrolb_config::service_id);
        for id in left.collect::<Vec<_>>() {
            self.at(at, Item::To(who, Message::Left(id)));
        }
    }

    fn reports(&mut self, node: &str) {
        let newest = self.store.slices.values().filter_map(|slice| slice.metadata.resource_version.clone());
        let newest = newest.max_by_key(|version| version.parse::<u64>().unwrap_or_default());
        let event = objects::report(&mut self.store, node, newest.unwrap_or_default());
        self.publish(event);
    }

    /// A process begins, or begins anew, as a standby.
    pub(super) fn stand_by(&mut self, number: usize) {
        let controller = &mut self.controllers[number];
        controller.end();
        controller.role = Role::Standby(Watcher::default());
        let who = Who { controller: number, life: controller.life };
        self.after(Duration::from_millis(10), Item::To(who, Message::Lease));
    }

    fn look_at_lease(&mut self, who: Who) {
        let (now, cut) = (self.now, self.controllers[who.controller].cut_until);
        self.after(RETRY, Item::To(who, Message::Lease));
        let lease = self.store.lease.clone();
        let (seen, wants) = match &mut self.controllers[who.controller].role {
            Role::Down => return,
            Role::Standby(watcher) => {
                if cut > now {
                    return;
                }
                let observed = Observed {
                    holder: lease.holder.clone(),
                    resource_version: lease.version.to_string(),
                    duration: DURATION,
                };
                let unchanged = watcher.unchanged_for(&observed, now);
                (lease.version, decide(Some(&observed), &who.name(), unchanged) == Decision::Take)
            }
            Role::Leading(leader) => {
                if leader.holds_until <= now {
                    self.tell(|| format!("{} lost the lease", who.name()));
                    return self.stand_by(who.controller);
                }
                (leader.lease_version, leader.stopping.is_none())
            }
        };
        if wants && cut <= now {
            let delay = self.conditions.latency(&mut self.rng);
            self.after(delay, Item::LeaseArrives { who, seen, sent: now, holder: who.name() });
        }
    }

    fn lease_arrives(&mut self, who: Who, seen: u64, sent: Duration, holder: String) {
        let lease = &mut self.store.lease;
        let version = (lease.version == seen).then(|| {
            lease.version += 1;
            lease.holder = holder;
            lease.version
        });
        // Another's renewal, or one of its own whose answer was lost: then the version found is as good.
        let mine = self.store.lease.holder == who.name();
        let version = version.or_else(|| mine.then_some(self.store.lease.version));
        if !self.conditions.loses_lease_answer(self.now, &mut self.rng) {
            let delay = self.conditions.latency(&mut self.rng);
            self.after(delay, Item::To(who, Message::LeaseAnswer { sent, version }));
        }
    }

    fn lease_answered(&mut self, who: Who, sent: Duration, version: Option<u64>) {
        let (default_class, cleanup) = (self.default_class, self.cleanup_finalizer);
        match (&mut self.controllers[who.controller].role, version) {
            (Role::Down, _) | (Role::Standby(_), None) => {}
            (Role::Leading(leader), Some(version)) => {
                leader.holds_until = leader.holds_until.max(sent + DURATION);
                leader.lease_version = version;
                self.pump(who);
            }
            (Role::Leading(_), None) => {
                self.tell(|| format!("{} finds the lease taken", who.name()));
                self.stand_by(who.controller);
            }
            (role @ Role::Standby(_), Some(version)) => {
                *role =
                    Role::Leading(Box::new(Leader::new(default_class, cleanup, sent + DURATION, version)));
                self.tell(|| format!("{} leads", who.name()));
                for kind in Kind::ALL {
                    let pause = self.conditions.latency(&mut self.rng);
                    self.relist(who, kind, pause);
                }
            }
        }
    }

    fn thaws(&mut self, who: Who) {
        let now = self.now;
        let Some(controller) = self.alive(who) else { return };
        // A second freeze may have come meanwhile, with an end of its own.
        if controller.frozen_until.is_none_or(|until| until > now) {
            return;
        }
        controller.frozen_until = None;
        controller.holds_requests = false;
        let backlog = std::mem::take(&mut controller.backlog);
        self.tell(|| format!("{} runs on", who.name()));
        for (who, message) in backlog {
            self.hear(who, message);
        }
    }

    pub(super) fn today(&self) -> jiff::Timestamp {
        wall_clock(self.now)
    }

    pub(super) fn leaders(&mut self) -> impl Iterator<Item = &mut Leader> {
        self.controllers.iter_mut().filter_map(Controller::leader)
    }
}
