//! What must hold, looked at every millisecond.

mod clients;

use core::time::Duration;
use std::net::IpAddr;

use ferrolb_ownership::{Presence, StateName, Timing, VipPlan};
use ferrolb_sansio::Instant;
use ferrolb_sim::Port;

use crate::fault::{FAULTS_UNTIL, What};
use crate::scene::{CLIENTS, Scene};
use crate::speaker::Speaker;
use crate::world::{CHECK_INTERVAL, World};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Rule {
    /// At most one answers among those that can exchange frames.
    OneOwner,
    /// Who says that it answers does, and nobody else.
    Truth,
    /// Some eligible candidate answers.
    SomeOwner,
    /// Clients send to the owner.
    ClientsView,
    /// Nobody takes a VIP from an owner that is alive and whose frames get there.
    Unprovoked,
    /// Who hands over falls silent only once the other answers.
    HandedOver,
    /// In the end there is one owner, in the plan, and all agree about the ballot.
    Settled,
    /// And nothing moves any more.
    Calm,
    /// What a speaker tells of VIPs does not change within an edition.
    Edition,
}

#[derive(Debug)]
pub(crate) struct Checks {
    /// `T` of the slowest speaker, and `D`, after which it counts as silent.
    interval: Duration,
    silence: Duration,
    pub(crate) violations: Vec<(Rule, Instant, String)>,
    /// Every claim: when, of what, by whom.
    pub(crate) claims: Vec<(Instant, IpAddr, usize)>,
    dual_since: Vec<Option<Instant>>,
    without_since: Vec<Option<Instant>>,
    wrong_since: Vec<Option<Instant>>,
    /// When a client was last out of the owner's reach, and last believed one of several owners.
    cut_at: Vec<Instant>,
    rivalled_at: Vec<Instant>,
    /// Some promise was not kept at the last look, maybe for a moment only.
    open: bool,
    /// All speakers that are up could exchange frames at the last look.
    whole: bool,
    pub(crate) longest_dual: Duration,
    pub(crate) longest_without: Duration,
    pub(crate) longest_wrong: Duration,
}

/// When everything must be settled, and when a run ends.
pub(crate) const SETTLED: Instant = Instant::from_millis(4_900);
pub(crate) const END: Instant = Instant::from_millis(4_950);

/// Three intervals are shorter.
const J: Duration = Duration::from_millis(500);
const SLOT: Duration = Duration::from_millis(15);

impl Checks {
    pub(crate) fn new(scene: &Scene) -> Self {
        let vips = scene.vips.len();
        let slowest = scene.slowest();
        Self {
            interval: slowest.min_interval,
            silence: silence(slowest),
            violations: Vec::new(),
            claims: Vec::new(),
            dual_since: vec![None; vips],
            without_since: vec![None; vips * scene.speakers],
            wrong_since: vec![None; vips * scene.users()],
            cut_at: vec![Instant::ZERO; vips * scene.users()],
            rivalled_at: vec![Instant::ZERO; vips * scene.users()],
            open: true,
            whole: true,
            longest_dual: Duration::ZERO,
            longest_without: Duration::ZERO,
            longest_wrong: Duration::ZERO,
        }
    }

    /// Every speaker hears the only owner: nothing lacks, nothing is double.
    fn one_owner_for_all(&mut self, scene: &Scene, vip: usize) {
        self.dual_since[vip] = None;
        self.without_since[vip * scene.speakers..][..scene.speakers].fill(None);
    }

    pub(crate) fn violate(&mut self, rule: Rule, at: Instant, text: impl FnOnce() -> String) {
        if !self.violations.iter().any(|(known, ..)| *known == rule) {
            self.violations.push((rule, at, text()));
        }
    }
}

/// How much longer anything may take while frames are lost: of so many beats in a row one gets through.
fn patience(world: &World) -> Duration {
    if world.network.conditions.loses() { world.checks.interval * 20 } else { Duration::ZERO }
}

/// `D`: how long a speaker of this pace may be unheard before it counts as silent.
fn silence(pace: Timing) -> Duration {
    pace.min_interval * pace.missed * 105 / 100 + Duration::from_millis(10)
}

/// Looks at every VIP, unless all was well at the last look and nothing has happened since.
pub(crate) fn check(world: &mut World) {
    let now = world.now();
    let first_settled = now >= world.settled_at && now.since(world.settled_at) < CHECK_INTERVAL;
    let quiet = world.network.conditions.is_whole() && !world.network.conditions.loses();
    if quiet && !world.checks.open && !first_settled && !core::mem::take(&mut world.touched) {
        return;
    }
    world.touched = false;
    world.checks.whole = whole(world);
    world.checks.open = false;
    for index in 0..world.scene.vips.len() {
        let vip = world.scene.vips[index];
        let owners: Vec<usize> =
            (0..world.scene.speakers).filter(|&node| world.speakers[node].answers(vip)).collect();
        world.checks.open |= owners.len() != 1;
        if owners.len() == 1 && world.network.conditions.is_whole() {
            world.checks.one_owner_for_all(&world.scene, index);
        } else {
            check_one_owner(world, index, &owners);
            check_some_owner(world, index, &owners);
        }
        clients::check(world, index, &owners);
        if world.now() >= world.settled_at {
            check_settled(world, index, &owners);
        }
    }
}

