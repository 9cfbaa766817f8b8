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
    /// They are not yet, and nothing went wrong: the state that it is in.
    Opening(String),
    /// They are not; why, in words.
    Down(String),
}

/// What is new in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum News {
    /// Nothing.
    Nothing,
    /// Why sessions are down.
    Words,
    /// Sessions were established or ended, or who reports is another.
    Sessions,
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
    /// Takes what speakers report; what is new in it.
    pub(crate) fn apply(&mut self, change: &Change<SpeakerState>) -> News {
        match change {
            Change::All(states) => {
                let before = std::mem::take(&mut self.0);
                self.0 = states.iter().map(|state| (name(state), Report::of(state))).collect();
                if before.len() != self.0.len() {
                    return News::Sessions;
                }
                let news = self.0.iter().map(|(node, report)| report.news_since(before.get(node)));
                news.max().unwrap_or(News::Nothing)
            }
            Change::Applied(state) => {
                let report = Report::of(state);
                let news = report.news_since(self.0.get(&name(state)));
                self.0.insert(name(state), report);
                news
            }
            Change::Deleted(state) => match self.0.remove(&name(state)) {
                Some(_) => News::Sessions,
                None => News::Nothing,
            },
        }
    }

    /// The nodes whose session to a peer is down, and why.
    pub(crate) fn down(&self, peer: &str) -> impl Iterator<Item = (&NodeName, &str)> {
        self.0.iter().filter_map(move |(node, report)| match report.sessions.get(peer)? {
            Session::Down(why) => Some((node, why.as_str())),
            Session::Established | Session::Opening(_) => None,
        })
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
                | BgpSessionState::OpenConfirm => match session.last_error.is_empty() {
                    true => Session::Opening(format!("{:?}", session.state)),
                    false => Session::Down(session.last_error.clone()),
                },
            };
            (session.peer.clone(), heard)
        });
        let revision = status.map(|status| status.configuration.revision.clone()).unwrap_or_default();
        Self { revision, sessions: sessions.collect() }
    }

    /// How it differs from the one before, if there was one.
    fn news_since(&self, before: Option<&Self>) -> News {
        let up = |report: &Self| -> BTreeMap<String, bool> {
            let up = |session: &Session| *session == Session::Established;
            report.sessions.iter().map(|(peer, session)| (peer.clone(), up(session))).collect()
        };
        match before {
            Some(before) if before.sessions == self.sessions => News::Nothing,
            Some(before) if up(before) == up(self) => News::Words,
            Some(_) | None => News::Sessions,
        }
    }
}

fn name(state: &SpeakerState) -> NodeName {
    state.metadata.name.as_deref().unwrap_or_default().into()
}
