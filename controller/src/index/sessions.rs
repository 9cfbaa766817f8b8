//! The BGP sessions of every node, as the speakers report them.

use std::collections::BTreeMap;

use ferrolb_api::{BgpSessionState, SpeakerState};
use ferrolb_model::NodeName;
use ferrolb_runtime::watch::Change;

use super::version;

/// What every speaker reports.
#[derive(Debug, Default)]
pub(crate) struct Sessions(BTreeMap<NodeName, Report>);

#[derive(Debug, Default)]
struct Report {
    /// The newest slice that the speaker has in force.
    revision: String,
    /// By peer.
    sessions: BTreeMap<String, Session>,
}

/// A session of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// Routes are told.
    Established,
    /// They are not; why, in words.
    Down(String),
}

/// What is known of a session of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard<'a> {
    /// The speaker has not seen the slice in question yet, or never reported.
    Nothing,
    /// It has, and has no such session.
    None,
    /// It has, and has this session.
    Session(&'a Session),
}

impl Sessions {
    /// Takes what speakers report. Returns whether any session was established or ended.
    pub(crate) fn apply(&mut self, change: &Change<SpeakerState>) -> bool {
        match change {
            Change::All(states) => {
                let before = std::mem::take(&mut self.0);
                self.0 = states.iter().map(|state| (name(state), Report::of(state))).collect();
                let same = |(node, report): (&NodeName, &Report)| {
                    before.get(node).is_some_and(|before| before.agrees(report))
                };
                before.len() != self.0.len() || !self.0.iter().all(same)
            }
            Change::Applied(state) => {
                let report = Report::of(state);
                let agrees = self.0.get(&name(state)).is_some_and(|before| before.agrees(&report));
                self.0.insert(name(state), report);
                !agrees
            }
            Change::Deleted(state) => self.0.remove(&name(state)).is_some(),
        }
    }

    /// What is known of a node's session to a peer, from a speaker that has seen the slice of this version.
    pub(crate) fn heard(&self, node: &NodeName, peer: &str, slice_version: &str) -> Heard<'_> {
        match self.0.get(node).filter(|report| !version::is_newer(slice_version, &report.revision)) {
            Some(report) => report.sessions.get(peer).map_or(Heard::None, Heard::Session),
            None => Heard::Nothing,
        }
    }
}

impl Report {
    fn of(state: &SpeakerState) -> Self {
        let status = state.status.as_ref();
        let sessions = status.map(|status| status.bgp.as_slice()).unwrap_or_default().iter().map(|session| {
            let heard = match session.state {
                BgpSessionState::Established => Session::Established,
                BgpSessionState::Idle
                | BgpSessionState::Connect
                | BgpSessionState::Active
                | BgpSessionState::OpenSent
                | BgpSessionState::OpenConfirm => Session::Down(match session.last_error.is_empty() {
                    true => format!("{:?}", session.state),
                    false => session.last_error.clone(),
                }),
            };
            (session.peer.clone(), heard)
        });
        let revision = status.map(|status| status.configuration.revision.clone()).unwrap_or_default();
        Self { revision, sessions: sessions.collect() }
    }

    /// Whether the same sessions are established.
    fn agrees(&self, other: &Self) -> bool {
        let up = |report: &Self| -> BTreeMap<String, bool> {
            let up = |session: &Session| *session == Session::Established;
            report.sessions.iter().map(|(peer, session)| (peer.clone(), up(session))).collect()
        };
        up(self) == up(other)
    }
}

fn name(state: &SpeakerState) -> NodeName {
    state.metadata.name.as_deref().unwrap_or_default().into()
}
