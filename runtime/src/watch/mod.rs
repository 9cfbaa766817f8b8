//! Watches as events that an index can apply.
//!
//! ```text
//!  list (pages, from the quorum) --> Change::All --> stream --> Change::Applied, Change::Deleted
//!    ^                                                 |  ended, failed, silent: again from the last version
//!    +---- the version is too old, or time ran back ---+
//! ```
//!
//! After a broken watch Kubernetes lists again and sends no deletions for what vanished meanwhile. Lists are therefore
//! handed over whole, so that the receiver can compare.
//!
//! What goes wrong unseen is noticed too: a stream on which nothing comes, not even the bookmarks asked for, is opened
//! anew; and a small list from the quorum, now and then and whenever a stream was opened, tells whether versions run
//! backwards, as they do after etcd was restored from an older snapshot. Watchers of the old future would wait for ever.

mod cut;
mod list;
mod patience;
mod report;
mod stream;

pub use patience::Patience;
pub use report::Report;

use std::{fmt::Debug, time::Duration};

use kube::{Api, Client, Resource, core::Request};
use serde::de::DeserializeOwned;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use self::{
    report::{Trouble, kind_name},
    stream::Ended as StreamEnded,
};
use crate::backoff::{self, Backoff};

/// What happened to objects of one kind. `T` is an object, or what was read of it.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// These are all there are.
    All(Vec<T>),
    /// One was added or changed.
    Applied(T),
    /// One is gone, or no longer matches the watch's selector.
    Deleted(T),
}

impl<T> Change<T> {
    /// The same change of something made from `T`.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Change<U> {
        match self {
            Self::All(objects) => Change::All(objects.into_iter().map(f).collect()),
            Self::Applied(object) => Change::Applied(f(object)),
            Self::Deleted(object) => Change::Deleted(f(object)),
        }
    }
}

/// Which objects to watch, and how.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A field selector, as `kubectl --field-selector` takes it.
    pub fields: Option<String>,
    /// A label selector, as `kubectl -l` takes it.
    pub labels: Option<String>,
    /// How soon what goes wrong unseen is noticed.
    pub patience: Patience,
    /// Where the watch tells how it fares.
    pub report: Report,
}

/// Why a watch cannot go on from what its receiver knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The receiver is gone.
    Unheard,
    /// The API server does not remember the changes since the last one seen.
    TooOld,
    /// The API server knows less than was seen already: its storage was set back.
    RanBack {
        /// The last version seen.
        seen: String,
        /// The API server's newest.
        newest: String,
    },
}

/// Watches until the receiver is gone; a receiver must take a second list as the new truth, whatever it knew. Failures
/// are logged and retried with growing pauses. `read` makes of each object what the receiver needs of it, as soon as the object
/// is there, or nothing; `wrap` makes the receiver's event.
pub async fn watch<K, T, E>(
    api: Api<K>,
    selection: Selection,
    events: mpsc::Sender<E>,
    mut read: impl FnMut(K) -> Option<T>,
    wrap: impl Fn(Change<T>) -> E,
) where
    K: Resource + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let url = api.resource_url().to_owned();
    let client = api.into_client();
    let mut backoff = Backoff::default();
    loop {
        let began = Instant::now();
        if follow(&client, &url, &selection, &events, (&mut read, &wrap)).await == Ended::Unheard {
            return;
        }
        if began.elapsed() >= LASTED {
            backoff.succeeded();
        }
        sleep(backoff.failed(backoff::random())).await;
    }
}

/// What was listed and went on for so long was no vain try: the pause before the next list is a first one.
const LASTED: Duration = Duration::from_secs(30);

/// Lists once and watches for as long as nothing is missed, through any number of failures. `read` and `wrap` are as in [`watch`].
pub async fn follow<K, T, E>(
    client: &Client,
    url: &str,
    selection: &Selection,
    events: &mpsc::Sender<E>,
    (read, wrap): (&mut impl FnMut(K) -> Option<T>, &impl Fn(Change<T>) -> E),
) -> Ended
where
    K: Resource + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let kind = kind_name::<K>();
    let source = Source { client, request: Request::new(url), selection };
    let mut trouble = Trouble::new(&kind, &selection.report);
    let (objects, mut version) = loop {
        match list::all(&source, read).await {
            Ok(listed) => break listed,
            Err(error) => sleep(trouble.failed(&error)).await,
        }
    };
    trouble.over();
    if events.send(wrap(Change::All(objects))).await.is_err() {
        return Ended::Unheard;
    }
    loop {
        let ended = stream::run(&source, &mut version, events, (&mut *read, wrap), || trouble.opened()).await;
        let pause = match ended {
            StreamEnded::Unheard => return Ended::Unheard,
            StreamEnded::TooOld => {
                tracing::info!(
                    kind,
                    version,
                    "The watch's version is too old, so everything is listed anew."
                );
                selection.report.restarted(&kind, "too-old");
                return Ended::TooOld;
            }
            StreamEnded::RanBack { newest } => {
                tracing::warn!(
                    kind,
                    seen = version,
                    newest,
                    "The API server's storage was set back to an earlier state, so everything is listed anew."
                );
                selection.report.restarted(&kind, "ran-back");
                return Ended::RanBack { seen: version, newest };
            }
            StreamEnded::InTime => {
                trouble.over();
                Duration::ZERO
            }
            StreamEnded::TooSoon => trouble.repeated(),
            StreamEnded::Silent => {
                selection.report.restarted(&kind, "silent");
                tracing::info!(kind, version, "A watch has been silent for too long and is opened anew.");
                trouble.repeated()
            }
            StreamEnded::Failed { error, after_events } => {
                selection.report.restarted(&kind, "failed");
                if after_events {
                    trouble.over();
                }
                trouble.failed(&error)
            }
        };
        sleep(pause).await;
    }
}