/// `W = Δ + 3·T` after the last raise, fault or thaw, two that can exchange frames must not both answer.
fn check_one_owner(world: &mut World, index: usize, owners: &[usize]) {
    let (now, vip) = (world.now(), world.scene.vips[index]);
    let pairs = owners
        .iter()
        .enumerate()
        .flat_map(|(at, &one)| owners[at + 1..].iter().map(move |&other| (one, other)));
    let dual = pairs.into_iter().find(|&(one, other)| exchange(world, one, other));
    let Some((one, other)) = dual else {
        world.checks.dual_since[index] = None;
        return;
    };
    let began = *world.checks.dual_since[index].get_or_insert(now);
    let excused = [one, other].iter().fold(began.max(world.disturbed), |excused, &node| {
        let speaker = &world.speakers[node];
        excused.max(speaker.claimed_at(vip)).max(speaker.thawed)
    });
    let lasts = now.since(excused);
    world.checks.longest_dual = world.checks.longest_dual.max(lasts);
    let way = world.network.conditions.delay + world.network.conditions.jitter;
    let window = way + world.checks.interval * 3 + Duration::from_millis(1) + patience(world);
    if lasts > window {
        world.checks.violate(Rule::OneOwner, now, || {
            format!("node-{one} and node-{other} both answer for {vip} for {lasts:?}")
        });
    }
}

/// A speaker has just claimed a VIP: no other that it can exchange frames with may have owned it undisturbed.
pub(crate) fn check_claim(world: &mut World, vip: IpAddr, taker: usize) {
    let (now, d) = (world.now(), world.checks.silence);
    let quiet = |speaker: &Speaker| {
        let disturbed = world.disturbed.max(world.replanned).max(speaker.thawed);
        now.since(disturbed) > d * 3 && now.since(speaker.claimed_at(vip)) > Duration::from_millis(50)
    };
    let robbed = (0..world.scene.speakers).find(|&owner| {
        let speaker = &world.speakers[owner];
        owner != taker
            && speaker.answers(vip)
            && !gives_away(world, speaker, vip)
            && quiet(speaker)
            && now.since(world.speakers[taker].thawed) > d * 3
            && !speaker.late
            && !world.speakers[taker].late
            && !world.network.conditions.loses()
            && exchange(world, owner, taker)
    });
    if let Some(owner) = robbed {
        world.checks.violate(Rule::Unprovoked, now, || {
            format!("node-{taker} takes {vip} from node-{owner}, which lives")
        });
    }
}

/// Whether the owner offers the VIP, or would if it knew the newest plan.
fn gives_away(world: &World, owner: &Speaker, vip: IpAddr) -> bool {
    owner.status(vip).is_some_and(|status| status.state == StateName::Ceding)
        || !world.plan.vips.get(&vip).is_some_and(|plan| plan.candidates.contains(&owner.node))
}

/// A speaker has just handed a VIP over: clients must get answers from another by now.
pub(crate) fn check_ceded(world: &mut World, vip: IpAddr, from: usize) {
    let now = world.now();
    let answered = (0..world.scene.speakers).any(|node| node != from && world.speakers[node].answers(vip));
    if !answered && now.since(world.disturbed) > Duration::from_millis(300) {
        world.checks.violate(Rule::HandedOver, now, || format!("node-{from} handed {vip} over to nobody"));
    }
}

/// An eligible speaker that no owner reaches must own within `D + R·s + 10 ms`.
fn check_some_owner(world: &mut World, index: usize, owners: &[usize]) {
    let (now, vip, d) = (world.now(), world.scene.vips[index], world.checks.silence);
    for node in 0..world.scene.speakers {
        let speaker = &world.speakers[node];
        let lacks = !owners.iter().any(|&owner| owner == node || reaches(world, owner, node))
            && speaker.eligible(vip)
            && !awaits(world, node, vip)
            && in_touch(world, node)
            && !deaf(speaker, now);
        let slot = index * world.scene.speakers + node;
        if !lacks {
            world.checks.without_since[slot] = None;
            continue;
        }
        let began = *world.checks.without_since[slot].get_or_insert(now);
        let excused =
            began.max(world.disturbed).max(world.replanned + Duration::from_millis(41)).max(speaker.thawed);
        let lasts = now.since(excused);
        world.checks.longest_without = world.checks.longest_without.max(lasts);
        let mut bound = d
            + SLOT * u32::try_from(VipPlan::MAX_CANDIDATES).unwrap()
            + Duration::from_millis(10)
            + patience(world);
        if world.faults.iter().any(|fault| matches!(fault.what, What::Late(_))) {
            // Time in which a late loop could not hear does not count; it is late once in two seconds or so.
            bound += d * 2;
        }
        if lasts > bound {
            let status = world.speakers[node].status(vip);
            world.checks.violate(Rule::SomeOwner, now, || {
                format!("nobody answers for {vip} for {lasts:?} though node-{node} may: {status:?}")
            });
        }
    }
}

