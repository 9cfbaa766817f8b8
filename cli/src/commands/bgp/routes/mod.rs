//! `kubectl ferrolb bgp routes`.

mod asked;
mod nothing;
mod route;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, net::IpAddr};

use anyhow::{Result, bail};
use ferrolb_api::{BgpSessionState, VipAnnouncement};
use ferrolb_explain::{State as Shade, Style as _};
use ferrolb_model::Node;
use serde::Serialize;

use self::{
    asked::{Asked, asked},
    nothing::Nothing,
    route::{NodeOut, RouteOut, Scene, routes},
};
use super::sessions::told;
use crate::{
    args::{Global, Routes},
    cluster::Cluster,
    commands::l2::ready,
    names::Kind,
    output::{API_VERSION, Printer, Table},
    routing::{Routing, placed, why_leaving},
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<RouteOut>,
    /// Nodes that tell nothing at all, and why.
    silent: Vec<Silent>,
    /// Why there is no item; `null` if there is one.
    nothing: Option<Nothing>,
    /// Whether only a part was asked for.
    #[serde(skip)]
    is_part: bool,
    /// What is wrong with BGPAdvertisements, a sentence each.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Silent {
    node: String,
    why: String,
}

pub(crate) async fn run(global: &Global, args: &Routes, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let (slices, speakers) = match (&cluster.slices, &cluster.speakers) {
        (Ok(slices), Ok(speakers)) => (slices, speakers),
        (Err(error), _) | (_, Err(error)) => bail!("what peers should be told cannot be told: {error}"),
    };
    let routing = Routing::read(&cluster.reader, true).await?;
    let nodes: Vec<Node> = cluster.nodes.iter().map(ferrolb_config::node).collect();
    let vips = placed(slices);
    let sessions = told(&routing.peers, &routing.profiles, &nodes, speakers, &ready(&cluster));
    let objects = routing.objects();
    let scene =
        Scene { routing: &routing, objects: &objects, nodes: &nodes, vips: &vips, sessions: &sessions };
    let all = routes(&scene);
    let mut asked = asked(&args.names, global.all_namespaces, &cluster, &vips, &all)?;
    if let (true, Some(namespace)) = (asked.is_empty(), &global.namespace) {
        asked.push(Asked::Namespace(namespace.clone()));
    }
    let known = routing.peers.iter().filter_map(|peer| peer.metadata.name.as_deref());
    let peers = Kind::BgpPeer.names(&args.peer, &known.collect::<Vec<_>>())?;
    let known = nodes.iter().map(|node| node.name.as_str());
    let on = Kind::Node.names(&args.node, &known.collect::<Vec<_>>())?;
    let list = RouteList::of(&scene, all, &Narrow { asked, peers, on });
    let nothing =
        list.nothing.is_some_and(Nothing::is_broken) && args.peer.is_empty() && args.node.is_empty();
    let broken = nothing || list.all_problems().next().is_some();
    if !printer.data(&list)? {
        print(&list, printer)?;
    }
    Ok(if broken { Verdict::Found } else { Verdict::Fine })
}

/// What of it is asked for; empty lists ask for all.
#[derive(Clone, Debug, Default)]
struct Narrow {
    asked: Vec<Asked>,
    peers: BTreeSet<String>,
    on: BTreeSet<String>,
}

impl RouteList {
    fn of(scene: &Scene<'_>, all: Vec<RouteOut>, narrow: &Narrow) -> Self {
        let Narrow { asked, peers, on } = narrow;
        let is_on = |node: &str| on.is_empty() || on.contains(node);
        let mut items = all;
        items.retain(|item| asked.is_empty() || asked.iter().any(|one| one.is(item)));
        items.retain(|item| peers.is_empty() || peers.contains(&item.peer));
        items.iter_mut().for_each(|item| item.nodes.retain(|one| is_on(&one.node)));
        items.retain(|item| !item.nodes.is_empty());
        let nodes: Vec<&Node> = scene.nodes.iter().filter(|node| is_on(node.name.as_str())).collect();
        let silent = nodes.iter().map(|node| Silent { node: node.name.to_string(), why: why_leaving(node) });
        let vips = scene
            .vips
            .iter()
            .map(|(address, vip)| (*address, *vip))
            .filter(|(address, vip)| asked.is_empty() || asked.iter().any(|one| one.has(*address, vip)));
        let vips: Vec<(IpAddr, &VipAnnouncement)> = vips.collect();
        Self {
            api_version: API_VERSION,
            kind: "RouteList",
            is_part: !(asked.is_empty() && peers.is_empty() && on.is_empty()),
            silent: silent.filter(|one| !one.why.is_empty()).collect(),
            nothing: items.is_empty().then(|| Nothing::of(scene, &nodes, &vips)),
            problems: scene.problems(),
            items,
        }
    }

    /// What is wrong; a session's problems as often as it is used.
    fn all_problems(&self) -> impl Iterator<Item = &String> {
        let nodes = self.items.iter().flat_map(|item| &item.nodes);
        nodes.flat_map(|node| &node.problems).chain(&self.problems)
    }
}

fn print(list: &RouteList, printer: &mut Printer<'_>) -> Result<()> {
    match list.nothing {
        Some(nothing) => {
            let what = if list.is_part { "Nothing of that is told" } else { "No peer is told of anything" };
            printer.line(&format!("{what}: {}.", nothing.sentence()))?;
        }
        None => printer.table(&table(&list.items, printer.is_wide()))?,
    }
    for Silent { node, why } in &list.silent {
        printer.line(&format!("{node} tells nothing: it is {why}"))?;
    }
    let mut told = BTreeSet::new();
    for problem in list.all_problems() {
        if told.insert(problem) {
            let line = printer.colour().state(Shade::Broken, problem);
            printer.line(&line)?;
        }
    }
    Ok(())
}

fn table(items: &[RouteOut], wide: bool) -> Table {
    let headings = ["PREFIX", "PEER", "NODES", "VIPS", "ADVERTISEMENTS"];
    let more = ["MED", "LOCAL PREF", "PREPEND", "COMMUNITIES", "WEIGHT"];
    let mut table = Table::new(headings.into_iter().chain(more.into_iter().filter(|_| wide)));
    let number = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let list = |texts: Vec<String>| if texts.is_empty() { "-".to_owned() } else { texts.join(",") };
    for item in items {
        let row = [
            item.prefix.to_string(),
            item.peer.clone(),
            list(item.nodes.iter().map(node).collect()),
            list(item.vips.iter().map(|vip| vip.ip.to_string()).collect()),
            list(item.advertisements.clone()),
        ];
        let more = [
            number(item.med),
            number(item.local_pref),
            number(Some(u32::from(item.prepend)).filter(|times| *times > 0)),
            list(item.communities.clone()),
            list(weights(&item.nodes)),
        ];
        table.row(row.into_iter().chain(more.into_iter().filter(|_| wide)));
    }
    table
}

/// The node, and whether what it should tell reaches the peer.
fn node(node: &NodeOut) -> String {
    match node.session {
        Some(BgpSessionState::Established) => node.node.clone(),
        Some(_) => format!("{}(no session)", node.node),
        None => format!("{}(not reported)", node.node),
    }
}

fn weights(nodes: &[NodeOut]) -> Vec<String> {
    nodes.iter().filter_map(|one| Some(format!("{}={}", one.node, one.weight?))).collect()
}
