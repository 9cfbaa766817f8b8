//! What goes wrong, and how requests fare meanwhile.

use std::time::Duration;

use ferrolb_model::ServiceId;
use ferrolb_sansio::Rng;

use super::{
    controller::{Role, Who},
    mistake::Mistake,
    streams::Kind,
    user::service_id,
    world::{Item, World},
};
use crate::write::{Verdict, Write};

/// Something that goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A controller's process dies and starts again after a while.
    Crash { controller: usize, away: Duration },
    /// A controller is told to end, and starts again after a while.
    Stop { controller: usize, away: Duration },
    /// A process does not run for a while. What it had written to its sockets may stay there as long.
    Freeze { controller: usize, lasts: Duration, holds_requests: bool },
    /// The leader is frozen as soon as it has written the next addresses to its socket, and they stay there as long.
    FreezeInWrite { lasts: Duration },
    /// A controller cannot reach the API server for a while.
    Cut { controller: usize, lasts: Duration },
    /// A watch breaks and lists anew after a while.
    Break { controller: usize, kind: Kind, pause: Duration },
    /// Requests fail, are lost, or take effect without an answer or late, so many of a thousand.
    Faulty { per_mille: u64, lasts: Duration },
    /// A webhook refuses every status of this Service from now on.
    Refuse { service: u64, lasts: Duration },
    /// Watches are slow.
    Slow { lasts: Duration },
    /// The leader's program makes a mistake.
    Mistake(Mistake),
    /// A snapshot of etcd is taken.
    Snapshot,
    /// etcd is restored from it.
    Restore { bump: bool, noticed: Duration },
}

/// How a request fares.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is carried out, and the answer is lost.
    Unanswered,
    /// It is carried out so much later, when nobody waits for the answer any more.
    Late(Duration),
    /// It never arrives.
    Lost,
    /// It is refused without effect.
    Failed(Verdict),
}

/// How the network and the API server are at the moment.
#[derive(Default)]
pub(super) struct Conditions {
    faulty: (u64, Duration),
    slow_until: Duration,
    /// Whoever writes addresses next is frozen so long.
    pub(super) freezes_writer: Option<Duration>,
    refused: Option<(ServiceId, Duration)>,
}

impl Conditions {
    pub(super) fn is_faulty(&self, now: Duration) -> bool {
        now < self.faulty.1
    }

    /// One way of a request.
    #[expect(clippy::unused_self, reason = "reads like the others")]
    pub(super) fn latency(&self, rng: &mut Rng) -> Duration {
        Duration::from_micros(500 + rng.below(20_000))
    }

    /// From a change to a watch that tells of it.
    pub(super) fn delay(&self, now: Duration, rng: &mut Rng) -> Duration {
        let most = if now < self.slow_until { 4_000 } else { 15 };
        Duration::from_micros(200 + rng.below(most * 1000))
    }

    pub(super) fn loses_lease_answer(&self, now: Duration, rng: &mut Rng) -> bool {
        now < self.faulty.1 && rng.below(1000) < self.faulty.0
    }

    /// How a request sent now fares.
    pub(super) fn fate(&self, write: &Write, now: Duration, rng: &mut Rng) -> Fate {
        let refused = self.refused.as_ref().filter(|(_, until)| now < *until);
        if let (Write::ServiceStatus { service, .. }, Some((refused, _))) = (write, refused)
            && service == refused
        {
            return Fate::Failed(Verdict::Refused("422 from a webhook".into()));
        }
        if now >= self.faulty.1 || rng.below(1000) >= self.faulty.0 {
            return Fate::Answered;
        }
        let again = |after: Option<u64>, why: &str| {
            Fate::Failed(Verdict::Again { after: after.map(Duration::from_secs), why: why.into() })
        };
        match rng.below(10) {
            0 | 1 => again(Some(1), "429 Too Many Requests"),
            2 | 3 => again(None, "500 Internal Server Error"),
            4 => Fate::Failed(Verdict::Refused("422 from a webhook".into())),
            5 | 6 => Fate::Unanswered,
            7 => Fate::Late(Duration::from_millis(rng.below(20_000))),
            _ => Fate::Lost,
        }
    }
}

