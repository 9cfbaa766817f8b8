//! An API server over HTTP, as far as the controller can tell: lists in pages, watches with bookmarks, guarded writes, and
//! faults by a script.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, time::Instant};

use crate::{
    fault::{Action, Asked, Fault},
    store::{Refused, Store},
    streaming,
};

/// Everything the server knows.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) faults: Vec<Fault>,
    pub(crate) requests: Vec<Asked>,
    /// What was never to happen and did.
    pub(crate) breaches: Vec<String>,
    /// Connections of before a restart are cut.
    pub(crate) restarts: u64,
}

/// The server; clones are the same.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World>>,
    pub(crate) changed: Arc<Notify>,
}

/// A request's place.
pub(crate) struct Place {
    pub(crate) resource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) query: BTreeMap<String, String>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server =
            Self { address: listener.local_addr().unwrap(), world: Arc::default(), changed: Arc::default() };
        let router = Router::new().fallback(serve).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Changes the world and tells watches.
    pub(crate) fn edit<T>(&self, edit: impl FnOnce(&mut World) -> T) -> T {
        let result = edit(&mut self.world());
        self.changed.notify_waiters();
        result
    }

    fn note(&self, asked: Asked, code: Option<u16>) {
        self.world().requests.push(Asked { code, ..asked });
    }
}

async fn serve(State(server): State<Server>, request: Request) -> Response {
    let place = place(request.uri().path(), request.uri().query().unwrap_or_default());
    let method = request.method().clone();
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Asked {
        at: Instant::now(),
        method: method.to_string(),
        resource: place.resource.clone(),
        name: place.name.clone(),
        watch: place.query.contains_key("watch"),
        limit: place.query.get("limit").and_then(|limit| limit.parse().ok()),
        continued: place.query.contains_key("continue"),
        code: None,
        holder: body["spec"]["holderIdentity"].as_str().map(str::to_owned),
    };
    let action = take_fault(&mut server.world(), &asked);
    match action {
        Some(Action::Answer { code, retry_after, plain }) => {
            server.note(asked, Some(code));
            error(code, retry_after, plain)
        }
        Some(Action::Hang) => {
            server.note(asked, None);
            std::future::pending().await
        }
        Some(Action::TakeEffectAndHang) => {
            let (_, _) = answer(&server, &method, &place, body);
            server.note(asked, None);
            std::future::pending().await
        }
        Some(Action::TakeEffectAndBreak) => {
            let (code, _) = answer(&server, &method, &place, body);
            server.note(asked, None);
            let part: Result<Bytes, std::io::Error> = Ok(Bytes::from_static(b"{\"kind\":"));
            let cut = Err(std::io::Error::other("cut"));
            let body = Body::from_stream(futures::stream::iter([part, cut]));
            (StatusCode::from_u16(code).unwrap(), body).into_response()
        }
        Some(Action::Late(time)) => {
            tokio::time::sleep(time).await;
            let (code, value) = answer(&server, &method, &place, body);
            server.note(asked, Some(code));
            (StatusCode::from_u16(code).unwrap(), value.to_string()).into_response()
        }
        Some(Action::Trickle(pause)) => {
            let (code, value) = answer(&server, &method, &place, body);
            server.note(asked, Some(code));
            let text = value.to_string().into_bytes();
            let bytes = futures::stream::unfold((text, 0), move |(text, at)| async move {
                tokio::time::sleep(pause).await;
                let byte = Bytes::copy_from_slice(text.get(at..=at)?);
                Some((Ok::<_, std::io::Error>(byte), (text, at + 1)))
            });
            (StatusCode::from_u16(code).unwrap(), Body::from_stream(bytes)).into_response()
        }
        watch @ (Some(Action::Silence | Action::End | Action::BreakLine | Action::Stutter) | None) => {
            if asked.watch {
                server.note(asked, Some(200));
                return streaming::watch(&server, &place, watch);
            }
            let (code, value) = answer(&server, &method, &place, body);
            server.note(asked, Some(code));
            let head = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::from_u16(code).unwrap(), head, value.to_string()).into_response()
        }
    }
}

