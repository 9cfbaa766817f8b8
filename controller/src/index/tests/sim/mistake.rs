//! Mistakes in the program, planted, and the audit that finds them. Without one an audit must find nothing, whenever it is
//! made.

use std::time::Duration;

use super::{
    super::super::{Index, audit::Difference},
    controller::Who,
    objects::set_pool,
    streams::Kind,
    user::{addresses, service_id},
    world::World,
};

/// How often a leader looks; in earnest it is every ten minutes.
const EVERY: Duration = Duration::from_secs(10);

/// What a mistake could lead to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mistake {
    /// The allocator does not know a Service, so that its address seems free.
    ForgetsService(u64),
    /// The allocator does not know the pools.
    ForgetsPools,
    /// A pool is about to become this variant, and what the allocator decides then reaches no status.
    LosesDecisions(usize, usize),
    /// A Service's address is not with those who place it.
    ForgetsVip(u64),
}

impl World {
    /// Every leader makes it.
    pub(super) fn mistake(&mut self, mistake: Mistake) {
        let mut after = self.store.clone();
        let mut vips = Vec::new();
        match mistake {
            Mistake::LosesDecisions(pool, variant) => drop(set_pool(&mut after, pool, variant, 0)),
            Mistake::ForgetsVip(number) => vips = addresses(&self.store.services[&service_id(number)]),
            Mistake::ForgetsService(_) | Mistake::ForgetsPools => {}
        }
        let pools = after.pools.values().map(|pool| ferrolb_config::pool(pool).unwrap());
        let pools: Vec<_> = pools.collect();
        for leader in self.leaders() {
            let index = &mut leader.index;
            match mistake {
                Mistake::ForgetsService(number) => drop(index.allocator.remove_service(&service_id(number))),
                Mistake::ForgetsPools => drop(index.allocator.set_pools(Vec::new())),
                Mistake::LosesDecisions(..) => drop(index.allocator.set_pools(pools.clone())),
                Mistake::ForgetsVip(_) => {
                    vips.iter().for_each(|vip| drop(index.announcements.vips.remove(vip)));
                }
            }
        }
        self.checks.mistakes.push(mistake);
    }

    /// What a leader's loop does now and then: if anything is not as it would be if it were decided anew, all is.
    pub(super) fn audit(&mut self, who: Who) {
        let (now, default_class, cleanup) = (self.now, self.default_class, self.cleanup_finalizer);
        let Some(leader) = self.controllers[who.controller].leader() else { return };
        // What is in flight is answered first.
        if now < leader.next_audit || !leader.in_flight.is_empty() || !leader.index.is_calm(now) {
            return;
        }
        leader.next_audit = now + EVERY;
        let found = leader.index.audit();
        if found.is_empty() {
            return;
        }
        leader.index = Index::new(default_class, cleanup);
        leader.streams.remove(&Kind::Endpoints);
        self.found(found.into_iter().collect());
        for kind in Kind::ALL {
            let pause = self.conditions.latency(&mut self.rng);
            self.relist(who, kind, pause);
        }
    }

    fn found(&mut self, differences: Vec<Difference>) {
        let told: Vec<_> = differences.iter().map(ToString::to_string).collect();
        self.tell(|| format!("an audit finds {told:?}"));
        if self.checks.mistakes.is_empty() {
            self.checks.violation(self.now, format!("an audit finds {told:?}"));
        }
        self.checks.found.extend(differences);
    }
}
