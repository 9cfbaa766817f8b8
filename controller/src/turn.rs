//! One turn of leading: list, watch, decide, write. Whatever is known lives and ends here.

use std::time::Duration;

use anyhow::Context as _;
use ferrolb_api::{
    AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
    SpeakerState,
};
use ferrolb_runtime::{
    backoff::{self, Backoff},
    client::{Gate, RequestError},
    clock::boot_time,
    kinds,
    watch::{Change, Ended, Selection, follow},
};
use jiff::Timestamp;
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    definitions::Definitions,
    heartbeat_key,
    index::{Event, Index},
    lease::Leadership,
    metrics::{AuditLabels, FreshStartLabels, Metrics},
    phase::Phase,
    run::{Controller, Stop},
    sweep,
    write::{LOOK_AGAIN, Writer},
};

/// Events that may wait between the watches and the index.
const EVENTS: usize = 1024;
/// Kubernetes Events told a second, at most.
const TOLD_PER_SECOND: u32 = 50;
/// How often gauges are brought up to date.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);
/// Of the differences that an audit finds so many are named in the log.
const TOLD_DIFFERENCES: usize = 10;
/// A round that went on for so long was no vain try: the pause before the next is a first one.
const LASTED: Duration = Duration::from_secs(30);
/// Keeps a deadline in the past from turning into a busy loop.
const SHORTEST: Duration = Duration::from_millis(1);

/// What a turn needs.
pub(crate) struct Turn<'a> {
    controller: &'a Controller,
    definitions: &'a Definitions,
    leadership: Leadership,
    /// Reads.
    reader: Client,
    /// Writes, while the lease holds.
    writer: Client,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        controller: &'a Controller,
        definitions: &'a Definitions,
        leadership: Leadership,
    ) -> anyhow::Result<Self> {
        let held = leadership.clone();
        let reader = controller.client(Gate::open())?;
        let writer = controller.client(Gate::new(move || held.holds()))?;
        Ok(Self { controller, definitions, leadership, reader, writer })
    }
}

/// Why a round of deciding ended.
enum Over {
    /// The process is to end; nothing is in flight any more.
    Stopped,
    /// What is known cannot be brought up to date, so it must be learnt anew; nothing is in flight any more.
    Outdated(&'static str),
}

/// Leads until `stop`. Dropped when the lease is lost.
pub(crate) async fn lead(turn: Turn<'_>, stop: Stop) -> anyhow::Result<()> {
    let rounds = async {
        let mut backoff = Backoff::default();
        loop {
            let began = boot_time();
            match decide_and_write(&turn, stop.clone()).await {
                Over::Stopped => return,
                Over::Outdated(reason) => {
                    turn.controller.metrics.fresh_starts.get_or_create(&FreshStartLabels { reason }).inc();
                    turn.controller.progress.set(Phase::Lists);
                    if boot_time() >= began + LASTED {
                        backoff.succeeded();
                    }
                    tokio::time::sleep(backoff.failed(backoff::random())).await;
                }
            }
        }
    };
    tokio::select! {
        () = rounds => Ok(()),
        never = make_heartbeat_key(&turn) => never,
        never = check_definitions(&turn) => never,
    }
}

async fn decide_and_write(turn: &Turn<'_>, stop: Stop) -> Over {
    let Controller { args, timing, metrics, progress, .. } = turn.controller;
    let (sender, mut events) = mpsc::channel(EVENTS);
    let mut watches = Watches { turn, events: sender, running: JoinSet::new() };
    watches.start_all();
    let mut writer = Writer::new(
        turn.writer.clone(),
        turn.leadership.clone(),
        args.name.clone(),
        timing.request,
        metrics.clone(),
    );
    let mut index = Index::new(args.default_class, args.cleanup_finalizer);
    let mut watches_endpoints = false;
    let mut sweeps = false;
    let mut telling = Telling::default();
    let mut next_observation = Duration::ZERO;
    let mut next_audit = boot_time() + timing.audit;
    let over = loop {
        let now = boot_time();
        let today = Timestamp::now();
        while writer.has_room(now) {
            match index.poll_write(now, today) {
                Some(write) => writer.send(write),
                None => break,
            }
        }
        if telling.may_tell(now)
            && writer.has_room(now)
            && writer.takes_events(now)
            && let Some(write) = index.poll_telling(now, today)
        {
            telling.told(now);
            writer.send(write);
        }
        if now >= next_observation {
            metrics.observe(&index, &writer);
            next_observation = now + OBSERVE_EVERY;
            if now >= next_audit && index.is_calm(now) {
                next_audit = now + timing.audit;
                if !is_sound(&index, metrics) {
                    break Over::Outdated("audit");
                }
            }
        }
        // Without room nothing can be done before an answer comes or the writer opens.
        let deadline = match writer.has_room(now) {
            true => [index.deadline(), telling.deadline(&index)].into_iter().flatten().min(),
            false => writer.opens(now),
        };
        let deadline = deadline.map_or(next_observation, |deadline| deadline.min(next_observation));
        let pause = deadline.saturating_sub(boot_time()).max(SHORTEST);
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => {
                    index.apply(event);
                    // What is here already is decided together.
                    while let Ok(event) = events.try_recv() {
                        index.apply(event);
                    }
                }
                None => break Over::Outdated("ended"),
            },
            outcome = writer.outcome() => index.finished(&outcome, boot_time(), Timestamp::now()),
            reason = watches.ended() => break Over::Outdated(reason),
            () = tokio::time::sleep(pause) => {}
            () = stop.clone() => break Over::Stopped,
        }
        if index.missing().is_empty() {
            progress.set(Phase::Works);
            if !std::mem::replace(&mut sweeps, true) {
                watches.sweep();
            }
        }
        if index.needs_endpoints() && !watches_endpoints {
            watches_endpoints = true;
            watches.start(Selection::default(), Event::Endpoints);
        }
    };
    // An address whose write is under way must be known to be taken, or not, before anybody decides anew.
    writer.drain().await;
    over
}

