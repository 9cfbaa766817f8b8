//! The configuration from a cluster's API server.

use std::path::PathBuf;
use std::time::Duration;

use ferrolb_api::{AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community};
use ferrolb_ownership::ClusterId;
use ferrolb_runtime::client::bounded;
use ferrolb_runtime::kinds::{EndpointSlice, Namespace, Node};
use ferrolb_runtime::watch::{Change, Report, Selection, watch};
use kube::{Api, Client};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;

use super::{Common, EndpointGroup, Event, NodeFacts, Slice, keys};
use crate::bgp;

/// Follows slices, the own Node, the heartbeat keys and the cluster's identity, until the receiver is gone. How slices are
/// followed is told to `report`.
pub fn follow(client: &Client, node: &str, heartbeat_keys: PathBuf, report: Report, events: &Sender<Event>) {
    let slices = Api::<AnnouncementSlice>::all(client.clone());
    let selection = Selection { report, ..Selection::default() };
    let mut common = Common::default();
    let read = move |slice| Some(read_slice(slice, &mut common));
    tokio::spawn(watch(slices, selection, events.clone(), read, Event::Slices));
    follow_bgp(client, events);
    tokio::spawn(follow_node(client.clone(), node.to_owned(), events.clone()));
    tokio::spawn(identify(client.clone(), events.clone()));
    let events = events.clone();
    tokio::spawn(async move { keys::follow(&heartbeat_keys, events).await });
}

fn follow_bgp(client: &Client, events: &Sender<Event>) {
    let told = |change| Event::Bgp(Box::new(change));
    let all = Selection::default;
    let peers = Api::<BGPPeer>::all(client.clone());
    tokio::spawn(watch(peers, all(), events.clone(), Some, move |change| told(bgp::Change::Peers(change))));
    let advertisements = Api::<BGPAdvertisement>::all(client.clone());
    let wrap = move |change| told(bgp::Change::Advertisements(change));
    tokio::spawn(watch(advertisements, all(), events.clone(), Some, wrap));
    let profiles = Api::<BFDProfile>::all(client.clone());
    let wrap = move |change| told(bgp::Change::Profiles(change));
    tokio::spawn(watch(profiles, all(), events.clone(), Some, wrap));
    let communities = Api::<Community>::all(client.clone());
    let wrap = move |change| told(bgp::Change::Communities(change));
    tokio::spawn(watch(communities, all(), events.clone(), Some, wrap));
}

/// Follows the endpoints of all Services, reduced to what the Local policy needs, until aborted.
pub fn follow_endpoints(client: Client, node: &str, events: Sender<Event>) -> JoinHandle<()> {
    let node = node.to_owned();
    let slices = Api::<EndpointSlice>::all(client);
    let read = move |slice: EndpointSlice| EndpointGroup::read(&slice, &node);
    tokio::spawn(watch(slices, Selection::default(), events, read, Event::Endpoints))
}

fn read_slice(slice: AnnouncementSlice, common: &mut Common) -> Slice {
    let AnnouncementSlice { metadata, spec } = slice;
    let revision = metadata.resource_version.and_then(|version| version.parse().ok()).unwrap_or(0);
    common.slice(metadata.name.unwrap_or_default(), revision, spec.vips)
}

/// What of a Node matters here. A Node that is gone says nothing new: the controller takes it off the candidates.
async fn follow_node(client: Client, name: String, events: Sender<Event>) {
    let (sender, mut changes) = tokio::sync::mpsc::channel(16);
    let selection = Selection { fields: Some(format!("metadata.name={name}")), ..Selection::default() };
    let read = |node: Node| Some(NodeFacts::of(&node));
    tokio::spawn(watch(Api::<Node>::all(client), selection, sender, read, |change| match change {
        Change::All(nodes) => nodes.into_iter().next(),
        Change::Applied(node) => Some(node),
        Change::Deleted(_) => None,
    }));
    while let Some(node) = changes.recv().await {
        if let Some(node) = node
            && events.send(Event::Node(node)).await.is_err()
        {
            return;
        }
    }
}

/// Asks for the uid of `kube-system` until it is told; it never changes.
async fn identify(client: Client, events: Sender<Event>) {
    let namespaces = Api::<Namespace>::all(client);
    loop {
        match bounded(namespaces.get("kube-system")).await {
            Ok(namespace) => {
                if let Some(uid) = namespace.metadata.uid {
                    let _ = events.send(Event::Cluster(ClusterId::of(&uid))).await;
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "The namespace kube-system, whose uid names the cluster, cannot be read yet.");
            }
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}
