//! Watches.

use std::{collections::VecDeque, io, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::{
    fault::Action,
    server::{BOOKMARK, Place, Server, is_selected, is_served},
    store::Change,
};

/// A watch under way.
struct Watch {
    server: Server,
    place: Place,
    action: Option<Action>,
    /// The last version sent or skipped.
    version: u64,
    ends: Instant,
    next_bookmark: Instant,
    restarts: u64,
    waiting: VecDeque<String>,
    last: Option<String>,
}

/// Answers a watch.
pub(crate) fn watch(server: &Server, place: &Place, action: Option<Action>) -> Response {
    let number = |key: &str| place.query.get(key).and_then(|value| value.parse::<u64>().ok()).unwrap_or(0);
    let (restarts, compacted) = {
        let world = server.world();
        if !is_served(&world.store, &place.resource) {
            return (StatusCode::NOT_FOUND, "404 page not found").into_response();
        }
        (world.restarts, world.store.compacted)
    };
    let version = number("resourceVersion");
    let mut watch = Watch {
        server: server.clone(),
        place: Place { query: place.query.clone(), ..clone(place) },
        action,
        version,
        ends: Instant::now() + Duration::from_secs(number("timeoutSeconds")),
        next_bookmark: Instant::now() + BOOKMARK,
        restarts,
        waiting: VecDeque::new(),
        last: None,
    };
    if version < compacted {
        let status = json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"});
        watch.waiting.push_back(line("ERROR", &status));
        watch.ends = Instant::now();
    }
    Body::from_stream(futures::stream::unfold(watch, |mut watch| async move {
        let bytes = watch.next().await?;
        Some((bytes, watch))
    }))
    .into_response()
}

fn clone(place: &Place) -> Place {
    Place {
        resource: place.resource.clone(),
        namespace: place.namespace.clone(),
        name: place.name.clone(),
        query: place.query.clone(),
    }
}

impl Watch {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match &self.action {
            Some(Action::Silence) => std::future::pending().await,
            Some(Action::End) => return None,
            _ => {}
        }
        loop {
            let server = self.server.clone();
            let changed = server.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.server.world().restarts != self.restarts {
                return Some(Err(io::Error::other("the server was restarted")));
            }
            self.gather();
            if let Some(text) = self.waiting.pop_front() {
                if matches!(self.action, Some(Action::BreakLine)) {
                    self.action = Some(Action::End);
                    // The cut comes as the end of the body, in the middle of a line.
                    return Some(Ok(Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2])));
                }
                return Some(Ok(Bytes::from(text)));
            }
            let now = Instant::now();
            if now >= self.ends {
                return None;
            }
            if now >= self.next_bookmark {
                self.next_bookmark = now + BOOKMARK;
                let newest = self.server.world().store.version.max(self.version);
                self.version = newest;
                let object = json!({"metadata": {"resourceVersion": newest.to_string()}});
                return Some(Ok(Bytes::from(line("BOOKMARK", &object))));
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(self.ends.min(self.next_bookmark)) => {}
            }
        }
    }

    fn gather(&mut self) {
        let stutters = matches!(self.action, Some(Action::Stutter));
        let changes: Vec<Change> = {
            let world = self.server.world();
            world
                .store
                .since(self.version)
                .iter()
                .filter(|change| change.key.0 == self.place.resource)
                .cloned()
                .collect()
        };
        for change in changes {
            self.version = change.version;
            let is = |object: &Option<Value>| {
                object.as_ref().is_some_and(|object| is_selected(&self.place, object))
            };
            let mut gone = change.before.clone().unwrap_or(Value::Null);
            gone["metadata"]["resourceVersion"] = json!(change.version.to_string());
            let text = match (is(&change.before), is(&change.after)) {
                (false, true) => line("ADDED", change.after.as_ref().unwrap()),
                (true, true) => line("MODIFIED", change.after.as_ref().unwrap()),
                (true, false) => line("DELETED", &gone),
                (false, false) => continue,
            };
            self.waiting.push_back(text.clone());
            if stutters {
                self.waiting.push_back(text.clone());
                self.waiting.extend(self.last.replace(text));
            }
        }
    }
}

fn line(kind: &str, object: &Value) -> String {
    // The API server writes the type first.
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
