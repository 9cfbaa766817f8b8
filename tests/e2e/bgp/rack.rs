//! Routers beside the cluster, and what nodes are told of them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::RouterProgram;
use ferrolb_tests::routing::{Instance, Peer, Remote, Route, Session};
use ipnet::IpNet;
use serde_json::Value;

use crate::cluster::NODES;
use crate::scene::Scene;
use crate::wait::{PATIENCE, wait_for};

/// The AS of the nodes.
pub(super) const NODES_AS: u32 = 64512;
/// The AS of the routers.
pub(super) const ROUTERS_AS: u32 = 64513;

/// The address of router `r1`, …
pub(super) fn router_v4(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 200 + number)
}

/// The address of node `n1`, …
pub(super) fn node_v4(node: &str) -> Ipv4Addr {
    let number: u8 = node.trim_start_matches('n').parse().expect("nodes are n1, n2, …");
    Ipv4Addr::new(192, 0, 2, 10 + number)
}

/// The session of router `number` with a node.
pub(super) fn session(number: u8, node: &str) -> Session {
    Session::new(router_v4(number), node_v4(node), NODES_AS)
}

/// A router with a session for each of `nodes`, changed by `change`.
pub(super) fn instance(number: u8, nodes: &[&str], change: impl Fn(Session) -> Session) -> Instance {
    let sessions: Vec<Session> = nodes.iter().map(|node| change(session(number, node))).collect();
    Instance::new(ROUTERS_AS, router_v4(number), &sessions)
}

/// A routing program on router `number`, which knows these nodes.
pub(super) fn router(
    scene: &Scene<'_>,
    number: u8,
    program: RouterProgram,
    nodes: &[&str],
    change: impl Fn(Session) -> Session,
) -> Peer {
    Peer::start(&scene.cluster.lab, &format!("r{number}"), program, instance(number, nodes, change))
}

/// How a router names its session with a node.
pub(super) fn at(number: u8, node: &str) -> Remote {
    session(number, node).remote
}

/// The route that a router of another AS hears from a node for each of its addresses, if no attribute is asked for.
pub(super) fn plain(node: &str, program: RouterProgram) -> Route {
    let local_pref = match program {
        // What they set themselves for a route of another AS.
        RouterProgram::Bird | RouterProgram::OpenBgpd => Some(100),
        RouterProgram::Frr | RouterProgram::GoBgp | RouterProgram::ExaBgp => None,
    };
    Route { as_path: vec![NODES_AS], local_pref, ..Route::to(node_v4(node).into()) }
}

pub(super) fn host(address: IpAddr) -> IpNet {
    address.into()
}

impl Scene<'_> {
    /// A BGPPeer for router `number`, with more of its spec (`a: b, c: d`); its name.
    pub(super) fn bgp_peer(&self, number: u8, more: &str) -> Result<String> {
        let name = format!("{}-r{number}", self.namespace);
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        self.cluster.lab.apply(&format!(
            "apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{myASN: {NODES_AS}, peerASN: {ROUTERS_AS}, peerAddress: {address}, connectTime: 2s{more}}}
",
            namespace = self.namespace,
            address = router_v4(number),
        ))?;
        Ok(name)
    }

    /// A BGPAdvertisement of a pool to these peers, with more of its spec.
    pub(super) fn bgp_advertisement(
        &self,
        suffix: &str,
        pool: &str,
        peers: &[&str],
        more: &str,
    ) -> Result<()> {
        let more = if more.is_empty() { String::new() } else { format!(", {more}") };
        self.cluster.lab.apply(&format!(
            "apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {{name: {namespace}-{suffix}, labels: {{e2e: {namespace}}}}}
spec: {{ipAddressPools: [{pool}], peers: [{peers}]{more}}}
",
            namespace = self.namespace,
            peers = peers.join(", "),
        ))?;
        Ok(())
    }

    /// A pool with these addresses, a Service with the first of them, told to these peers; its address.
    pub(super) fn told_service(&self, addresses: &str, peers: &[&str]) -> Result<IpAddr> {
        let pool = self.remote_pool("far", addresses)?;
        self.bgp_advertisement("all", &pool, peers, "")?;
        self.load_balancer("web", "")?;
        self.address("web")
    }

    /// What a node says of its session with a BGPPeer.
    pub(super) fn bgp_session(&self, node: &str, peer: &str) -> Result<Value> {
        let state: Value =
            serde_json::from_str(&self.kubectl(&["get", "speakerstate", node, "-o", "json"])?)?;
        let sessions = state["status"]["bgp"].as_array().context("it has no sessions")?;
        let session = sessions.iter().find(|session| session["peer"] == peer);
        session.cloned().with_context(|| format!("{node} has no session with {peer}: {sessions:?}"))
    }
}

/// Waits until `router` has the prefix from exactly these nodes.
pub(super) fn told_by(peer: &Peer, number: u8, prefix: IpNet, nodes: &[&str]) -> Result<()> {
    wait_for(&format!("r{number} hears {prefix} from {nodes:?}"), PATIENCE, || {
        let from: Vec<&str> = NODES.into_iter().filter(|node| peer.has(&at(number, node), prefix)).collect();
        ensure!(from == nodes, "it does from {from:?}");
        Ok(())
    })
}

/// How long something takes that is looked at many times a second.
pub(super) fn until(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) -> Result<Duration> {
    let start = std::time::Instant::now();
    while !is_so() {
        ensure!(start.elapsed() < patience, "{what}: not after {patience:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(start.elapsed())
}
