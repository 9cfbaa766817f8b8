//! The difference between what the BGP thread was told and what it is to do. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferrolb_bfd::{Path, Profile};
use ferrolb_bgp::policy::Route;
use ferrolb_bgp::{Asn, ExtendedCommunity, Prefix};
use ferrolb_config::bgp::PeerAt;
use ferrolb_sansio::Instant;

use super::message::{Command, PeerSetup};
use super::setup::{Surroundings, setup, watch};
use crate::bgp::{BgpDesired, RouteAttributes, Table};
use crate::interfaces::LinkLocal;
use crate::paths::Wish;

/// What the BGP thread has been told.
#[derive(Debug, Default)]
pub struct Told {
    peers: BTreeMap<String, Peer>,
    waiting: BTreeMap<String, Waiting>,
    /// Interfaces that peers are named by.
    named: BTreeSet<String>,
    /// Those of them that there are.
    links: Vec<LinkLocal>,
    complete: bool,
    /// Since when this node is about to leave.
    leaving: Option<Instant>,
}

/// A peer that the thread was not told of, or not of its newest version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// What is waited for, in words.
    pub problem: String,
    /// Since when.
    pub since: Instant,
}

#[derive(Debug)]
struct Peer {
    setup: PeerSetup,
    /// How the path to it is watched.
    watch: Option<(Path, Profile)>,
    table: Table,
    /// What was made of attributes, so that prefixes which share them share UPDATEs.
    routes: BTreeMap<Arc<RouteAttributes>, Arc<Route>>,
}

/// Between the moment at which peers are asked to prefer others (RFC 8326) and the withdrawal.
const GRACE: Duration = Duration::from_secs(5);
/// Prefixes in a command: the router reads the first of many while the thread notes the next.
const TOGETHER: usize = 2_048;
/// Attributes of routes that nobody is told any more are forgotten beyond.
const MOST_ROUTES: usize = 64;
/// A receiver compares link bandwidths of one prefix only with each other: an endpoint is taken for a megabyte a second.
const BANDWIDTH_OF_ENDPOINT: f32 = 1_000_000.0;

impl Told {
    /// The commands that lead to `desired`, which counts as told from now on.
    pub fn changes(&mut self, now: Instant, desired: &BgpDesired, around: &Surroundings<'_>) -> Vec<Command> {
        let mut commands = Vec::new();
        let leaves = !desired.leaving.is_empty();
        if leaves != self.leaving.is_some() {
            self.leaving = leaves.then_some(now);
            commands.push(Command::Draining(leaves));
        }
        self.peers.retain(|name, peer| {
            let stays = desired.peers.contains_key(name);
            if !stays {
                commands.push(Command::Forget(Arc::clone(&peer.setup.name)));
            }
            stays
        });
        commands.extend(self.links(desired, around.links).map(Command::Links));
        self.waiting.retain(|name, _| desired.peers.contains_key(name));
        let graceful = self.leaving.is_some_and(|since| now.since(since) < GRACE);
        for (name, plan) in &desired.peers {
            let setup = match setup(name, plan, around) {
                Ok(setup) => setup,
                Err(problem) => {
                    // What stands goes on with what it had.
                    let same = |waiting: &&Waiting| waiting.problem == problem;
                    let since = self.waiting.get(name).filter(same).map_or(now, |waiting| waiting.since);
                    self.waiting.insert(name.clone(), Waiting { problem, since });
                    continue;
                }
            };
            self.waiting.remove(name);
            let empty = || Peer {
                setup: setup.clone(),
                watch: None,
                table: Table::default(),
                routes: BTreeMap::new(),
            };
            let known = self.peers.contains_key(name);
            let peer = self.peers.entry(name.clone()).or_insert_with(empty);
            peer.watch = watch(plan, &setup, around);
            if !known || peer.setup != setup {
                if peer.setup.settings.local_as != setup.settings.local_as {
                    // Link bandwidth names the AS.
                    peer.routes.clear();
                }
                peer.setup = setup.clone();
                commands.push(Command::Peer(Box::new(setup)));
            }
            if graceful {
                continue;
            }
            let table = desired.routes.get(name).cloned().unwrap_or_default();
            let changes = peer.changes(&table);
            peer.table = table;
            let mut changes = changes.into_iter().peekable();
            while changes.peek().is_some() {
                let (peer, changes) =
                    (Arc::clone(&peer.setup.name), changes.by_ref().take(TOGETHER).collect());
                commands.push(Command::Routes { peer, changes });
            }
        }
        if desired.settled && !self.complete {
            self.complete = true;
            commands.push(Command::Complete);
        }
        commands
    }