/// Whether everything is as it would be if it were decided anew; tells and counts what is not.
fn is_sound(index: &Index, metrics: &Metrics) -> bool {
    let differences = index.audit();
    let outcome = if differences.is_empty() { "same" } else { "different" };
    metrics.audits.get_or_create(&AuditLabels { outcome }).inc();
    for difference in differences.iter().take(TOLD_DIFFERENCES) {
        tracing::error!(%difference, "A mistake in this program: what was decided is not what would be decided anew.");
    }
    if !differences.is_empty() {
        tracing::error!(
            count = differences.len(),
            "All that this controller knew is dropped and learnt anew."
        );
    }
    differences.is_empty()
}

/// The watches of a round; they end with it.
struct Watches<'a> {
    turn: &'a Turn<'a>,
    events: mpsc::Sender<Event>,
    running: JoinSet<Ended>,
}

impl Watches<'_> {
    fn start_all(&mut self) {
        let load_balancers =
            Selection { fields: Some("spec.type=LoadBalancer".into()), ..Selection::default() };
        self.start::<kinds::Service>(load_balancers, Event::Services);
        self.start::<IPAddressPool>(Selection::default(), Event::Pools);
        self.start::<kinds::Namespace>(Selection::default(), Event::Namespaces);
        self.start::<kinds::Node>(Selection::default(), Event::Nodes);
        self.start::<L2Advertisement>(Selection::default(), Event::Advertisements);
        self.start::<BGPAdvertisement>(Selection::default(), Event::BgpAdvertisements);
        self.start::<BGPPeer>(Selection::default(), Event::BgpPeers);
        self.start::<BFDProfile>(Selection::default(), Event::BfdProfiles);
        self.start::<Community>(Selection::default(), Event::Communities);
        self.start::<SpeakerState>(Selection::default(), Event::Speakers);
        self.start::<AnnouncementSlice>(Selection::default(), Event::Slices);
    }

    fn start<K>(&mut self, selection: Selection, wrap: fn(Change<K>) -> Event)
    where
        K: Resource<DynamicType = ()> + DeserializeOwned + std::fmt::Debug + Send + 'static,
    {
        let selection = Selection {
            patience: self.turn.controller.timing.patience,
            report: self.turn.controller.report.clone(),
            ..selection
        };
        let (client, events) = (self.turn.reader.clone(), self.events.clone());
        self.running.spawn(async move {
            let url = K::url_path(&(), None);
            follow(&client, &url, &selection, &events, (&mut Some, &wrap)).await
        });
    }

    /// Finds what left while nobody watched; nobody's address waits for that.
    fn sweep(&mut self) {
        let (client, events) = (self.turn.reader.clone(), self.events.clone());
        let cleanup_finalizer = self.turn.controller.args.cleanup_finalizer;
        self.running.spawn(async move {
            sweep::sweep(client, cleanup_finalizer, events).await;
            std::future::pending().await
        });
    }

    /// Waits until one of them cannot go on, and says why. Since versions of all kinds are of one storage, what one knows
    /// wrongly the others do too.
    async fn ended(&mut self) -> &'static str {
        match self.running.join_next().await {
            Some(Ok(Ended::TooOld)) => "too-old",
            Some(Ok(Ended::RanBack { .. })) => "ran-back",
            Some(Ok(Ended::Unheard) | Err(_)) | None => "ended",
        }
    }
}

/// Makes the key that speakers sign with, as soon as the API server lets it; nobody's address waits for that.
async fn make_heartbeat_key(turn: &Turn<'_>) -> anyhow::Result<()> {
    let time = turn.controller.timing.request;
    let mut backoff = Backoff::default();
    loop {
        // All of it is over before the lease may end.
        while !turn.leadership.lasts_until(boot_time() + time) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let making = heartbeat_key::ensure(turn.writer.clone(), &turn.controller.args.namespace);
        let made = tokio::time::timeout(time, making).await;
        let made = made.unwrap_or_else(|_| Err(RequestError::TimedOut(time).into()));
        let Err(error) = made.context("trying again") else { return std::future::pending().await };
        if backoff.failures() == 0 {
            tracing::warn!(error = format!("{error:#}"), "The key for the speakers' heartbeats is not made.");
        }
        tokio::time::sleep(backoff.failed(backoff::random())).await;
    }
}

/// Looks whether the CustomResourceDefinitions were replaced by others that lack what is written.
async fn check_definitions(turn: &Turn<'_>) -> anyhow::Result<()> {
    let mut told = None;
    loop {
        tokio::time::sleep(turn.controller.timing.check_definitions).await;
        let Ok(problem) = turn.definitions.check().await else { continue };
        turn.controller.metrics.observe_definitions(problem.as_ref());
        if let Some(problem) = &problem
            && told.as_ref() != Some(problem)
        {
            tracing::warn!("{}. Until then some of what is written is lost.", problem.text);
        }
        told = problem;
    }
}

/// Holds Events back so that they never delay an address.
#[derive(Debug, Default)]
struct Telling {
    next: Duration,
}

impl Telling {
    fn may_tell(&self, now: Duration) -> bool {
        self.next <= now
    }

    fn told(&mut self, now: Duration) {
        self.next = now + Duration::from_secs(1) / TOLD_PER_SECOND;
    }

    fn deadline(&self, index: &Index) -> Option<Duration> {
        index.telling_deadline().map(|time| time.max(self.next))
    }
}
