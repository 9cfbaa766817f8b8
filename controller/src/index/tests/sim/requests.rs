//! Requests of a leader: sent, on their way, answered or not.

use std::time::Duration;

use ferrolb_api::condition::IP_ALLOCATED;

use super::{
    controller::{Controller, Message, Role, Who},
    fault::Fate,
    user::announced,
    world::{Item, Ticket, World},
};
use crate::write::{Outcome, Target, Verdict, Write};

/// The most requests in flight.
const IN_FLIGHT: usize = 32;
/// When a request is given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// Kubernetes Events and conditions about announcing are told at most this often.
const TELLING: Duration = Duration::from_millis(20);
/// More requests about one object within a second than this are a loop.
const LOOP: usize = 15;

/// A request on its way.
pub(super) struct Request {
    pub(super) who: Who,
    pub(super) ticket: Ticket,
    pub(super) write: Write,
    pub(super) fate: Fate,
}

impl World {
    /// What the process' loop does after each event: everything that is due and may go is sent.
    pub(super) fn pump(&mut self, who: Who) {
        let (now, today) = (self.now, self.today());
        let Some(leader) = self.controllers[who.controller].leader() else { return };
        if leader.stopping.is_some() {
            return self.release_if_idle(who);
        }
        let may_send = now + PATIENCE < leader.holds_until;
        let mut writes = Vec::new();
        while may_send && leader.in_flight.len() + writes.len() < IN_FLIGHT {
            let Some(write) = leader.index.poll_write(now, today) else { break };
            writes.push(write);
        }
        if may_send
            && leader.in_flight.len() + writes.len() < IN_FLIGHT
            && leader.next_telling <= now
            && let Some(write) = leader.index.poll_telling(now, today)
        {
            leader.next_telling = now + TELLING;
            writes.push(write);
        }
        let needs_endpoints =
            leader.index.needs_endpoints() && !leader.streams.contains_key(&super::streams::Kind::Endpoints);
        let telling = leader.index.telling_deadline().map(|time| time.max(leader.next_telling));
        let due = [leader.index.deadline(), telling].into_iter().flatten().min();
        // The process' own loop wakes at least once a second, and never twice in a millisecond.
        let due = due.unwrap_or(Duration::MAX).min(now + Duration::from_secs(1));
        let due = due.max(now + Duration::from_millis(1));
        let wakes = leader.wake.is_none_or(|wake| due < wake);
        if wakes {
            leader.wake = Some(due);
        }
        let gives = writes.iter().any(gives_addresses);
        for write in writes {
            self.send(who, write);
        }
        if gives && let Some(lasts) = self.conditions.freezes_writer.take() {
            self.freeze(who.controller, lasts, true);
        }
        if wakes {
            self.at(due, Item::To(who, Message::Wake));
        }
        if needs_endpoints {
            self.relist(who, super::streams::Kind::Endpoints, Duration::ZERO);
        }
    }

    fn send(&mut self, who: Who, write: Write) {
        let now = self.now;
        self.last_ticket += 1;
        let (ticket, target) = (self.last_ticket, Target::of(&write));
        self.tell(|| format!("{} sends {ticket}: {}", who.name(), brief(&write)));
        self.checks.sent(now, who, &write);
        let cut = self.controllers[who.controller].cut_until > now;
        let fate = if cut { Fate::Lost } else { self.conditions.fate(&write, now, &mut self.rng) };
        let Some(leader) = self.controllers[who.controller].leader() else { return };
        leader.sent.push_back((now, target.clone()));
        while leader.sent.front().is_some_and(|(then, _)| *then + Duration::from_secs(1) < now) {
            leader.sent.pop_front();
        }
        let alike = leader.sent.iter().filter(|(_, other)| *other == target).count();
        if alike > LOOP && target != Target::Event {
            self.checks.violation(now, format!("{alike} requests about {target:?} within a second"));
        }
        leader.in_flight.insert(ticket, target);
        let there = match fate {
            Fate::Lost => None,
            Fate::Late(pause) => Some(pause),
            Fate::Answered | Fate::Unanswered | Fate::Failed(_) => {
                Some(self.conditions.latency(&mut self.rng))
            }
        };
        if let Some(there) = there {
            self.after(there, Item::Arrives(Request { who, ticket, write, fate }));
        }
        self.after(PATIENCE, Item::To(who, Message::GiveUp { ticket }));
    }

