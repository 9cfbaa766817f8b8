//! `kubectl ferrolb l2 owners`.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::{Result, bail};
use ferrolb_api::{AnnouncementSlice, SpeakerState, VipAnnouncement};
use ferrolb_explain::{State as Shade, Style as _};
use jiff::Timestamp;
use serde::Serialize;

use super::owner::{Ownership, State, owner};
use crate::{
    args::{Global, Owners},
    cluster::Cluster,
    duration::age,
    names::suggestion,
    output::{API_VERSION, Printer, Table, dash},
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<OwnerOut>,
}

/// What is told of a VIP.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerOut {
    ip: String,
    services: Vec<String>,
    #[serde(flatten)]
    ownership: Ownership,
    /// The candidate that was asked for: the VIP is to be there, and is or moves there as soon as it can.
    move_to: Option<String>,
    /// The candidates, the preferred one first.
    candidates: Vec<String>,
    slice: String,
    /// What is wrong with it, a sentence each.
    problems: Vec<String>,
}

pub(crate) async fn run(global: &Global, args: &Owners, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let (slices, speakers) = match (&cluster.slices, &cluster.speakers) {
        (Ok(slices), Ok(speakers)) => (slices, speakers),
        (Err(error), _) | (_, Err(error)) => bail!("who owns what cannot be told: {error}"),
    };
    let mut items = told(slices, speakers, &ready(&cluster));
    let asked = asked(&cluster, &items, &args.names, global.all_namespaces)?;
    match (&asked, &global.namespace) {
        (Some(asked), _) => items.retain(|item| asked.iter().any(|one| one.is(item))),
        (None, Some(namespace)) => items.retain(|item| item.is_of(namespace)),
        (None, None) => {}
    }
    let broken = items.iter().any(|item| !item.problems.is_empty());
    let list = OwnerList { api_version: API_VERSION, kind: "OwnerList", items };
    if !printer.data(&list)? {
        print(&list.items, cluster.now, printer)?;
    }
    Ok(if broken { Verdict::Found } else { Verdict::Fine })
}

/// Whether the speaker of each node is ready; nothing of nodes that have none, or if the pods cannot be read.
pub(in crate::commands) fn ready(cluster: &Cluster) -> BTreeMap<String, bool> {
    let mut ready = BTreeMap::new();
    for pod in cluster.pods_of("speaker") {
        let Some(node) = pod.spec.node_name.clone() else { continue };
        // While one pod replaces another the node has two.
        *ready.entry(node).or_default() |= pod.is_ready();
    }
    ready
}

/// What is to be told of every VIP, by address.
fn told(
    slices: &[AnnouncementSlice],
    speakers: &[SpeakerState],
    ready: &BTreeMap<String, bool>,
) -> Vec<OwnerOut> {
    let of = |slice: &AnnouncementSlice, vip: &VipAnnouncement| {
        let ownership = owner(vip, slice.metadata.resource_version.as_deref().unwrap_or_default(), speakers);
        let problems = problems(vip, &ownership, ready);
        let services = vip.services.iter().map(|one| format!("{}/{}", one.namespace, one.name));
        OwnerOut {
            ip: vip.ip.clone(),
            services: services.collect(),
            ownership,
            move_to: vip.layer2.as_ref().and_then(|layer2| layer2.move_to.clone()),
            candidates: vip.layer2.clone().unwrap_or_default().nodes,
            slice: slice.metadata.name.clone().unwrap_or_default(),
            problems,
        }
    };
    let mut items: Vec<_> =
        slices.iter().flat_map(|slice| slice.spec.vips.iter().map(move |vip| of(slice, vip))).collect();
    items.sort_by_key(|item| (item.ip.parse::<IpAddr>().ok(), item.slice.clone()));
    items
}