/// What is listed and watched.
pub(crate) struct Source<'a> {
    client: &'a Client,
    request: Request,
    selection: &'a Selection,
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use axum::{Router, body::Body, extract::RawQuery, http::StatusCode, response::Response};

    use super::*;
    use crate::{
        client::{Gate, connect_to},
        kinds::Namespace,
    };

    async fn client_of(server: Router) -> Client {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, server).await.unwrap() });
        connect_to(kube::Config::new(address.parse().unwrap()), Gate::open()).unwrap()
    }

    /// Two pages, one with its metadata before the objects and one after, then a stream.
    #[tokio::test]
    async fn of_each_object_what_is_read_is_told() {
        let namespace = |name: &str, version: u32| {
            format!(r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}}}}"#)
        };
        let answer = move |query: &str| {
            if query.contains("watch=true") {
                let told = [("ADDED", namespace("nothing-4", 7)), ("DELETED", namespace("b", 8))];
                let lines =
                    told.map(|(kind, object)| format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"));
                let lines =
                    futures::stream::iter(lines.map(|line| Ok::<_, std::io::Error>(line.into_bytes())));
                return Body::from_stream(futures::StreamExt::chain(lines, futures::stream::pending()));
            }
            Body::from(match query.contains("continue=more") {
                true => format!(
                    r#"{{"items":[{},{}],"metadata":{{"resourceVersion":"6"}}}}"#,
                    namespace("b", 2),
                    namespace("nothing-2", 3)
                ),
                false => format!(
                    r#"{{"metadata":{{"resourceVersion":"6","continue":"more"}},"items":[{}, {}]}}"#,
                    namespace("nothing-1", 5),
                    namespace("a", 1)
                ),
            })
        };
        let server = Router::new().fallback(move |RawQuery(query): RawQuery| async move {
            Response::new(answer(&query.unwrap_or_default()))
        });
        let client = client_of(server).await;
        let (events, mut heard) = mpsc::channel::<Change<String>>(4);
        let read = |namespace: Namespace| namespace.metadata.name.filter(|name| !name.starts_with("nothing"));
        tokio::spawn(watch(Api::all(client), Selection::default(), events, read, |change| change));
        assert!(matches!(heard.recv().await, Some(Change::All(names)) if names == ["a", "b"]));
        assert!(matches!(heard.recv().await, Some(Change::Deleted(name)) if name == "b"));
    }

    /// The first watch is refused, the next one is quiet for ever.
    #[tokio::test]
    async fn a_watch_that_is_open_again_works_though_nothing_happens() {
        let watches = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&watches);
        let server = Router::new().fallback(move |RawQuery(query): RawQuery| {
            let counted = Arc::clone(&counted);
            async move {
                if !query.unwrap_or_default().contains("watch=true") {
                    return Response::new(Body::from(r#"{"metadata":{"resourceVersion":"5"},"items":[]}"#));
                }
                if counted.fetch_add(1, Ordering::Relaxed) == 0 {
                    let refusal = Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR);
                    return refusal.body(Body::from("not now")).unwrap();
                }
                Response::new(
                    Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()),
                )
            }
        });
        let client = client_of(server).await;
        let (events, mut heard) = mpsc::channel::<Change<Namespace>>(4);
        let selection = Selection::default();
        let report = selection.report.clone();
        tokio::spawn(watch(Api::<Namespace>::all(client), selection, events, Some, |change| change));
        assert!(matches!(heard.recv().await, Some(Change::All(namespaces)) if namespaces.is_empty()));

        let end = Instant::now() + Duration::from_secs(20);
        let mut failed = false;
        while watches.load(Ordering::Relaxed) < 2 || !report.failing().is_empty() {
            failed |= !report.failing().is_empty();
            assert!(Instant::now() < end, "{:?}", report.failing());
            sleep(Duration::from_millis(5)).await;
        }
        assert!(failed, "the first was refused");
    }
}