    /// A request reaches the API server.
    pub(super) fn arrives(&mut self, request: Request) {
        let controller = &self.controllers[request.who.controller];
        if controller.life == request.who.life
            && controller.holds_requests
            && let Some(thaw) = controller.frozen_until
        {
            let pause = Duration::from_millis(1 + self.rng.below(5));
            return self.at(thaw + pause, Item::Arrives(request));
        }
        let Request { who, ticket, write, fate } = request;
        let verdict = match &fate {
            Fate::Failed(verdict) => verdict.clone(),
            Fate::Answered | Fate::Unanswered | Fate::Late(_) | Fate::Lost => self.commit(who, &write),
        };
        self.tell(|| format!("{ticket} of {} -> {verdict:?}", who.name()));
        if matches!(fate, Fate::Answered | Fate::Failed(_)) {
            let back = self.conditions.latency(&mut self.rng);
            self.after(back, Item::To(who, Message::Answer { ticket, verdict }));
        }
    }

    fn commit(&mut self, who: Who, write: &Write) -> Verdict {
        let service = match write {
            Write::ServiceStatus { service, .. }
            | Write::Finalizer { service, .. }
            | Write::ForgetService { service, .. } => Some(service),
            Write::CreateSlice(_)
            | Write::ReplaceSlice(_)
            | Write::DeleteSlice { .. }
            | Write::ObjectStatus { .. }
            | Write::Event(_) => None,
        };
        let before = service.and_then(|id| self.store.services.get(id)).cloned();
        let announced_before = announced(&self.store.slices);
        let applied = self.store.apply(write);
        if applied.event.is_some() {
            self.checks.committed(self.now, write);
            self.checks.nothing_falls_silent(self.now, &self.store, &announced_before, self.default_class);
            if let (Some(id), Some(before)) = (service, before)
                && self.store.services.contains_key(id)
            {
                let is_late = self.store.lease.holder != who.name();
                self.checks.service_written(self.now, &self.store, id, &before, is_late, self.default_class);
            }
        }
        if let Write::Event(event) = write {
            self.checks.events.push((self.now, (**event).clone()));
        }
        self.publish(applied.event);
        applied.verdict
    }

    pub(super) fn answered(&mut self, who: Who, ticket: Ticket, verdict: Verdict) {
        let (now, today) = (self.now, self.today());
        if self.controllers[who.controller].cut_until > now {
            return;
        }
        let Some(leader) = self.controllers[who.controller].leader() else { return };
        let Some(target) = leader.in_flight.remove(&ticket) else { return };
        leader.index.finished(&Outcome { target, verdict }, now, today);
        self.pump(who);
    }

    pub(super) fn gives_up(&mut self, who: Who, ticket: Ticket) {
        let verdict = Verdict::Again { after: None, why: "no answer came in time".into() };
        let (now, today) = (self.now, self.today());
        let Some(leader) = self.controllers[who.controller].leader() else { return };
        let Some(target) = leader.in_flight.remove(&ticket) else { return };
        leader.index.finished(&Outcome { target, verdict }, now, today);
        self.pump(who);
    }

    /// Told to end: the lease is given back once nothing is in flight.
    pub(super) fn release_if_idle(&mut self, who: Who) {
        let controller: &mut Controller = &mut self.controllers[who.controller];
        let Role::Leading(leader) = &controller.role else { return };
        let Some(away) = leader.stopping.filter(|_| leader.in_flight.is_empty()) else { return };
        let seen = leader.lease_version;
        controller.end();
        let sent = self.now;
        self.after(Duration::from_millis(2), Item::LeaseArrives { who, seen, sent, holder: String::new() });
        self.after(away, Item::Starts(who.controller));
    }
}

fn gives_addresses(write: &Write) -> bool {
    let Write::ServiceStatus { patch, .. } = write else { return false };
    patch["status"]["loadBalancer"]["ingress"].as_array().is_some_and(|ingress| !ingress.is_empty())
}

fn brief(write: &Write) -> String {
    match write {
        Write::ServiceStatus { service, patch } => {
            let ips = patch["status"]["loadBalancer"]["ingress"].as_array();
            let ips = ips.map(|all| all.iter().map(|one| one["ip"].to_string()).collect::<Vec<_>>());
            let condition = &patch["status"]["conditions"][0];
            let name = if condition["type"] == IP_ALLOCATED { "address" } else { "announced" };
            let from = &patch["metadata"]["resourceVersion"];
            format!("{service} from {from} {name} {ips:?} {} {}", condition["reason"], condition["message"])
        }
        Write::Finalizer { service, patch } => format!("finalizer {service} {patch}"),
        Write::ForgetService { service, .. } => format!("forget {service}"),
        Write::CreateSlice(slice) | Write::ReplaceSlice(slice) => {
            let ips: Vec<&str> = slice.spec.vips.iter().map(|vip| vip.ip.as_str()).collect();
            format!("slice {:?} {ips:?}", slice.metadata.name)
        }
        Write::DeleteSlice { name, .. } => format!("delete slice {name}"),
        Write::ObjectStatus { name, .. } => format!("status of {name}"),
        Write::Event(event) => format!("event {} {} {}", event.service, event.reason, event.note),
    }
}