/// Whether a speaker may take its own deafness for others' silence, and waits for a frame.
fn deaf(speaker: &Speaker, now: Instant) -> bool {
    let interval = speaker.pace.min_interval;
    let unheard = now.since(speaker.heard);
    (silence(speaker.pace) - interval..Duration::from_secs(1) + interval).contains(&unheard)
}

/// Whether a first claim may wait for a candidate ahead that is joining.
fn awaits(world: &World, node: usize, vip: IpAddr) -> bool {
    let speaker = &world.speakers[node];
    let unclaimed = speaker.status(vip).is_some_and(|status| status.ballot.is_none());
    // Those that leave come last.
    let place = |other: &Speaker| {
        let candidates = speaker.plan.vips.get(&vip).map_or(&[][..], |plan| &plan.candidates);
        let at = candidates.iter().position(|name| *name == other.node);
        at.map(|at| (other.presence == Presence::Leaving, at))
    };
    let ahead = |other: &Speaker| place(other).is_some_and(|at| Some(at) < place(speaker));
    let joining = |other: &Speaker| {
        other.running() && !other.joined && world.now().since(other.born) < J + world.checks.silence * 2
    };
    unclaimed && world.speakers.iter().any(|other| ahead(other) && joining(other))
}

fn check_settled(world: &mut World, index: usize, owners: &[usize]) {
    let (now, vip) = (world.now(), world.scene.vips[index]);
    for (node, speaker) in world.speakers.iter().enumerate().filter(|(_, speaker)| speaker.running()) {
        let owner = speaker
            .status(vip)
            .is_some_and(|status| matches!(status.state, StateName::Owner | StateName::Ceding));
        assert_eq!(owner, owners.contains(&node), "events and status of node-{node} tell different things");
    }
    let planned = &world.plan.vips[&vip].candidates;
    let possible =
        world.speakers.iter().any(|speaker| speaker.segment.is_some() && planned.contains(&speaker.node));
    if possible && owners.len() != 1 {
        world.checks.violate(Rule::Settled, now, || format!("{vip} has the owners {owners:?}"));
    }
    let running = world.speakers.iter().filter(|speaker| speaker.segment.is_some());
    let ballots: Vec<_> = running.map(|s| s.status(vip).and_then(|status| status.ballot)).collect();
    if ballots.iter().any(|ballot| *ballot != ballots[0]) {
        world.checks.violate(Rule::Settled, now, || format!("{vip} has the ballots {ballots:?}"));
    }
    if let &[owner] = owners
        && !planned.contains(&world.speakers[owner].node)
    {
        world.checks.violate(Rule::Settled, now, || format!("{vip} is at node-{owner}, not in {planned:?}"));
    }
    let of_vip = |since: Instant| world.checks.claims.iter().filter(|c| c.1 == vip && c.0 > since).count();
    let (late, after) = (of_vip(world.settled_at - Duration::from_millis(150)), of_vip(FAULTS_UNTIL));
    if late > 0 || after > 6 {
        world.checks.violate(Rule::Calm, now, || {
            format!("{vip} moved {after} times after the faults, {late} at the end")
        });
    }
}

/// Whether all speakers that are up can exchange frames.
fn whole(world: &World) -> bool {
    let count = world.scene.speakers;
    !world.network.conditions.loses()
        && (0..count)
            .all(|a| (0..count).all(|b| a == b || !up(world, a) || !up(world, b) || exchange(world, a, b)))
}

/// Whether frames get from one to the other and back, directly or through one speaker that has been up a while.
fn exchange(world: &World, one: usize, other: usize) -> bool {
    let both = |a: usize, b: usize| passes(world, a, b) && passes(world, b, a);
    both(one, other) || relays(world, one, other).any(|relay| both(one, relay) && both(relay, other))
}

/// Whether news of `from` gets to `to`, directly or through one speaker.
fn reaches(world: &World, from: usize, to: usize) -> bool {
    passes(world, from, to)
        || (0..world.scene.speakers)
            .filter(|&relay| relay != from && relay != to && up(world, relay))
            .any(|relay| passes(world, from, relay) && passes(world, relay, to))
}

fn relays(world: &World, one: usize, other: usize) -> impl Iterator<Item = usize> {
    (0..world.scene.speakers).filter(move |&relay| {
        let settled = world.now().since(world.speakers[relay].born) >= Duration::from_millis(800);
        relay != one && relay != other && up(world, relay) && settled
    })
}

/// Whether a speaker gets frames to some host and hears some host that lives.
fn in_touch(world: &World, node: usize) -> bool {
    let hosts = world.scene.speakers + CLIENTS;
    let others = || (0..hosts).filter(|&host| host != node);
    let lives = |host: usize| world.speakers.get(host).is_none_or(Speaker::running);
    others().any(|host| passes(world, node, host))
        && others().any(|host| lives(host) && passes(world, host, node))
}

fn up(world: &World, node: usize) -> bool {
    world.speakers[node].running() && world.speakers[node].interface.carrier
}

pub(crate) fn passes(world: &World, from: usize, to: usize) -> bool {
    world.network.conditions.passes(Port(from), Port(to))
}
