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

/// Follows changes since `version`, which it keeps up to date. `works` is called once the stream has lasted: it may go on for
/// minutes without an event.
pub(super) async fn run<K, E>(
    source: &Source<'_>,
    version: &mut String,
    events: &mpsc::Sender<E>,
    wrap: &impl Fn(Change<K>) -> E,
    mut works: impl FnMut(),
) -> Ended
where
    K: Resource + DeserializeOwned,
{
    let opened = Instant::now();
    let mut heard = false;
    let body = match start(source, version).await {
        Ok(body) => body,
        Err(error) if error.code() == Some(410) => return Ended::TooOld,
        Err(error) => return Ended::Failed { error, after_events: false },
    };
    let patience = &source.selection.patience;
    let mut lines = Lines { body, buffer: Vec::new() };
    let mut deaf_at = opened + patience.silence;
    let (lasts_at, mut lasts) = (Instant::now() + TOO_SOON, false);
    // A stream is opened anew after whatever happened to the API server, so this is when to look.
    let mut probe = Box::pin(probe(source, version.clone(), opened));
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
            () = sleep_until(lasts_at), if !lasts => {
                lasts = true;
                works();
                continue;
            }
            () = sleep_until(deaf_at) => return Ended::Silent,
        };
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) if heard || opened.elapsed() >= TOO_SOON => return Ended::InTime,
            Ok(None) => return Ended::TooSoon,
            Err(error) => return Ended::Failed { error, after_events: heard },
        };
        deaf_at = Instant::now() + patience.silence;
        let change = match serde_json::from_slice(&line) {
            Ok(Line::Added(object) | Line::Modified(object)) => Change::Applied(tidy(object, version)),
            Ok(Line::Deleted(object)) => Change::Deleted(tidy(object, version)),
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

fn tidy<K: Resource>(mut object: K, version: &mut String) -> K {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    if let Some(seen) = &metadata.resource_version
        && !is_older(seen, version)
    {
        version.clone_from(seen);
    }
    object
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
    fn only_numbers_can_run_backwards() {
        assert!(is_older("9", "10"));
        assert!(!is_older("10", "10"));
        assert!(!is_older("abc", "10"));
    }
}