fn problems(vip: &VipAnnouncement, ownership: &Ownership, ready: &BTreeMap<String, bool>) -> Vec<String> {
    let ip = &vip.ip;
    let mut problems = Vec::new();
    match ownership.state {
        State::Missing | State::Unreported => problems.push(format!("{ip}: {}", ownership.why)),
        State::AsPlanned | State::Taken | State::NotPlanned => {}
    }
    if let Some(node) = &ownership.node
        && ready.get(node) == Some(&false)
    {
        problems
            .push(format!("{ip}: the speaker on {node} is not ready; that it answers is its last report"));
    }
    for duplicate in &ownership.duplicates {
        problems.push(format!("{ip}: another host uses the address, says {duplicate}"));
    }
    problems
}

/// One of the names on the command line.
enum Asked {
    Address(IpAddr),
    Service(String),
}

impl Asked {
    fn is(&self, item: &OwnerOut) -> bool {
        match self {
            Self::Address(address) => item.ip.parse() == Ok(*address),
            Self::Service(id) => item.services.contains(id),
        }
    }
}

impl OwnerOut {
    fn is_of(&self, namespace: &str) -> bool {
        self.services.iter().any(|id| id.split_once('/').is_some_and(|(of, _)| of == namespace))
    }
}

/// What the names mean; `None`: there are none. A name that means nothing is an error.
fn asked(
    cluster: &Cluster,
    items: &[OwnerOut],
    names: &[String],
    all_namespaces: bool,
) -> Result<Option<Vec<Asked>>> {
    let mut all = Vec::new();
    for name in names {
        let before = all.len();
        if let Ok(address) = name.parse() {
            all.push(Asked::Address(address));
            if !items.iter().any(|item| all[before].is(item)) {
                let known = items.iter().map(|item| item.ip.as_str());
                bail!("no AnnouncementSlice names {address}{}", suggestion(name, known));
            }
            continue;
        }
        let service = match name.split_once('/') {
            None => name,
            Some(("svc" | "service" | "services", service)) => service,
            Some((_, service)) => {
                bail!("{name:?} names no VIP; write its address or svc/{service}, and the namespace with -n")
            }
        };
        let ids = cluster.service_ids(service, all_namespaces)?;
        all.extend(ids.into_iter().map(Asked::Service));
        if !items.iter().any(|item| all[before..].iter().any(|one| one.is(item))) {
            bail!(
                "the speakers were told of no VIP of Service {service}: kubectl ferrolb explain svc/{service} says why"
            );
        }
    }
    Ok((!names.is_empty()).then_some(all))
}

