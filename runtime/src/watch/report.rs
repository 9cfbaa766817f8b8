//! How watches fare: for logs, metrics and readiness.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::Resource;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tokio::time::Instant;

use crate::{
    backoff::{self, Backoff},
    client::RequestError,
};

/// Trouble that lasts is told again after this.
const TELL_AGAIN: Duration = Duration::from_secs(60);
/// The longest pause that an API server may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Characters of an error that are logged.
const MAX_ERROR: usize = 400;

/// How a watch fares.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// All is well.
    Following,
    /// It fails, and is tried again and again. The text is the last error.
    Failing(String),
}

/// How the watches of a process fare, by kind. Clones are the same report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    states: Arc<Mutex<BTreeMap<String, State>>>,
    restarts: Family<RestartLabels, Counter>,
}

/// Which watch was opened anew, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RestartLabels {
    kind: String,
    reason: &'static str,
}

impl Report {
    /// The watches that fail, each with its last error.
    pub fn failing(&self) -> Vec<(String, String)> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = |(kind, state): (&String, &State)| match state {
            State::Following => None,
            State::Failing(error) => Some((kind.clone(), error.clone())),
        };
        states.iter().filter_map(failing).collect()
    }

    /// Registers `watch_restarts`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("watch_restarts", "Watches opened anew for cause", self.restarts.clone());
    }

    pub(super) fn restarted(&self, kind: &str, reason: &'static str) {
        self.restarts.get_or_create(&RestartLabels { kind: kind.to_owned(), reason }).inc();
    }

    fn set(&self, kind: &str, state: State) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(kind.to_owned(), state);
    }
}

/// Failures of one watch in a row.
pub(super) struct Trouble<'a> {
    backoff: Backoff,
    kind: &'a str,
    report: &'a Report,
    told: Option<Instant>,
}

impl<'a> Trouble<'a> {
    pub(super) fn new(kind: &'a str, report: &'a Report) -> Self {
        Self { backoff: Backoff::default(), kind, report, told: None }
    }

    /// It works.
    pub(super) fn over(&mut self) {
        self.opened();
        self.backoff.succeeded();
    }

    /// It is followed again. It may be quiet for as long as it lasts, and it may break at once: until it has brought something,
    /// pauses go on growing.
    pub(super) fn opened(&mut self) {
        self.report.set(self.kind, State::Following);
        if self.told.take().is_some() {
            tracing::info!(kind = self.kind, failures = self.backoff.failures(), "A watch works again.");
        }
    }

    /// Something failed: tells it, unless it was told lately. Returns how long to pause.
    pub(super) fn failed(&mut self, error: &RequestError) -> Duration {
        self.tell(error);
        let pause = self.repeated();
        // A pause that is asked for is kept, but nobody may send us away for long.
        error.retry_after().map_or(pause, |asked| pause.max(asked.min(LONGEST_RETRY_AFTER)))
    }

    /// Nothing failed, but it must not be done over and over. Returns how long to pause.
    pub(super) fn repeated(&mut self) -> Duration {
        self.backoff.failed(backoff::random())
    }

    fn tell(&mut self, error: &RequestError) {
        let text = causes(error);
        self.report.set(self.kind, State::Failing(text.clone()));
        if is_soon_over(error) || self.told.is_some_and(|told| told.elapsed() < TELL_AGAIN) {
            tracing::debug!(kind = self.kind, error = text, "A watch failed and is tried again.");
            return;
        }
        self.told = Some(Instant::now());
        match error.code() {
            Some(404) => tracing::warn!(
                kind = self.kind,
                "The API server does not know this kind: its CustomResourceDefinition is missing (kubectl apply -k deploy/). Waiting for it."
            ),
            Some(_) | None => {
                tracing::warn!(kind = self.kind, error = text, "A watch failed and is tried again.");
            }
        }
    }
}

/// For seconds after a CustomResourceDefinition was made the API server is not ready to serve its kind, and says so.
fn is_soon_over(error: &RequestError) -> bool {
    error.code() == Some(429) && error.to_string().contains("(re)initializing")
}

/// A kind's name as in manifests.
pub(super) fn kind_name<K>() -> String
where
    K: Resource,
    K::DynamicType: Default,
{
    K::kind(&K::DynamicType::default()).into_owned()
}

/// An error with the errors behind it, on one line of bearable length: the API server's can fill a screen.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = source.source();
    }
    match text.char_indices().nth(MAX_ERROR) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refusal;

    #[test]
    fn errors_are_one_line_with_their_causes_and_an_end() {
        let inner = std::io::Error::other("connection refused");
        let error = anyhow::Error::new(inner).context("the list failed");
        assert_eq!(causes(error.as_ref()), "the list failed: connection refused");
        let long = anyhow::anyhow!("x".repeat(5000));
        assert_eq!(causes(long.as_ref()).chars().count(), MAX_ERROR + 1);
    }

    #[test]
    fn a_kind_that_was_just_made_is_no_trouble() {
        let refused = |message: &str| {
            let refusal =
                Refusal { code: 429, reason: String::new(), message: message.into(), retry_after: None };
            RequestError::Refused(Box::new(refusal))
        };
        assert!(is_soon_over(&refused("storage is (re)initializing")));
        assert!(!is_soon_over(&refused("too many requests")));
    }

    #[test]
    fn what_fails_is_named_until_it_works() {
        let report = Report::default();
        let mut trouble = Trouble::new("Node", &report);
        trouble.tell(&RequestError::TimedOut(Duration::from_secs(5)));
        assert_eq!(report.failing()[0].0, "Node");
        trouble.over();
        assert!(report.failing().is_empty());
    }
}
