//! One stream of changes, from the version it is given until something ends it.

use std::time::Duration;

use http_body_util::BodyExt as _;
use kube::{Resource, api::WatchParams, client::Body, core::Status};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::{Change, Source, list};
use crate::{
    backoff,
    client::{REQUEST_TIMEOUT, Refusal, RequestError, open},
};

/// A stream that ends sooner, having brought nothing, is not worth opening again at once.
const TOO_SOON: Duration = Duration::from_secs(1);
/// The longest line taken, in bytes: etcd's objects are far smaller.
const MAX_LINE: usize = 16 << 20;

/// Why a stream ended.
pub(super) enum Ended {
    /// The receiver is gone.
    Unheard,
    /// The version it started from is forgotten.
    TooOld,
    /// The quorum's newest version is older than one seen here.
    RanBack { newest: String },
    /// The API server ended it, as it does every few minutes.
    InTime,
    /// The API server ended it at once.
    TooSoon,
    /// Nothing came, not even a bookmark.
    Silent,
    /// It broke.
    Failed { error: RequestError, after_events: bool },
}

/// A line of a stream. The API server writes the type first, so objects are decoded as they stand.
#[derive(Deserialize)]
#[serde(tag = "type", content = "object", rename_all = "UPPERCASE", bound = "K: DeserializeOwned")]
enum Line<K> {
    Added(K),
    Modified(K),
    Deleted(K),
    Bookmark(Bookmark),
    Error(Box<Status>),
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
}

/// Follows changes since `version`, which it keeps up to date. Calls `opened` once the API server answers with a stream. Of objects
/// of which `read` makes nothing nothing is told.
///
/// A stream is in the order of versions, and one that is opened anew begins after the last version seen. What is no newer than that
/// has been told already, of the same object or by a list, and would bring back what was edited or deleted since: it is dropped.
pub(super) async fn run<K, T, E>(
    source: &Source<'_>,
    version: &mut String,
    events: &mpsc::Sender<E>,
    (read, wrap): (&mut impl FnMut(K) -> Option<T>, &impl Fn(Change<T>) -> E),
    opened: impl FnOnce(),
) -> Ended
where
    K: Resource + DeserializeOwned,
{
    let began = Instant::now();
    let mut heard = false;
    let body = match start(source, version).await {
        Ok(body) => body,
        Err(error) if error.code() == Some(410) => return Ended::TooOld,
        Err(error) => return Ended::Failed { error, after_events: false },
    };
    opened();
    let patience = &source.selection.patience;
    let mut lines = Lines { body, buffer: Vec::new() };
    let mut deaf_at = began + patience.silence;
    // A stream is opened anew after whatever happened to the API server, so this is when to look.
    let mut probe = Box::pin(probe(source, version.clone(), began));
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            ran_back = &mut probe => match ran_back {
                Some(newest) => return Ended::RanBack { newest },
                None => {
                    probe.set(self::probe(source, version.clone(), Instant::now() + patience.probe));
                    continue;
                }
            },
            () = sleep_until(deaf_at) => return Ended::Silent,
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) if heard || began.elapsed() >= TOO_SOON => return Ended::InTime,
            Ok(None) => return Ended::TooSoon,
            Err(error) => return Ended::Failed { error, after_events: heard },
        };
        deaf_at = Instant::now() + patience.silence;
        let change = match serde_json::from_slice(&line) {
            Ok(Line::Added(object) | Line::Modified(object)) => {
                news(object, version).and_then(&mut *read).map(Change::Applied)
            }
            Ok(Line::Deleted(object)) => news(object, version).and_then(&mut *read).map(Change::Deleted),
            Ok(Line::Bookmark(bookmark)) => {
                let newest = bookmark.metadata.resource_version;
                if is_older(&newest, version) {
                    return Ended::RanBack { newest };
                }
                heard = true;
                *version = newest;
                continue;
            }
            Ok(Line::Error(status)) if status.code == 410 => return Ended::TooOld,
            Ok(Line::Error(status)) => {
                return Ended::Failed {
                    error: RequestError::Refused(Box::new(refusal(*status))),
                    after_events: heard,
                };
            }
            Err(error) => {
                return Ended::Failed { error: RequestError::Unreadable(error), after_events: heard };
            }
        };
        heard = true;
        let Some(change) = change else { continue };
        if events.send(wrap(change)).await.is_err() {
            return Ended::Unheard;
        }
    }
}

