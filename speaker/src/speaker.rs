mod hear;
mod keep;
mod publish;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_ownership::{ClusterId, Keys, Settings, Timing, Uid};
use ferrolb_runtime::client;
use ferrolb_sansio::Instant;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Options;
use crate::absence::Absence;
use crate::apply;
use crate::args::TimingProfile;
use crate::bgp::BgpDesired;
use crate::dismissal;
use crate::hearing::Hearing;
use crate::index::{Desired, Index};
use crate::observe::Observed;
use crate::paths::Paths;
use crate::rejects::Rejects;
use crate::report::{self, Statement};
use crate::routing::Routing;
use crate::sessions;
use crate::source::{Event, cluster, standalone};
use crate::status::{Calendar, Duplicates, Said};
use crate::wire::{Command, Identity, Output, Report, Wire};
use crate::{interfaces, sys};

/// Holds the parts together: what is known, what was told, the wire thread, and those who watch.
pub(crate) struct Speaker {
    options: Options,
    observed: Observed,
    events: Sender<Event>,
    index: Index,
    told: apply::Told,
    desired: Desired,
    bgp: BgpDesired,
    wire: Option<Wire>,
    outputs: Option<Receiver<Output>>,
    routing: Routing,
    rejects: Rejects,
    paths: Paths,
    cluster: Option<ClusterId>,
    keys: Option<Box<Keys>>,
    problem: Option<String>,
    absence: Absence,
    dirty: bool,
    unsaved: bool,
    kubernetes: Option<Kubernetes>,
    calendar: Calendar,
    duplicates: Duplicates,
    said: Said,
    hearing: Hearing,
    /// The interfaces on which other speakers were heard, in this run or in an earlier one.
    acquainted: BTreeSet<String>,
    spare: Option<Report>,
    /// Whether the wire thread has ever reported.
    has_reported: bool,
    asked: Instant,
    /// When to ask next because something happened.
    news: Option<tokio::time::Instant>,
}

/// What one of the threads tells.
pub(crate) enum Told {
    /// The wire thread.
    Wire(Output),
    /// The BGP thread.
    Sessions(sessions::Output),
}

/// What there is only in a cluster.
struct Kubernetes {
    client: Client,
    endpoints: Option<JoinHandle<()>>,
    statements: watch::Sender<Option<Statement>>,
}

impl Speaker {
    pub(crate) fn new(options: Options, observed: Observed, events: Sender<Event>) -> Self {
        Self {
            index: Index::new(options.node.clone()),
            options,
            observed,
            events,
            told: apply::Told::default(),
            desired: Desired::default(),
            bgp: BgpDesired::default(),
            wire: None,
            outputs: None,
            routing: Routing::default(),
            rejects: Rejects::default(),
            paths: Paths::default(),
            cluster: None,
            keys: None,
            problem: None,
            absence: Absence::default(),
            dirty: true,
            unsaved: false,
            kubernetes: None,
            calendar: Calendar::new(sys::now(), Timestamp::now()),
            duplicates: Duplicates::new(),
            said: Said::default(),
            hearing: Hearing::default(),
            acquainted: BTreeSet::new(),
            spare: Some(Report::default()),
            has_reported: false,
            asked: Instant::ZERO,
            news: None,
        }
    }

    /// Starts what tells the configuration. The task ends only with an error.
    pub(crate) async fn start_source(&mut self) -> anyhow::Result<JoinHandle<anyhow::Result<()>>> {
        if let Some(folder) = self.options.standalone.clone() {
            tracing::info!(node = %self.options.node, folder = %folder.display(), "The speaker works from a folder.");
            return Ok(tokio::spawn(standalone::follow(
                folder,
                self.options.node.to_string(),
                self.events.clone(),
            )));
        }
        self.restore();
        let client = client::connect().await?;
        tracing::info!(node = %self.options.node, "The speaker works from the cluster's announcement slices.");
        let node = self.options.node.to_string();
        cluster::follow(
            &client,
            &node,
            self.options.heartbeat_keys.clone(),
            self.absence.report(),
            &self.events,
        );
        let (statements, newest) = watch::channel(None);
        tokio::spawn(report::write(client.clone(), node, newest, random()));
        self.routing.follow_secrets(client.clone(), self.events.clone());
        self.kubernetes = Some(Kubernetes { client, endpoints: None, statements });
        Ok(tokio::spawn(std::future::pending()))
    }

    pub(crate) fn follow_interfaces(&self) {
        let events = self.events.clone();
        let exclude = self.options.interface_exclude.clone();
        tokio::spawn(interfaces::follow(exclude, events, Event::Interfaces));
    }