fn print(items: &[OwnerOut], now: Timestamp, printer: &mut Printer<'_>) -> Result<()> {
    if items.is_empty() {
        return printer
            .line("The speakers were told of no VIP; kubectl ferrolb explain says what Services wait for.");
    }
    let wide = printer.is_wide();
    let headings = ["VIP", "SERVICES", "NODE", "INTERFACE", "SINCE", "WHY"];
    let more = ["TERM", "CANDIDATES", "SLICE"];
    let mut table = Table::new(headings.into_iter().chain(more.into_iter().filter(|_| wide)));
    for item in items {
        let ownership = &item.ownership;
        let since = ownership.since.map(|since| age(now.as_second() - since.as_second()));
        let row = [
            item.ip.clone(),
            dash(item.services.join(",")),
            dash(ownership.node.clone().unwrap_or_default()),
            dash(ownership.interfaces.join(",")),
            dash(since.unwrap_or_default()),
            ownership.why.clone(),
        ];
        let term = ownership.term.map(|term| term.to_string());
        let more = [dash(term.unwrap_or_default()), dash(item.candidates.join(",")), item.slice.clone()];
        table.row(row.into_iter().chain(more.into_iter().filter(|_| wide)));
    }
    printer.table(&table)?;
    for problem in items.iter().flat_map(|item| &item.problems) {
        let line = printer.colour().state(Shade::Broken, problem);
        printer.line(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{AnnouncementSliceSpec, Exception, ExceptionKind, Interface, Layer2Announcement};
    use ferrolb_api::{ServiceReference, SpeakerStateSpec, TrafficPolicy};

    use super::*;
    use crate::args::Output;

    fn slice(vips: &[(&str, &str, &[&str])]) -> AnnouncementSlice {
        let vips = vips.iter().map(|(ip, service, nodes)| VipAnnouncement {
            ip: (*ip).into(),
            pool: "lan".into(),
            services: vec![ServiceReference {
                namespace: "default".into(),
                name: (*service).into(),
                uid: String::new(),
            }],
            traffic_policy: TrafficPolicy::Cluster,
            bgp: None,
            layer2: Some(Layer2Announcement {
                nodes: nodes.iter().map(ToString::to_string).collect(),
                ..Layer2Announcement::default()
            }),
        });
        let mut slice = AnnouncementSlice::new("vips-0", AnnouncementSliceSpec { vips: vips.collect() });
        slice.metadata.resource_version = Some("10".into());
        slice
    }

    fn speaker(name: &str, version: &str, exceptions: &[(&str, ExceptionKind, &str)]) -> SpeakerState {
        let mut state = SpeakerState::new(name, SpeakerStateSpec {});
        state.metadata.resource_version = Some(version.into());
        let status = state.status.get_or_insert_default();
        status.configuration.revision = "10".into();
        let addresses = vec!["192.0.2.11/24".into()];
        status.interfaces = vec![Interface { name: "eth0".into(), addresses, carrier: true, segment: None }];
        let exceptions = exceptions.iter().map(|(ip, kind, reason)| Exception {
            ip: (*ip).into(),
            interface: "eth1".into(),
            kind: *kind,
            term: 3,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            reason: (*reason).into(),
        });
        status.exceptions = exceptions.collect();
        state
    }

    #[test]
    fn the_table_says_who_since_when_and_why_and_what_is_wrong() {
        let slices = [slice(&[
            ("192.0.2.129", "db", &["n1", "n2"]),
            ("192.0.2.128", "web", &["n1", "n2"]),
            ("192.0.2.130", "mail", &["n3"]),
        ])];
        let lost = ("192.0.2.129", ExceptionKind::Missing, "n2 answers for it");
        let taken = ("192.0.2.129", ExceptionKind::Taken, "n1, its first candidate, does not answer for it");
        let speakers = [speaker("n1", "20", &[lost]), speaker("n2", "21", &[taken])];
        let ready = BTreeMap::from([("n1".to_owned(), false), ("n2".to_owned(), true)]);
        let items = told(&slices, &speakers, &ready);
        let mut out = Vec::new();
        let now = "2026-01-01T00:05:00Z".parse().unwrap();
        print(&items, now, &mut Printer::new(&mut out, Output::Wide, false)).unwrap();
        let wanted = "\
VIP           SERVICES       NODE   INTERFACE   SINCE   WHY                                               TERM   CANDIDATES   SLICE
192.0.2.128   default/web    n1     eth0        -       it is the first candidate                         -      n1,n2        vips-0
192.0.2.129   default/db     n2     eth1        5m      n1, its first candidate, does not answer for it   3      n1,n2        vips-0
192.0.2.130   default/mail   -      -           -       n3, the first candidate, has not reported yet     -      n3           vips-0
192.0.2.128: the speaker on n1 is not ready; that it answers is its last report
192.0.2.130: n3, the first candidate, has not reported yet
";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn programs_read_the_same_fields() {
        let items =
            told(&[slice(&[("192.0.2.128", "web", &["n1"])])], &[speaker("n1", "20", &[])], &BTreeMap::new());
        let told = serde_json::to_value(&items[0]).unwrap();
        let wanted = serde_json::json!({
            "ip": "192.0.2.128", "services": ["default/web"], "state": "AsPlanned", "node": "n1",
            "interfaces": ["eth0"], "since": null, "term": null, "why": "it is the first candidate",
            "duplicates": [], "moveTo": null, "candidates": ["n1"], "slice": "vips-0", "problems": [],
        });
        assert_eq!(told, wanted);
    }
}
