//! What holds of placement whatever the cluster looks like. Each run draws a cluster from its seed; a failure names it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use ferrolb_model::{
    EndpointSet, L2Advertisement, Labels, Node, NodeInterface, NodeName, ServiceId, TrafficPolicy, Vip,
    VipService,
};
use ferrolb_placement::{Decision, Placer};
use ferrolb_sansio::Rng;

const SEEDS: u64 = 300;

/// A cluster before anything is placed.
#[derive(Clone)]
struct Scene {
    nodes: Vec<Node>,
    vips: Vec<Vip>,
    endpoints: Vec<EndpointSet>,
    /// Orders from before the start.
    recalled: Vec<(IpAddr, Vec<NodeName>)>,
}

fn below(rng: &mut Rng, limit: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(limit).unwrap())).unwrap()
}

fn node(name: &str) -> Node {
    Node {
        name: name.into(),
        labels: Labels::new(),
        addresses: Vec::new(),
        interfaces: None,
        excluded: false,
        leaving: None,
        ready: true,
    }
}

fn vip(address: IpAddr, traffic_policy: TrafficPolicy) -> Vip {
    let service = VipService {
        id: ServiceId::new("default", address.to_string()),
        uid: address.to_string().into(),
        labels: Labels::new(),
    };
    Vip { address, pool: Some("lan".into()), services: vec![service], traffic_policy, move_to: None }
}

impl Scene {
    /// Nodes that all may announce, and VIPs at random addresses in random order.
    fn draw(rng: &mut Rng) -> Self {
        let nodes = (0..=below(rng, 12)).map(|number| node(&format!("n{number}"))).collect();
        let mut addresses: Vec<u8> = (1..=254).collect();
        rng.shuffle(&mut addresses);
        addresses.truncate(below(rng, 200));
        let vips = addresses
            .iter()
            .map(|last| vip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, *last)), TrafficPolicy::Cluster));
        Self { nodes, vips: vips.collect(), endpoints: Vec::new(), recalled: Vec::new() }
    }

    /// Some nodes not well, some VIPs under Local, some placed before the start, among others on nodes that are gone.
    fn troubled(rng: &mut Rng) -> Self {
        let mut scene = Self::draw(rng);
        for node in &mut scene.nodes {
            match rng.below(8) {
                0 => node.ready = false,
                1 => node.leaving = Some("cordoned".into()),
                2 => node.excluded = true,
                _ => {}
            }
        }
        let mut names: Vec<NodeName> = scene.nodes.iter().map(|node| node.name.clone()).collect();
        for vip in &mut scene.vips {
            if rng.below(3) == 0 {
                vip.traffic_policy = TrafficPolicy::Local;
                let ready_nodes: BTreeSet<_> = names.iter().filter(|_| rng.below(3) == 0).cloned().collect();
                let ready_anywhere = !ready_nodes.is_empty();
                let service = vip.services[0].id.clone();
                scene.endpoints.push(EndpointSet { service, ready_nodes, ready_anywhere });
            }
        }
        names.push("gone".into());
        for vip in &scene.vips {
            if rng.below(3) == 0 {
                rng.shuffle(&mut names);
                let count = 1 + below(rng, names.len().min(5));
                scene.recalled.push((vip.address, names[..count].to_vec()));
            }
        }
        scene
    }

    fn shuffle(&mut self, rng: &mut Rng) {
        rng.shuffle(&mut self.nodes);
        rng.shuffle(&mut self.vips);
        rng.shuffle(&mut self.endpoints);
        rng.shuffle(&mut self.recalled);
    }

    /// A placer that has heard of everything and started.
    fn started(&self) -> Placer {
        let mut placer = self.without_vips();
        for vip in &self.vips {
            placer.upsert_vip(vip.clone());
        }
        placer.settle();
        placer
    }

    fn without_vips(&self) -> Placer {
        let mut placer = Placer::new();
        placer.set_advertisements(vec![L2Advertisement { name: "all".into(), ..Default::default() }]);
        for (address, order) in &self.recalled {
            placer.recall(*address, order.clone(), None, 1, Vec::new());
        }
        for node in &self.nodes {
            placer.upsert_node(node.clone());
        }
        for endpoints in &self.endpoints {
            placer.set_endpoints(endpoints.clone());
        }
        placer
    }

    fn orders(&self, placer: &Placer) -> BTreeMap<IpAddr, Vec<NodeName>> {
        let order = |vip: &Vip| match placer.decision(vip.address) {
            Some(Decision::Announced(placement)) => (vip.address, placement.nodes.clone()),
            Some(Decision::NotAnnounced(_)) => (vip.address, Vec::new()),
            None => panic!("nothing is decided about {}", vip.address),
        };
        self.vips.iter().map(order).collect()
    }
}

