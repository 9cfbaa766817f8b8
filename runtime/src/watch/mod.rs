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

mod list;
mod patience;
mod report;
mod stream;

pub use patience::Patience;
pub use report::Report;

use std::{fmt::Debug, time::Duration};

use kube::{Api, Client, Resource, core::Request};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use self::{
    report::{Trouble, kind_name},
    stream::Ended as StreamEnded,
};

/// What happened to objects of one kind.
#[derive(Clone, Debug)]
pub enum Change<K> {
    /// These are all there are.
    All(Vec<K>),
    /// One was added or changed.
    Applied(K),
    /// One is gone, or no longer matches the watch's selector.
    Deleted(K),
}

impl<K> Change<K> {
    /// The same change of something made from `K`.
    pub fn map<T>(self, mut f: impl FnMut(K) -> T) -> Change<T> {
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
/// are logged and retried with growing pauses; `wrap` makes the receiver's event.
pub async fn watch<K, E>(
    api: Api<K>,
    selection: Selection,
    events: mpsc::Sender<E>,
    wrap: impl Fn(Change<K>) -> E,
) where
    K: Resource + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let url = api.resource_url().to_owned();
    let client = api.into_client();
    while follow(&client, &url, &selection, &events, &wrap).await != Ended::Unheard {}
}

/// Lists once and watches for as long as nothing is missed, through any number of failures.
pub async fn follow<K, E>(
    client: &Client,
    url: &str,
    selection: &Selection,
    events: &mpsc::Sender<E>,
    wrap: &impl Fn(Change<K>) -> E,
) -> Ended
where
    K: Resource + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let kind = kind_name::<K>();
    let source = Source { client, request: Request::new(url), selection };
    let mut trouble = Trouble::new(&kind, &selection.report);
    let (objects, mut version) = loop {
        match list::all::<K>(&source).await {
            Ok(listed) => break listed,
            Err(error) => tokio::time::sleep(trouble.failed(&error)).await,
        }
    };
    trouble.over();
    if events.send(wrap(Change::All(objects))).await.is_err() {
        return Ended::Unheard;
    }
    loop {
        let ended = stream::run(&source, &mut version, events, wrap, || trouble.over()).await;
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
        tokio::time::sleep(pause).await;
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
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll};

    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Full};
    use hyper::body::{Body as HttpBody, Bytes, Frame};
    use kube::client::Body;

    use super::*;
    use crate::kinds::Namespace;

    /// A stream on which nothing comes.
    struct Quiet;

    impl HttpBody for Quiet {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    /// Its first stream breaks off in its first line, those after that stay open.
    fn api_server(streams: Arc<AtomicU32>) -> Client {
        let all = |text: &'static [u8]| Full::new(Bytes::from_static(text)).boxed_unsync();
        let answer = move |request: Request<Body>| {
            let watches = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            let body = match (watches, watches && streams.fetch_add(1, Ordering::Relaxed) == 0) {
                (false, _) => all(br#"{"metadata":{"resourceVersion":"7"},"items":[]}"#),
                (true, true) => all(b"{\n"),
                (true, false) => Quiet.boxed_unsync(),
            };
            async move { Ok::<_, Infallible>(Response::new(body)) }
        };
        Client::new(tower::service_fn(answer), "default")
    }

    async fn until(what: &str, holds: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}: not so after ten seconds");
    }

    #[tokio::test]
    async fn a_watch_that_broke_works_again_while_its_next_stream_is_open_and_quiet() {
        let streams = Arc::<AtomicU32>::default();
        let (client, selection) = (api_server(Arc::clone(&streams)), Selection::default());
        let report = selection.report.clone();
        let (sender, _receiver) = mpsc::channel(8);
        let watching = tokio::spawn(watch(Api::<Namespace>::all(client), selection, sender, |change| change));
        until("the first stream broke", || !report.failing().is_empty()).await;
        until("the second is open", || streams.load(Ordering::Relaxed) == 2).await;
        until("the watch works again", || report.failing().is_empty()).await;
        assert_eq!(streams.load(Ordering::Relaxed), 2, "the second stream is still open");
        watching.abort();
    }
}
