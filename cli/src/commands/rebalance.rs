//! `kubectl ferrolb rebalance`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anyhow::{Result, bail};
use ferrolb_api::{AnnouncementSlice, L2Advertisement, REBALANCE, SpeakerState, VipAnnouncement};
use ferrolb_model::{NodeName, TrafficPolicy, Vip};
use ferrolb_placement::{Move, Placer};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::l2::owner;
use crate::{
    args::{Global, Rebalance},
    cluster::Cluster,
    names::Kind,
    output::{API_VERSION, Printer, Table},
    routing::ready,
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RebalanceOut {
    api_version: &'static str,
    kind: &'static str,
    /// Whether nothing was asked for.
    dry_run: bool,
    advertisements: BTreeSet<String>,
    moves: Vec<MoveOut>,
}

#[derive(Serialize)]
struct MoveOut {
    ip: String,
    from: String,
    to: String,
}

pub(crate) async fn run(global: &Global, args: &Rebalance, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let advertisements: Vec<L2Advertisement> = cluster.reader.all(None).await?;
    let chosen = chosen(&advertisements, &args.names)?;
    let moves = foretold(&cluster, &advertisements, &chosen).await?;
    if !args.dry_run {
        let patch = json!({"metadata": {"annotations": {REBALANCE: Timestamp::now().to_string()}}});
        for name in &chosen {
            cluster.reader.patch::<L2Advertisement>(name, &patch).await?;
        }
    }
    let verdict = if args.dry_run && !moves.is_empty() { Verdict::Found } else { Verdict::Fine };
    let moves = moves.into_iter().map(|Move { address, from, to }| MoveOut {
        ip: address.to_string(),
        from: from.to_string(),
        to: to.to_string(),
    });
    let told = RebalanceOut {
        api_version: API_VERSION,
        kind: "Rebalance",
        dry_run: args.dry_run,
        advertisements: chosen,
        moves: moves.collect(),
    };
    if !printer.data(&told)? {
        print(&told, printer)?;
    }
    Ok(verdict)
}

/// The advertisements that the names mean; all of them if there is no name.
fn chosen(advertisements: &[L2Advertisement], names: &[String]) -> Result<BTreeSet<String>> {
    let known: BTreeSet<String> = advertisements.iter().filter_map(|one| one.metadata.name.clone()).collect();
    if known.is_empty() {
        bail!("there is no L2Advertisement, so nothing is announced that could be balanced");
    }
    let listed: Vec<&str> = known.iter().map(String::as_str).collect();
    let names = Kind::L2Advertisement.names(names, &listed)?;
    Ok(if names.is_empty() { known } else { names })
}

/// What the controller will ask for: it decides by the same code, from the same objects.
async fn foretold(
    cluster: &Cluster,
    advertisements: &[L2Advertisement],
    chosen: &BTreeSet<String>,
) -> Result<Vec<Move>> {
    let (slices, speakers) = match (&cluster.slices, &cluster.speakers) {
        (Ok(slices), Ok(speakers)) => (slices, speakers),
        (Err(error), _) | (_, Err(error)) => bail!("who owns what cannot be told: {error}"),
    };
    let vips: Vec<Vip> = cluster.snapshot().0.allocator().vips().collect();
    let endpoints = match vips.iter().any(|vip| vip.traffic_policy == TrafficPolicy::Local) {
        true => cluster.reader.all(None).await?,
        false => Vec::new(),
    };
    let published: BTreeMap<IpAddr, (&str, &VipAnnouncement)> = slices.iter().flat_map(published).collect();
    let mut placer = Placer::new();
    placer.set_advertisements(advertisements.iter().map(ferrolb_config::l2_advertisement).collect());
    // What a pool that cannot be read was like when it could be, only slices tell.
    let readable = cluster.pools.iter().filter_map(|pool| ferrolb_config::pool(pool).ok());
    placer.set_pools(readable.map(|pool| (pool.name, pool.labels)).collect());
    for node in cluster.known_nodes() {
        placer.upsert_node(node);
    }
    for (service, ready) in ready(&endpoints) {
        placer.set_endpoints(ready.set(service));
    }
    for vip in vips {
        if let Some(layer2) =
            published.get(&vip.address).and_then(|(_, announcement)| announcement.layer2.as_ref())
        {
            let nodes = layer2.nodes.iter().map(|name| name.as_str().into()).collect();
            let move_to = layer2.move_to.as_deref().map(NodeName::from);
            let revision = u64::try_from(layer2.revision).unwrap_or_default();
            placer.recall(vip.address, nodes, move_to, revision, layer2.by_pool_labels.clone());
        }
        placer.upsert_vip(vip);
    }
    placer.settle();
    Ok(placer.moves(chosen, |address| told_owner(published.get(&address)?, speakers)))
}

fn published(slice: &AnnouncementSlice) -> impl Iterator<Item = (IpAddr, (&str, &VipAnnouncement))> {
    let version = slice.metadata.resource_version.as_deref().unwrap_or_default();
    slice.spec.vips.iter().filter_map(move |vip| Some((vip.ip.parse().ok()?, (version, vip))))
}

fn told_owner((version, vip): &(&str, &VipAnnouncement), speakers: &[SpeakerState]) -> Option<NodeName> {
    owner::owner(vip, version, speakers).node.map(NodeName::from)
}

fn print(told: &RebalanceOut, printer: &mut Printer<'_>) -> Result<()> {
    if told.moves.is_empty() {
        return printer.line("Nothing moves: every node has its share, as far as VIPs may be on it.");
    }
    let mut table = Table::new(["VIP", "FROM", "TO"]);
    for one in &told.moves {
        table.row([one.ip.clone(), one.from.clone(), one.to.clone()]);
    }
    printer.table(&table)?;
    match told.dry_run {
        true => printer.line("These would move; nothing was asked for."),
        false => printer.line("These were asked to move; kubectl ferrolb l2 owners says where they are."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Output;

    #[test]
    fn names_choose_and_no_name_means_all() {
        let all: Vec<L2Advertisement> = ["lan", "dmz"]
            .map(|name| L2Advertisement::new(name, ferrolb_api::L2AdvertisementSpec::default()))
            .into();
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(chosen(&all, &[]).unwrap(), set(&["lan", "dmz"]));
        assert_eq!(chosen(&all, &["l2advertisement/dmz".into()]).unwrap(), set(&["dmz"]));
        let error = chosen(&all, &["lam".into()]).unwrap_err().to_string();
        assert!(error.starts_with("there is no L2Advertisement lam; did you mean lan?"), "{error}");
        assert!(chosen(&[], &[]).is_err());
    }

    #[test]
    fn a_dry_run_says_that_it_was_one() {
        let moves = vec![MoveOut { ip: "192.0.2.128".into(), from: "n1".into(), to: "n2".into() }];
        let told = RebalanceOut {
            api_version: API_VERSION,
            kind: "Rebalance",
            dry_run: true,
            advertisements: BTreeSet::new(),
            moves,
        };
        let mut out = Vec::new();
        print(&told, &mut Printer::new(&mut out, Output::Table, false)).unwrap();
        let wanted =
            "VIP           FROM   TO\n192.0.2.128   n1     n2\nThese would move; nothing was asked for.\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