    /// Takes one event in; [`Self::settle`] acts on it.
    pub(crate) fn take(&mut self, event: Event) {
        match event {
            Event::Slices(change) => {
                self.unsaved |= self.index.apply_slices(change);
                self.dirty |= self.unsaved;
            }
            Event::Node(facts) => {
                self.unsaved |= self.index.apply_node(facts);
                self.dirty |= self.unsaved;
            }
            Event::Endpoints(change) => {
                let followed =
                    self.kubernetes.as_ref().is_some_and(|kubernetes| kubernetes.endpoints.is_some());
                self.dirty |= followed && self.index.apply_endpoints(change);
            }
            Event::Interfaces(known) => {
                self.dirty |= self.index.apply_interfaces(known.usable);
                self.dirty |= self.routing.set_links(known.link_local);
            }
            Event::Cluster(cluster) => {
                if self.cluster.is_some_and(|known| known != cluster) {
                    self.acquainted.clear();
                    if self.wire.is_some() {
                        tracing::error!(
                            "The cluster is another than the last run's; restart the speaker to join it."
                        );
                    }
                }
                self.unsaved |= self.cluster != Some(cluster);
                self.cluster = Some(cluster);
                self.dirty = true;
            }
            Event::Keys(keys) => {
                self.keys = Some(keys);
                self.dirty = true;
            }
            Event::Bgp(change) => {
                self.unsaved |= self.index.apply_bgp(*change);
                self.dirty |= self.unsaved;
            }
            Event::Password { secret, password } => {
                self.dirty |= self.routing.set_password(secret, password);
            }
            Event::Passwords(passwords) => self.dirty |= self.routing.set_passwords(passwords),
            Event::Problem(problem) => {
                self.dirty |= self.problem != problem;
                self.problem = problem;
            }
        }
    }