impl World {
    pub(super) fn fail(&mut self, fault: &Fault) {
        let now = self.now;
        let count = self.controllers.len();
        match *fault {
            Fault::Crash { controller, away } => {
                let controller = controller % count;
                self.controllers[controller].end();
                self.after(away, Item::Starts(controller));
            }
            Fault::Stop { controller, away } => {
                let controller = controller % count;
                let who = Who { controller, life: self.controllers[controller].life };
                if self.controllers[controller].frozen_until.is_some() {
                    return;
                }
                match &mut self.controllers[controller].role {
                    Role::Down => {}
                    Role::Standby(_) => {
                        self.controllers[controller].end();
                        self.after(away, Item::Starts(controller));
                    }
                    Role::Leading(leader) => {
                        leader.stopping = Some(away);
                        self.release_if_idle(who);
                    }
                }
            }
            Fault::Freeze { controller, lasts, holds_requests } => {
                self.freeze(controller % count, lasts, holds_requests);
            }
            Fault::FreezeInWrite { lasts } => self.conditions.freezes_writer = Some(lasts),
            Fault::Cut { controller, lasts } => {
                let controller = controller % count;
                self.controllers[controller].cut_until = now + lasts;
                for kind in Kind::ALL {
                    self.break_stream(controller, kind, lasts);
                }
            }
            Fault::Break { controller, kind, pause } => self.break_stream(controller % count, kind, pause),
            Fault::Faulty { per_mille, lasts } => self.conditions.faulty = (per_mille, now + lasts),
            Fault::Refuse { service, lasts } => {
                self.conditions.refused = Some((service_id(service), now + lasts));
            }
            Fault::Slow { lasts } => self.conditions.slow_until = now + lasts,
            Fault::Mistake(mistake) => self.mistake(mistake),
            Fault::Snapshot => {
                self.snapshot = Some(self.store.clone());
                self.checks.snapshot();
            }
            Fault::Restore { bump, noticed } => self.restore(bump, noticed),
        }
    }

    pub(super) fn freeze(&mut self, controller: usize, lasts: Duration, holds_requests: bool) {
        let now = self.now;
        let process = &mut self.controllers[controller];
        process.frozen_until = Some(now + lasts);
        process.holds_requests = holds_requests;
        let who = Who { controller, life: process.life };
        self.after(lasts, Item::Thaws(who));
    }

    fn break_stream(&mut self, controller: usize, kind: Kind, pause: Duration) {
        let who = Who { controller, life: self.controllers[controller].life };
        self.relist(who, kind, pause);
    }

    /// Everything is as it was. With a bump of the revision watches are told that they are too old and list anew;
    /// without, they are silent until it is noticed that time has run backwards, and list anew then.
    fn restore(&mut self, bump: bool, noticed: Duration) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let version = self.store.version;
        self.store = snapshot;
        if bump {
            self.store.version = version + 1_000_000;
        }
        self.checks.restored(self.now, &self.store);
        let noticed = if bump { noticed / 20 } else { noticed };
        for number in 0..self.controllers.len() {
            for kind in Kind::ALL.into_iter().chain([Kind::Endpoints]) {
                let pause = noticed + self.rng.jitter(Duration::from_secs(1));
                self.break_stream(number, kind, pause);
            }
        }
    }

    /// Nothing is wrong any more.
    pub(super) fn heal(&mut self) {
        self.conditions = Conditions::default();
        for number in 0..self.controllers.len() {
            let now = self.now;
            let controller = &mut self.controllers[number];
            controller.cut_until = controller.cut_until.min(now);
            if controller.frozen_until.is_some() {
                controller.frozen_until = Some(now);
                let who = Who { controller: number, life: controller.life };
                self.after(Duration::ZERO, Item::Thaws(who));
            }
            self.after(Duration::from_millis(1), Item::Starts(number));
        }
    }
}