    /// The interfaces on which routers are to be found from now on, if these are others than before.
    fn links(&mut self, desired: &BgpDesired, links: &[LinkLocal]) -> Option<Vec<LinkLocal>> {
        let named = desired.peers.values().filter_map(|plan| match &plan.peer.at {
            PeerAt::Interface(name) => Some(name.clone()),
            PeerAt::Address(_) | PeerAt::DefaultGateway(_) => None,
        });
        self.named = named.collect();
        let wanted: Vec<_> = self.of_peers(links).cloned().collect();
        (self.links != wanted).then(|| {
            self.links.clone_from(&wanted);
            wanted
        })
    }

    fn of_peers<'a>(&self, links: &'a [LinkLocal]) -> impl Iterator<Item = &'a LinkLocal> {
        links.iter().filter(|link| self.named.contains(&link.name))
    }

    /// Whether two states of the node's interfaces differ in one that a peer is named by.
    pub fn differ(&self, before: &[LinkLocal], now: &[LinkLocal]) -> bool {
        !self.of_peers(before).eq(self.of_peers(now))
    }

    /// How long peers are still to have until routes are withdrawn.
    pub fn grace_left(&self, now: Instant) -> Duration {
        self.leaving.map_or(GRACE, |since| (since + GRACE).since(now))
    }

    /// The paths that BFD is to watch.
    pub fn wishes(&self) -> Vec<Wish> {
        let watched = self.peers.values().filter_map(|peer| {
            let (path, profile) = peer.watch?;
            let PeerSetup { name, remote, .. } = &peer.setup;
            Some(Wish { peer: Arc::clone(name), address: remote.to_string(), path, profile })
        });
        watched.collect()
    }

    /// Peers that the thread was not told of, or not of their newest version, by name.
    pub fn waiting(&self) -> &BTreeMap<String, Waiting> {
        &self.waiting
    }
}

impl Peer {
    /// What is different in `table`.
    fn changes(&mut self, table: &Table) -> Vec<(Prefix, Option<Arc<Route>>)> {
        let changes = table.changes_from(&self.table);
        // Neighbours mostly share what is said of them.
        let mut last: Option<(Arc<RouteAttributes>, Arc<Route>)> = None;
        let mut route = |attributes: Arc<RouteAttributes>| match &last {
            Some((known, route)) if Arc::ptr_eq(known, &attributes) => Arc::clone(route),
            Some(_) | None => {
                let route = self.route(&attributes);
                last = Some((attributes, Arc::clone(&route)));
                route
            }
        };
        let changes: Vec<_> =
            changes.into_iter().map(|(prefix, now)| (prefix, now.map(&mut route))).collect();
        if self.routes.len() > MOST_ROUTES && self.routes.len() > table.len() {
            let used: BTreeSet<_> = table.iter().map(|(_, attributes)| attributes).collect();
            self.routes.retain(|attributes, _| used.contains(attributes));
        }
        changes
    }

    fn route(&mut self, attributes: &Arc<RouteAttributes>) -> Arc<Route> {
        let asn = self.setup.settings.local_as;
        let made =
            self.routes.entry(Arc::clone(attributes)).or_insert_with(|| Arc::new(route(asn, attributes)));
        Arc::clone(made)
    }
}