/// How many VIPs each of these nodes is the first candidate of.
fn load(orders: &BTreeMap<IpAddr, Vec<NodeName>>, nodes: &[Node]) -> BTreeMap<NodeName, usize> {
    let mut load: BTreeMap<_, _> = nodes.iter().map(|node| (node.name.clone(), 0)).collect();
    for first in orders.values().filter_map(|order| order.first()) {
        *load.entry(first.clone()).or_default() += 1;
    }
    load
}

fn spread(load: &BTreeMap<NodeName, usize>) -> usize {
    let most = load.values().max().copied().unwrap_or_default();
    most - load.values().min().copied().unwrap_or_default()
}

#[test]
fn first_places_are_within_one_of_the_fair_share() {
    for seed in 0..SEEDS {
        let scene = Scene::draw(&mut Rng::new(seed));
        let at_start = load(&scene.orders(&scene.started()), &scene.nodes);
        assert!(spread(&at_start) <= 1, "seed {seed}: placed at the start, {at_start:?}");

        let mut placer = scene.without_vips();
        placer.settle();
        for vip in &scene.vips {
            placer.upsert_vip(vip.clone());
        }
        let one_by_one = load(&scene.orders(&placer), &scene.nodes);
        assert!(spread(&one_by_one) <= 1, "seed {seed}: placed one by one, {one_by_one:?}");
    }
}

#[test]
fn who_is_not_well_is_the_first_candidate_of_nothing_new() {
    for seed in 0..SEEDS {
        let mut scene = Scene::troubled(&mut Rng::new(seed));
        scene.recalled.clear();
        scene.endpoints.clear();
        scene.vips.iter_mut().for_each(|vip| vip.traffic_policy = TrafficPolicy::Cluster);
        let well: Vec<Node> = scene
            .nodes
            .iter()
            .filter(|node| node.ready && node.leaving.is_none() && !node.excluded)
            .cloned()
            .collect();
        if well.is_empty() {
            continue;
        }
        let load = load(&scene.orders(&scene.started()), &well);
        assert_eq!(load.len(), well.len(), "seed {seed}: a node that is not well comes first: {load:?}");
        assert!(spread(&load) <= 1, "seed {seed}: {load:?}");
    }
}

#[test]
fn who_lost_every_candidate_is_placed_after_those_who_stay_are_counted() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut scene = Scene::draw(rng);
        for vip in &scene.vips {
            match rng.below(3) {
                0 => scene.recalled.push((vip.address, vec!["gone".into()])),
                1 => scene.recalled.push((vip.address, vec!["n0".into(), "gone".into()])),
                _ => {}
            }
        }
        let orders = scene.orders(&scene.started());
        let load = load(&orders, &scene.nodes);
        let stays = |address: &IpAddr| {
            scene.recalled.iter().any(|(other, order)| other == address && order[0] != "gone".into())
        };
        let least = load.values().min().copied().unwrap_or_default();
        for (address, order) in orders.iter().filter(|(address, _)| !stays(address)) {
            assert!(load[&order[0]] <= least + 1, "seed {seed}: {address} went to {}: {load:?}", order[0]);
        }
    }
}

#[test]
fn a_node_that_joins_moves_nothing_and_one_that_is_deleted_only_its_own() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let scene = Scene::troubled(rng);
        let mut placer = scene.started();
        let before = scene.orders(&placer);
        placer.upsert_node(node("new"));
        let joined = scene.orders(&placer);
        for (address, order) in &joined {
            let old = &before[address];
            assert!(order.starts_with(old), "seed {seed}: {address} had {old:?}, has {order:?}");
            assert!(order.len() <= old.len() + 1, "seed {seed}: {address} had {old:?}, has {order:?}");
        }

        let gone = scene.nodes[below(rng, scene.nodes.len())].name.clone();
        placer.remove_node(&gone);
        for (address, order) in &scene.orders(&placer) {
            let stay: Vec<_> = joined[address].iter().filter(|node| **node != gone).cloned().collect();
            assert!(!order.contains(&gone), "seed {seed}: {address} is still for {gone}");
            assert!(order.starts_with(&stay), "seed {seed}: {address} keeps {stay:?}, has {order:?}");
        }
    }
}

#[test]
fn the_order_of_input_before_the_start_changes_nothing() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut scene = Scene::troubled(rng);
        let one = scene.orders(&scene.started());
        scene.shuffle(rng);
        assert_eq!(scene.orders(&scene.started()), one, "seed {seed}");
    }
}