async fn start(source: &Source<'_>, version: &str) -> Result<Body, RequestError> {
    let turn = source.selection.patience.turn;
    let turn = turn + (turn / 2).mul_f64(f64::from(backoff::random()) / f64::from(u32::MAX));
    let parameters = WatchParams {
        label_selector: source.selection.labels.clone(),
        field_selector: source.selection.fields.clone(),
        timeout: Some(u32::try_from(turn.as_secs().max(1)).unwrap_or(u32::MAX)),
        bookmarks: true,
        send_initial_events: false,
    };
    let request = source.request.watch(&parameters, version).map_err(kube::Error::BuildRequest)?;
    let patience = REQUEST_TIMEOUT.min(source.selection.patience.silence);
    let opening = timeout(patience, open(source.client, request)).await;
    opening.map_err(|_| RequestError::TimedOut(patience))?
}

/// Waits until `when`, then tells the quorum's newest version if that is older than `seen`. A probe that fails tells
/// nothing: the stream itself shows whether the API server is there.
async fn probe(source: &Source<'_>, seen: String, when: Instant) -> Option<String> {
    sleep_until(when).await;
    let newest = list::newest(source).await.ok()?;
    is_older(&newest, &seen).then_some(newest)
}

/// Whether `version` is older than `other`. Versions of one kind are numbers that grow (KEP-5504); of others nothing is
/// known.
fn is_older(version: &str, other: &str) -> bool {
    matches!((version.parse::<u128>(), other.parse::<u128>()), (Ok(version), Ok(other)) if version < other)
}

/// The object without what nobody reads, if it is newer than `version`, which becomes its own. Versions that are no numbers say
/// nothing of that; then what comes later is newer.
fn news<K: Resource>(mut object: K, version: &mut String) -> Option<K> {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(seen) = &metadata.resource_version {
        if is_older(seen, version) || (seen == version && seen.parse::<u128>().is_ok()) {
            tracing::debug!(version = seen, newest = version, "A watch told what it has told already.");
            return None;
        }
        version.clone_from(seen);
    }
    Some(object)
}

fn refusal(status: Status) -> Refusal {
    Refusal { code: status.code, reason: status.reason, message: status.message, retry_after: None }
}

/// A body, line by line.
struct Lines {
    body: Body,
    buffer: Vec<u8>,
}

impl Lines {
    /// The next line; `None` at the end. A part of a line before the end is none. Nothing is lost if this is dropped.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, RequestError> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(searched + end + 1);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            searched = self.buffer.len();
            if searched > MAX_LINE {
                return Err(RequestError::BrokenOff(format!("a line is longer than {MAX_LINE} bytes")));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => return Err(RequestError::BrokenOff(error.to_string())),
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Namespace;

    #[tokio::test]
    async fn lines_are_cut_wherever_the_network_cuts_them() {
        let body = Body::from(b"one\ntwo\nrest".to_vec());
        let mut lines = Lines { body, buffer: b"ze\nro ".to_vec() };
        let mut read = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            read.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(read, ["ze\n", "ro one\n", "two\n"]);
    }

    #[test]
    fn a_bookmark_needs_no_object() {
        let text = r#"{"type":"BOOKMARK","object":{"kind":"Namespace","metadata":{"resourceVersion":"7"}}}"#;
        let Line::Bookmark(bookmark) = serde_json::from_str::<Line<Namespace>>(text).unwrap() else {
            panic!("no bookmark")
        };
        assert_eq!(bookmark.metadata.resource_version, "7");
    }

    #[test]
    fn what_is_no_newer_than_what_was_seen_is_no_news() {
        let mut version = "9".to_owned();
        let mut is_news = |told: &str| {
            let mut object = Namespace::default();
            object.metadata.resource_version = Some(told.into());
            news(object, &mut version).is_some()
        };
        assert!(!is_news("9"), "the list had it");
        assert!(is_news("10"));
        assert!(!is_news("10"), "again");
        assert!(!is_news("9"), "the one before it");
        assert!(is_news("100"));
        assert!(is_news("abc") && is_news("abc") && is_news("abb"), "of these nothing is known");
        assert_eq!(version, "abb");
    }

    #[test]
    fn only_numbers_can_run_backwards() {
        assert!(is_older("9", "10"));
        assert!(!is_older("10", "10"));
        assert!(!is_older("abc", "10"));
    }
}
