use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ferrolb_bgp::session::{Event as SessionEvent, Restart, StateName, Stop};
use ferrolb_sansio::Instant;
use kube::Client;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::bgp::BgpDesired;
use crate::interfaces::{LinkLocal, Usable};
use crate::paths::Wish;
use crate::sessions::setup::Surroundings;
use crate::sessions::told::Told;
use crate::sessions::{Command, Narrator, Output, Report, Routers, Sessions, Stopped, last_run};
use crate::source::passwords::Follower;
use crate::source::{Event, Passwords};
use crate::sys;

/// The side of BGP that may wait: what the BGP thread was told, and what it told.
#[derive(Default)]
pub(crate) struct Routing {
    sessions: Option<Sessions>,
    outputs: Option<Receiver<Output>>,
    told: Told,
    /// The peers whose sessions stand.
    established: BTreeSet<Arc<str>>,
    passwords: Passwords,
    links: Vec<LinkLocal>,
    routers: Routers,
    follower: Option<Follower>,
    narrator: Narrator,
    /// The report to fill in next; `None` while the thread has it.
    spare: Option<Report>,
    asked: Option<Instant>,
}

/// What came of an output.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Something that others should soon see.
    News,
    /// The same, and a session stands that did not, or no longer does.
    Standing,
    /// Which routers advertise themselves: sessions may begin, or be elsewhere.
    Routers,
    /// How all sessions are.
    Report(Report),
}

impl Routing {
    /// Follows Secrets in a cluster from now on.
    pub(crate) fn follow_secrets(&mut self, client: Client, events: Sender<Event>) {
        self.follower = Some(Follower::new(client, events));
    }

    /// Takes what is new of one password; tells whether anything differs now.
    pub(crate) fn set_password(
        &mut self,
        secret: String,
        password: Option<Result<sys::tcp::Password, String>>,
    ) -> bool {
        match password {
            Some(password) => self.passwords.insert(secret, password.clone()) != Some(password),
            None => self.passwords.remove(&secret).is_some(),
        }
    }

    /// Takes all passwords; tells whether anything differs now.
    pub(crate) fn set_passwords(&mut self, passwords: Passwords) -> bool {
        let differs = self.passwords != passwords;
        self.passwords = passwords;
        differs
    }

    /// Takes the interfaces that a router without an address may be found on; tells whether anything differs now that matters
    /// to a session.
    pub(crate) fn set_links(&mut self, links: Vec<LinkLocal>) -> bool {
        let differs = self.told.differ(&self.links, &links);
        self.links = links;
        differs
    }

    /// Brings the BGP thread in line with what is known now. It is started for the first peer.
    pub(crate) async fn settle(
        &mut self,
        desired: &BgpDesired,
        node: &str,
        usable: &[Usable],
        state_dir: &Path,
    ) -> anyhow::Result<()> {
        if let Some(follower) = &mut self.follower {
            let named = desired.peers.values().filter_map(|plan| plan.peer.password_secret.as_deref());
            for gone in follower.follow(named) {
                self.passwords.remove(&gone);
            }
        }
        if self.sessions.is_none() && !desired.peers.is_empty() {
            self.start(node, state_dir)?;
        }
        let Some(sessions) = &self.sessions else { return Ok(()) };
        let around = Surroundings {
            node,
            usable,
            links: &self.links,
            routers: &self.routers,
            passwords: &self.passwords,
        };
        let before = self.told.waiting().clone();
        for command in self.told.changes(sys::now(), desired, &around) {
            sessions.send(command).await?;
        }
        for (peer, waiting) in self.told.waiting().iter().filter(|(peer, now)| before.get(*peer) != Some(now))
        {
            tracing::warn!(peer, problem = waiting.problem, "The BGP session with the router has to wait.");
        }
        Ok(())
    }