#[test]
fn what_comes_and_goes_leaves_orders_as_they_were() {
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let scene = Scene::troubled(rng);
        let mut placer = scene.started();
        let before = scene.orders(&placer);
        for node in &scene.nodes {
            let flapped = Node {
                ready: !node.ready,
                leaving: node.leaving.is_none().then(|| "cordoned".into()),
                ..node.clone()
            };
            assert_eq!(placer.upsert_node(flapped), [], "seed {seed}: health moves nothing");
            assert_eq!(placer.upsert_node(node.clone()), [], "seed {seed}: nor does its return");
        }
        let stranger = vip("198.51.100.1".parse().unwrap(), TrafficPolicy::Cluster);
        placer.upsert_vip(stranger.clone());
        placer.remove_vip(stranger.address);
        assert_eq!(scene.orders(&placer), before, "seed {seed}");
    }
}

#[test]
fn a_node_without_a_link_to_the_network_comes_last_at_first_and_loses_nothing_later() {
    let with_link = |name: &str, carrier: bool| {
        let interface =
            NodeInterface { name: "eth0".into(), networks: vec!["192.0.2.0/24".parse().unwrap()], carrier };
        Node { interfaces: Some(vec![interface]), ..node(name) }
    };
    for seed in 0..SEEDS {
        let mut scene = Scene::draw(&mut Rng::new(seed));
        scene.nodes = vec![with_link("n0", true), with_link("n1", false), with_link("n2", true)];
        let mut placer = scene.started();
        let orders = scene.orders(&placer);
        for (address, order) in &orders {
            assert_eq!(order.last(), Some(&"n1".into()), "seed {seed}: {address} has {order:?}");
        }
        assert_eq!(placer.upsert_node(with_link("n0", false)), [], "seed {seed}: speakers see to that");
        placer.upsert_node(with_link("n1", true));
        assert_eq!(scene.orders(&placer), orders, "seed {seed}");
    }
}

/// Whoever has what, and whatever VIPs may be on: after a rebalance every node has its share as far as can be, nothing moved that
/// need not, and a second one moves nothing.
#[test]
fn a_rebalance_levels_what_it_may_and_is_done_after_once() {
    let all = BTreeSet::from(["all".to_owned()]);
    for seed in 0..SEEDS {
        let rng = &mut Rng::new(seed);
        let mut scene = Scene::troubled(rng);
        let local = rng.below(2) == 0;
        if !local {
            scene.vips.iter_mut().for_each(|vip| vip.traffic_policy = TrafficPolicy::Cluster);
        }
        for vip in &mut scene.vips {
            vip.move_to = (rng.below(10) == 0).then(|| "n0".into());
        }
        let mut placer = scene.started();
        let owners: BTreeMap<IpAddr, NodeName> = scene
            .orders(&placer)
            .into_iter()
            .filter_map(|(address, order)| {
                Some((address, order.get(below(rng, order.len().max(1)))?.clone()))
            })
            .collect();
        let owner = |address: IpAddr| owners.get(&address).cloned();
        let foretold = placer.moves(&all, owner);
        placer.rebalance(&all, owner);
        let wanted = foretold.iter().map(|one| (one.address, &one.to)).collect::<Vec<_>>();
        assert_eq!(placer.moving().collect::<Vec<_>>(), wanted, "seed {seed}");
        assert_eq!(placer.moves(&all, owner), [], "seed {seed}: a second time");

        let well = |node: &Node| node.ready && node.leaving.is_none() && !node.excluded;
        let well: Vec<&NodeName> =
            scene.nodes.iter().filter(|node| well(node)).map(|node| &node.name).collect();
        let mut load: BTreeMap<&NodeName, usize> = well.iter().map(|name| (*name, 0)).collect();
        for one in &foretold {
            assert!(well.contains(&&one.to), "seed {seed}: {one:?}");
            assert!(scene.vips.iter().any(|vip| vip.address == one.address && vip.move_to.is_none()));
        }
        for (address, order) in scene.orders(&placer) {
            let to = placer.moving().find(|(moving, _)| *moving == address).map(|(_, to)| to);
            assert!(to.is_none_or(|to| order.first() == Some(to)), "seed {seed}: first where it goes");
            let vip = scene.vips.iter().find(|vip| vip.address == address).unwrap();
            if let (None, Some(first)) = (&vip.move_to, order.first())
                && let Some(count) = load.get_mut(first)
            {
                *count += 1;
            }
        }
        let asked = scene.vips.iter().any(|vip| vip.move_to.is_some());
        let (most, least) = (load.values().max(), load.values().min());
        if let (false, false, Some(most), Some(least)) = (local, asked, most, least) {
            assert!(most - least <= 1, "seed {seed}: {load:?}");
        }
    }
}
