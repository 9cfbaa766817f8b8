//! What a list weighs while it is read. A binary of its own, since memory is counted by process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use axum::{Router, body::Body, extract::RawQuery, response::Response};
use ferrolb_runtime::{
    client::{Gate, connect_to},
    kinds::Namespace,
    watch::{Change, Selection, watch},
};
use futures::StreamExt as _;
use kube::Api;
use tokio::sync::mpsc;

const OBJECTS: usize = 500;
/// Octets of each, of which nobody needs more than the name.
const OBJECT: usize = 64 << 10;
/// A quarter of the page.
const MOST_KIB: u64 = 8 * 1024;

#[tokio::test]
async fn of_a_list_no_more_lies_in_memory_than_is_kept() {
    let server = Router::new().fallback(|RawQuery(query): RawQuery| async move {
        if query.unwrap_or_default().contains("watch=true") {
            return Response::new(Body::from_stream(futures::stream::pending::<
                Result<Vec<u8>, std::io::Error>,
            >()));
        }
        let object = |number: usize| {
            let comma = if number == 0 { "" } else { "," };
            let text = "x".repeat(OBJECT);
            format!(r#"{comma}{{"metadata":{{"name":"n{number}","annotations":{{"text":"{text}"}}}}}}"#)
        };
        let begin =
            futures::stream::once(async { r#"{"metadata":{"resourceVersion":"7"},"items":["#.to_owned() });
        let end = futures::stream::once(async { "]}".to_owned() });
        let text = begin.chain(futures::stream::iter((0..OBJECTS).map(object))).chain(end);
        Response::new(Body::from_stream(text.map(Ok::<_, std::io::Error>)))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, server).await.unwrap() });
    let client = connect_to(kube::Config::new(address.parse().unwrap()), Gate::open()).unwrap();
    let (events, mut heard) = mpsc::channel::<Change<String>>(1);

    let before = most();
    let read = |namespace: Namespace| namespace.metadata.name;
    tokio::spawn(watch(Api::all(client), Selection::default(), events, read, |change| change));
    assert!(matches!(heard.recv().await, Some(Change::All(names)) if names.len() == OBJECTS));
    let grown = most().saturating_sub(before);
    println!("{OBJECTS} objects of {} KiB: {grown} KiB", OBJECT / 1024);
    assert!(grown < MOST_KIB, "{grown} KiB");
}

/// KiB that this process has ever occupied.
fn most() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