    /// Brings the wire thread, the snapshot and the watches in line with what is known now.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        if !self.index.knows_interfaces() || !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.follow_endpoints();
        // Routers first: what follows for them costs the less, and they wait for nothing else.
        self.bgp = self.index.bgp();
        self.settle_sessions().await?;
        let mut desired = self.index.desired();
        desired.stale |= self.absence.is_long();
        desired.problems.extend(self.bgp.problems.iter().cloned());
        for problem in desired.problems.iter().filter(|problem| !self.desired.problems.contains(problem)) {
            tracing::warn!(problem, "Part of the configuration cannot be used.");
        }
        self.desired = desired;
        self.said.forget();
        {
            let mut view = self.observed.view();
            view.configured |= self.index.is_complete();
            view.stale = view.configured && !self.index.is_complete();
            view.problems = self.desired.problems.len() + usize::from(self.problem.is_some());
        }
        self.start_wire()?;
        if let Some(wire) = &self.wire {
            if let Some(keys) = self.keys.take() {
                wire.send(Command::Keys(keys)).await?;
            }
            for command in self.told.changes(&self.desired) {
                wire.send(command).await?;
            }
        }
        self.settle_paths().await?;
        self.ask().await
    }

    /// Brings the BGP thread in line.
    pub(crate) async fn settle_sessions(&mut self) -> anyhow::Result<()> {
        // While routes of a node that leaves are still to be withdrawn, what goes with them stays.
        if self.bgp.leaving.is_empty() || self.routing.told().grace_left(sys::now()).is_zero() {
            // What could not be is tried again with the next look at everything.
            self.dirty |= !self.rejects.settle(&mut self.bgp).await;
        }
        let (node, state_dir) = (self.options.node.as_str(), &self.options.state_dir);
        self.routing.settle(&self.bgp, node, self.index.usable(), state_dir).await
    }

    /// Has the wire thread watch the paths to the peers.
    pub(crate) async fn settle_paths(&mut self) -> anyhow::Result<()> {
        let Some(wire) = &self.wire else { return Ok(()) };
        let commands = self.paths.changes(self.routing.wishes());
        if !commands.is_empty() {
            let watched = self.paths.wishes().iter().map(|wish| (Arc::clone(&wish.peer), wish.path));
            self.observed.view().watched = watched.collect();
        }
        for command in commands {
            wire.send(command).await?;
        }
        Ok(())
    }

    /// Endpoints of all Services are a lot to follow; only VIPs under the Local policy and those that BGP peers are told of need
    /// them.
    fn follow_endpoints(&mut self) {
        let Some(kubernetes) = &mut self.kubernetes else { return };
        match (&kubernetes.endpoints, self.index.wants_endpoints()) {
            (None, true) => {
                let node = self.options.node.as_str();
                let task = cluster::follow_endpoints(kubernetes.client.clone(), node, self.events.clone());
                kubernetes.endpoints = Some(task);
            }
            (Some(task), false) => {
                task.abort();
                kubernetes.endpoints = None;
                self.index.forget_endpoints();
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Starts the wire thread once it is known which cluster this is and what signs its frames.
    fn start_wire(&mut self) -> anyhow::Result<()> {
        let (None, Some(cluster)) = (&self.wire, self.cluster) else { return Ok(()) };
        let Some(keys) = self.keys.take() else { return Ok(()) };
        let mut uid = [0; 16];
        getrandom::fill(&mut uid)
            .map_err(|error| anyhow::anyhow!("no random numbers are to be had: {error}"))?;
        let settings = Settings {
            cluster,
            keys: *keys,
            node: self.options.node.clone(),
            uid: Uid(uid),
            timing: match self.options.timing {
                TimingProfile::Quick => Timing::ORDINARY,
                TimingProfile::Relaxed => Timing::RELAXED,
            },
            gratuitous_rate: self.options.gratuitous_rate,
            stale_for: Settings::DEFAULT_STALE_FOR,
        };
        let identity = Identity { settings, acquainted: self.acquainted.clone(), seed: random() };
        let (wire, outputs) = Wire::start(identity).map_err(|error| {
            anyhow::anyhow!(
                "packet sockets cannot be opened ({error}): give the speaker CAP_NET_RAW and CAP_NET_ADMIN"
            )
        })?;
        if !wire.realtime() {
            tracing::warn!(
                "Real-time scheduling is not permitted, so heartbeats are slower; give the speaker CAP_SYS_NICE."
            );
        }
        let mut view = self.observed.view();
        view.pulse = Some(wire.pulse());
        view.realtime = wire.realtime();
        drop(view);
        self.wire = Some(wire);
        self.outputs = Some(outputs);
        Ok(())
    }

    /// Whoever reads the SpeakerState waits for this; what else happens now goes along.
    fn note_news(&mut self) {
        self.news.get_or_insert_with(|| tokio::time::Instant::now() + NEWS_DELAY);
    }

    /// Asks how things are every second, sooner after events; saves the configuration where it changed.
    pub(crate) async fn look(&mut self) -> anyhow::Result<()> {
        if std::mem::take(&mut self.unsaved) {
            self.save();
        }
        self.dirty |= self.absence.look(sys::now());
        self.settle().await?;
        // Time alone can change what peers should be told.
        self.settle_sessions().await?;
        self.settle_paths().await?;
        self.ask().await
    }

    /// Asks how things are.
    pub(crate) async fn ask(&mut self) -> anyhow::Result<()> {
        self.news = None;
        self.routing.ask().await?;
        let Some(wire) = &self.wire else { return Ok(()) };
        let now = sys::now();
        // A report that never came back was dropped with a full queue.
        let lost = self.spare.is_none() && now.since(self.asked) > REPORT_LOST;
        if let Some(report) = self.spare.take().or_else(|| lost.then(Report::default)) {
            self.asked = now;
            wire.send(Command::Report(report)).await?;
        }
        Ok(())
    }

    /// What the node is, if no other speaker follows on it.
    async fn dismissed(&self) -> Option<String> {
        let client = &self.kubernetes.as_ref()?.client;
        dismissal::dismissed(client, self.options.node.as_str(), self.options.daemon_set.as_deref()).await
    }

    /// VIPs change hands at once. BFD is switched off only when every router has heard the end of its BGP session: one that
    /// takes AdminDown for a path that is down would else drop routes for which it still has a grace.
    pub(crate) async fn end(mut self) {
        let wire = self.wire.take();
        if let Some(wire) = &wire {
            // A thread that has ended has nothing left to hand over.
            let _ = wire.hand_over().await;
        }
        if self.bgp.leaving.is_empty()
            && !self.bgp.peers.is_empty()
            && let Some(dismissed) = self.dismissed().await
        {
            tracing::info!(
                "The node is {dismissed}, so BGP peers are asked to leave it before the speaker ends."
            );
            self.bgp.leaving = dismissed;
            // A thread that has ended has nobody left to tell.
            let _ = self.settle_sessions().await;
        }
        self.routing.end(&self.bgp.leaving).await;
        if let Some(wire) = wire {
            wire.stop().await;
        }
        self.rejects.end().await;
        tracing::info!("The speaker has handed over or resigned everything and ends.");
    }
}

fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| sys::now().as_nanos())
}

/// After an event, to gather those that come with it.
const NEWS_DELAY: Duration = Duration::from_millis(20);
const REPORT_LOST: Duration = Duration::from_secs(5);