    fn start(&mut self, node: &str, state_dir: &Path) -> anyhow::Result<()> {
        let restart = last_run::follow_on(state_dir, node).unwrap_or_else(|error| {
            let folder = state_dir.display();
            tracing::debug!(%error, %folder, "The next run cannot know of this one.");
            Restart::default()
        });
        let seed = getrandom::u64().unwrap_or_else(|_| sys::now().as_nanos());
        let (sessions, outputs) = Sessions::start(restart, seed)
            .map_err(|error| anyhow::anyhow!("the BGP thread cannot be started: {error}"))?;
        (self.sessions, self.outputs) = (Some(sessions), Some(outputs));
        self.spare = Some(Report::default());
        Ok(())
    }

    /// What the BGP thread tells next; waits for ever before there is one.
    ///
    /// # Errors
    /// The thread has ended.
    pub(crate) async fn output(&mut self) -> Result<Output, Stopped> {
        match &mut self.outputs {
            Some(outputs) => outputs.recv().await.ok_or(Stopped),
            None => std::future::pending().await,
        }
    }

    /// Takes what the BGP thread tells.
    pub(crate) fn hear(&mut self, output: Output) -> Heard {
        match output {
            Output::Event { peer, remote, event } => {
                self.narrator.tell(&peer, &remote, &event);
                if let SessionEvent::State { from: _, to } = event
                    && self.note(peer, to)
                {
                    return Heard::Standing;
                }
            }
            Output::NotListening { problem } => {
                tracing::error!(problem, "Peers that should connect cannot; it is tried again.");
            }
            Output::Routers(routers) => {
                if let Some(problem) = &routers.problem {
                    tracing::error!(problem, "Peers without an address cannot be found; it is tried again.");
                }
                self.routers = routers;
                return Heard::Routers;
            }
            Output::Report(report) => {
                self.spare = Some(Report::default());
                let standing = report.peers.iter().filter(|peer| peer.state == StateName::Established);
                self.established = standing.map(|peer| Arc::clone(&peer.name)).collect();
                return Heard::Report(report);
            }
        }
        Heard::News
    }

    /// Notes the state of a session; tells whether it stands now and did not, or the other way round.
    fn note(&mut self, peer: Arc<str>, state: StateName) -> bool {
        match state {
            StateName::Established => self.established.insert(peer),
            StateName::Idle
            | StateName::Connect
            | StateName::Active
            | StateName::OpenSent
            | StateName::OpenConfirm => self.established.remove(&peer),
        }
    }

    /// The paths to watch by BFD: to peers whose session stands. A router may change the address that its own BFD session is
    /// bound to when a session of BGP comes up (FRR does, for peers without an address), and one that was up before would go
    /// down and take the new session with it.
    pub(crate) fn wishes(&self) -> Vec<Wish> {
        let mut wishes = self.told.wishes();
        wishes.retain(|wish| self.established.contains(&wish.peer));
        wishes
    }

    /// Asks how the sessions are.
    pub(crate) async fn ask(&mut self) -> Result<(), Stopped> {
        let Some(sessions) = &self.sessions else { return Ok(()) };
        let now = sys::now();
        // A report that never came back was dropped with a full queue.
        let lost = self.spare.is_none() && self.asked.is_none_or(|asked| now.since(asked) > REPORT_LOST);
        if let Some(report) = self.spare.take().or_else(|| lost.then(Report::default)) {
            self.asked = Some(now);
            sessions.send(Command::Report(report)).await?;
        }
        Ok(())
    }

    /// BFD says that the path to these peers is gone.
    pub(crate) async fn path_down(&self, peers: BTreeSet<Arc<str>>) -> Result<(), Stopped> {
        let Some(sessions) = &self.sessions else { return Ok(()) };
        for peer in peers {
            sessions.send(Command::PathDown(peer)).await?;
        }
        Ok(())
    }

    /// What was told, and is waited for.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// Ends every session: for good if this node is `leaving`, else as one that will soon be back.
    pub(crate) async fn end(self, leaving: &str) {
        let Some(sessions) = self.sessions else { return };
        let stop = if leaving.is_empty() {
            Stop::Restart { text: "the speaker restarts".to_owned() }
        } else {
            let wait = self.told.grace_left(sys::now());
            Stop::Leave { wait, text: format!("the node is {leaving}") }
        };
        sessions.stop(stop).await;
    }
}

const REPORT_LOST: std::time::Duration = std::time::Duration::from_secs(5);