fn take_fault(world: &mut World, asked: &Asked) -> Option<Action> {
    let fault = world.faults.iter_mut().find(|fault| fault.times > 0 && (fault.matches)(asked))?;
    fault.times -= 1;
    Some(fault.action.clone())
}

/// What an API server would do and say.
fn answer(server: &Server, method: &Method, place: &Place, body: Value) -> (u16, Value) {
    let result = server.edit(|world| {
        if !is_served(&world.store, &place.resource) {
            return Err(Refused::NotFound);
        }
        let name = match place.name.as_str() {
            "" => body["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            name => name.to_owned(),
        };
        let key = (place.resource.clone(), place.namespace.clone(), name);
        match method.as_str() {
            "GET" if place.name.is_empty() => Ok(list(&world.store, place)),
            "GET" => world.store.objects.get(&key).cloned().ok_or(Refused::NotFound),
            "POST" => world.store.create(&key, body),
            "PUT" => world.store.replace(&key, body),
            "PATCH" => {
                let patched = world.store.patch(&key, &body);
                world.breaches.extend(world.store.shared_addresses());
                patched
            }
            "DELETE" => world.store.delete(&key),
            other => panic!("{other}"),
        }
    });
    match result {
        Ok(value) => (200, value),
        Err(Refused::NotFound) => (404, status(404, "NotFound")),
        Err(Refused::Conflict) => (409, status(409, "Conflict")),
    }
}

/// Kinds of ours exist only with their definitions.
pub(crate) fn is_served(store: &Store, resource: &str) -> bool {
    let ours = [
        "ipaddresspools",
        "l2advertisements",
        "bgpadvertisements",
        "bgppeers",
        "bfdprofiles",
        "communities",
        "announcementslices",
        "speakerstates",
    ];
    let definition =
        ("customresourcedefinitions".to_owned(), String::new(), format!("{resource}.ferrolb.io"));
    !ours.contains(&resource) || store.objects.contains_key(&definition)
}

fn list(store: &Store, place: &Place) -> Value {
    let from: usize = place.query.get("continue").map_or(0, |token| token.parse().unwrap());
    let limit = place.query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
    let matching: Vec<&Value> = store
        .objects
        .iter()
        .filter(|(key, object)| key.0 == place.resource && is_selected(place, object))
        .map(|(_, object)| object)
        .collect();
    let items: Vec<&Value> = matching.iter().skip(from).take(limit).copied().collect();
    let next =
        if from + items.len() < matching.len() { (from + items.len()).to_string() } else { String::new() };
    json!({
        "metadata": {"resourceVersion": store.version.to_string(), "continue": next},
        "items": if items.is_empty() { Value::Null } else { json!(items) },
    })
}

/// The two field selectors that the controller uses: load balancers, and all other Services.
pub(crate) fn is_selected(place: &Place, object: &Value) -> bool {
    let is_load_balancer = object["spec"]["type"] == "LoadBalancer";
    match place.query.get("fieldSelector") {
        None => true,
        Some(selector) if selector.contains("%21") || selector.contains('!') => !is_load_balancer,
        Some(_) => is_load_balancer,
    }
}

fn error(code: u16, retry_after: Option<u64>, plain: bool) -> Response {
    let text = if plain {
        "Too many requests, please try again later.".to_owned()
    } else {
        status(code, "Test").to_string()
    };
    let mut response = (StatusCode::from_u16(code).unwrap(), text).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "so the test wants it"})
}

fn place(path: &str, query: &str) -> Place {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let rest = match parts[0] {
        "api" => &parts[2..],
        _ => &parts[3..],
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => ((*namespace).to_owned(), rest),
        rest => (String::new(), rest),
    };
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    Place {
        resource: rest[0].to_owned(),
        namespace,
        name: rest.get(1).copied().unwrap_or_default().to_owned(),
        query,
    }
}

/// How often a watch sends a bookmark.
pub(crate) const BOOKMARK: Duration = Duration::from_millis(300);