fn route(asn: Asn, attributes: &RouteAttributes) -> Route {
    let RouteAttributes { local_pref, med, prepend, communities, weight } = attributes;
    let mut extended_communities = communities.extended.clone();
    extended_communities.extend(weight.map(|endpoints| {
        // Exact up to 2^24 endpoints, of which a node has fewer.
        let bandwidth = endpoints as f32 * BANDWIDTH_OF_ENDPOINT;
        ExtendedCommunity::link_bandwidth(asn.in_two_octets(), bandwidth)
    }));
    Route {
        prepend: *prepend,
        med: *med,
        local_pref: *local_pref,
        communities: communities.standard.clone(),
        extended_communities,
        large_communities: communities.large.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ferrolb_bgp::RouterId;
    use ferrolb_ownership::Mac;

    use super::*;
    use crate::bgp::PeerPlan;
    use crate::sessions::Routers;

    fn plan(address: &str) -> PeerPlan {
        let object = serde_json::json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "BGPPeer",
            "metadata": {"name": "tor"}, "spec": {"myASN": 64500, "peerASN": 64501, "peerAddress": address}});
        let peer = ferrolb_config::bgp::peer(&serde_json::from_value(object).unwrap()).unwrap();
        PeerPlan { peer, my_asn: Asn(64500), bfd: None }
    }

    fn table(routes: &[(&str, u32)]) -> Table {
        let attributes = |med| Arc::new(RouteAttributes { med: Some(med), ..RouteAttributes::default() });
        routes.iter().map(|(prefix, med)| (prefix.parse().unwrap(), attributes(*med))).collect()
    }

    fn desired(address: &str, routes: &[(&str, u32)]) -> BgpDesired {
        BgpDesired {
            peers: BTreeMap::from([("tor".to_owned(), plan(address))]),
            routes: BTreeMap::from([("tor".to_owned(), table(routes))]),
            settled: true,
            ..BgpDesired::default()
        }
    }

    fn text(told: &mut Told, second: u64, desired: &BgpDesired) -> String {
        let (routers, passwords) = (Routers::default(), BTreeMap::new());
        let around = Surroundings {
            node: "node-a",
            usable: &[],
            links: &[],
            routers: &routers,
            passwords: &passwords,
        };
        words_of(told.changes(Instant::from_millis(second * 1_000), desired, &around))
    }

    fn words_of(commands: Vec<Command>) -> String {
        let words = |command: Command| match command {
            Command::Peer(setup) => format!("peer {}", setup.remote),
            Command::Forget(name) => format!("forget {name}"),
            Command::Routes { peer, changes } => {
                let words = |(prefix, route): (Prefix, Option<Arc<Route>>)| match route {
                    Some(route) => format!("+{prefix} {}", route.med.unwrap()),
                    None => format!("-{prefix}"),
                };
                format!("{peer} {}", changes.into_iter().map(words).collect::<Vec<_>>().join(" "))
            }
            Command::Links(links) => {
                let names: Vec<_> = links.into_iter().map(|link| link.name).collect();
                format!("links {}", names.join(" "))
            }
            Command::Complete => "complete".to_owned(),
            Command::Draining(draining) => format!("draining {draining}"),
            Command::PathDown(_) | Command::Report(_) | Command::Stop(_) => "other".to_owned(),
        };
        commands.into_iter().map(words).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut told = Told::default();
        let both = [("192.0.2.7/32", 1), ("192.0.2.8/32", 1)];
        let first = "peer 192.0.2.1, tor +192.0.2.7/32 1 +192.0.2.8/32 1, complete";
        assert_eq!(text(&mut told, 1, &desired("192.0.2.1", &both)), first);
        assert_eq!(text(&mut told, 1, &desired("192.0.2.1", &both)), "");
        let one_else = [("192.0.2.6/32", 1), ("192.0.2.8/32", 2)];
        let difference = "tor +192.0.2.6/32 1 -192.0.2.7/32 +192.0.2.8/32 2";
        assert_eq!(text(&mut told, 1, &desired("192.0.2.1", &one_else)), difference);
        assert_eq!(text(&mut told, 1, &desired("192.0.2.2", &one_else)), "peer 192.0.2.2");
        assert_eq!(text(&mut told, 1, &BgpDesired::default()), "forget tor");
    }

    /// RFC 8326 §4.2: first the routes are made everybody's last choice, and only then taken back.
    #[test]
    fn a_node_that_leaves_withdraws_after_its_peers_had_time() {
        let mut told = Told::default();
        let routes = [("192.0.2.7/32", 1)];
        text(&mut told, 1, &desired("192.0.2.1", &routes));
        let leaving = BgpDesired { leaving: "cordoned".into(), ..desired("192.0.2.1", &[]) };
        assert_eq!(text(&mut told, 10, &leaving), "draining true");
        assert_eq!(told.grace_left(Instant::from_millis(12_000)), Duration::from_secs(3));
        assert_eq!(text(&mut told, 14, &leaving), "");
        assert_eq!(text(&mut told, 15, &leaving), "tor -192.0.2.7/32");
        assert_eq!(
            text(&mut told, 16, &desired("192.0.2.1", &routes)),
            "draining false, tor +192.0.2.7/32 1"
        );
    }

    #[test]
    fn a_peer_without_an_address_has_its_interface_listened_on_and_waits_for_its_router() {
        let mut wanted = desired("192.0.2.1", &[]);
        wanted.peers.get_mut("tor").unwrap().peer.at = PeerAt::Interface("eth1".into());
        let link = |index: u32, name: &str| LinkLocal {
            index,
            name: name.to_owned(),
            mac: Mac([2; 6]),
            addresses: vec!["fe80::a".parse().unwrap()],
        };
        let (links, passwords) = ([link(1, "eth0"), link(2, "eth1")], BTreeMap::new());
        let (mut told, mut routers) = (Told::default(), Routers::default());
        let mut told_of = |links: &[LinkLocal], routers: &Routers| {
            let around = Surroundings { node: "node-a", usable: &[], links, routers, passwords: &passwords };
            let text = words_of(told.changes(Instant::ZERO, &wanted, &around));
            (text, told.waiting().get("tor").map(|waiting| waiting.problem.clone()))
        };
        let silent = Some("no router advertises itself on eth1".to_owned());
        assert_eq!(told_of(&links, &routers), ("links eth1, complete".into(), silent.clone()));
        routers.heard.insert(2, "fe80::1".parse().unwrap());
        assert_eq!(told_of(&links, &routers), ("peer fe80::1%eth1".into(), None));
        routers.heard.clear();
        assert_eq!(told_of(&links, &routers), (String::new(), silent), "what there is stays");
        assert_eq!(told_of(&links[..1], &routers).0, "links ");
        assert!(told.differ(&links[..1], &links) && !told.differ(&links[1..], &links));
    }

    #[test]
    fn prefixes_that_say_the_same_share_a_route() {
        let mut told = Told::default();
        let (routers, passwords) = (Routers::default(), BTreeMap::new());
        let around = Surroundings {
            node: "node-a",
            usable: &[],
            links: &[],
            routers: &routers,
            passwords: &passwords,
        };
        let both = desired("192.0.2.1", &[("192.0.2.7/32", 1), ("192.0.2.8/32", 1)]);
        for command in told.changes(Instant::ZERO, &both, &around) {
            if let Command::Routes { changes, .. } = command {
                let [(_, Some(one)), (_, Some(other))] = &changes[..] else { panic!("{changes:?}") };
                assert!(Arc::ptr_eq(one, other));
            }
        }
    }

    #[test]
    fn endpoints_are_told_as_bandwidth() {
        let attributes = RouteAttributes { weight: Some(3), ..RouteAttributes::default() };
        let told = route(Asn(64500), &attributes).extended_communities;
        assert_eq!(told.into_iter().collect::<Vec<_>>(), [ExtendedCommunity::link_bandwidth(64500, 3e6)]);
    }

    #[test]
    fn a_peer_that_is_waited_for_is_named() {
        let mut told = Told::default();
        let mut wanted = desired("192.0.2.1", &[]);
        let plan = wanted.peers.get_mut("tor").unwrap();
        plan.peer.password_secret = Some("tor".into());
        plan.peer.router_id = RouterId::new([192, 0, 2, 9].into());
        plan.peer.source = Some(IpAddr::from([192, 0, 2, 9]));
        assert_eq!(text(&mut told, 1, &wanted), "complete");
        assert!(told.waiting()["tor"].problem.contains("no Secret tor"));
    }
}
