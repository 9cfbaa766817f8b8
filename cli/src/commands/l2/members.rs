//! `kubectl ferrolb l2 members`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use ferrolb_api::{Interface, Scheduling, SpeakerState, SpeakerStateStatus};
use ferrolb_explain::{State as Shade, Style as _};
use ferrolb_model::Node;
use ipnet::IpNet;
use serde::Serialize;

use super::{owner::name, owners::ready, segment::deafness};
use crate::{
    args::{Global, Members},
    cluster::Cluster,
    names::Kind,
    output::{API_VERSION, Printer, Table, dash},
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<MemberOut>,
}

/// What is told of a node's speaker.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberOut {
    node: String,
    /// Whether its pod is ready; `null`: it has none, or the pods could not be read.
    ready: Option<bool>,
    /// How many VIPs it says that it answers for; `null`: it has not reported.
    vips: Option<i32>,
    scheduling: Option<Scheduling>,
    interfaces: Vec<InterfaceOut>,
    /// What keeps it from being a candidate like others: `excluded`, `cordoned`, `shuttingDown`, `tainted`, `handsOver`,
    /// `nodeNotReady`, `stale`, `noSpeaker`.
    flags: Vec<&'static str>,
    version: Option<String>,
    /// What is wrong with it, a sentence each.
    problems: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InterfaceOut {
    name: String,
    /// The networks on it: speakers with the same ones share a segment.
    segments: Vec<String>,
    addresses: Vec<String>,
    link: bool,
    /// The time between heartbeats; `null`: the speaker does not tell yet, nor whom it hears.
    heartbeat_milliseconds: Option<i32>,
    /// Whether that is longer than scheduling permits, because many speakers share the segment.
    relaxed: bool,
    /// The nodes whose speakers are heard.
    heard: Option<Vec<String>>,
    /// Those that answer though their heartbeats do not arrive.
    multicast_filtered: Vec<String>,
    /// Whether no other speaker was ever heard, though a gateway answers and others are planned.
    isolated: bool,
}

pub(crate) async fn run(global: &Global, args: &Members, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let speakers = match &cluster.speakers {
        Ok(speakers) => speakers,
        Err(error) => bail!("which speakers there are cannot be told: {error}"),
    };
    let nodes: Vec<Node> = cluster.nodes.iter().map(ferrolb_config::node).collect();
    let mut items = told(&nodes, speakers, &ready(&cluster));
    let known: Vec<&str> = items.iter().map(|item| item.node.as_str()).collect();
    let names = Kind::Node.names(&args.names, &known)?;
    items.retain(|item| names.is_empty() || names.contains(&item.node));
    let broken = items.iter().any(|item| !item.problems.is_empty());
    let list = MemberList { api_version: API_VERSION, kind: "MemberList", items };
    if !printer.data(&list)? {
        print(&list.items, printer)?;
    }
    Ok(if broken { Verdict::Found } else { Verdict::Fine })
}

/// What is to be told of every node, by name.
fn told(nodes: &[Node], speakers: &[SpeakerState], ready: &BTreeMap<String, bool>) -> Vec<MemberOut> {
    let reports: BTreeMap<&str, &SpeakerStateStatus> =
        speakers.iter().filter_map(|speaker| Some((name(speaker), speaker.status.as_ref()?))).collect();
    let known: BTreeMap<&str, &Node> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    let names: BTreeSet<&str> = known.keys().chain(reports.keys()).copied().collect();
    let of = |name: &str| {
        member(name, known.get(name).copied(), reports.get(name).copied(), ready.get(name).copied())
    };
    names.into_iter().map(of).collect()
}

fn member(
    name: &str,
    node: Option<&Node>,
    report: Option<&SpeakerStateStatus>,
    ready: Option<bool>,
) -> MemberOut {
    let leaving = node.and_then(|node| node.leaving.as_deref());
    let flags = [
        (node.is_some_and(|node| node.excluded), "excluded"),
        (leaving == Some("cordoned"), "cordoned"),
        (leaving == Some("shutting down"), "shuttingDown"),
        (leaving.is_some_and(|why| why.starts_with("tainted")), "tainted"),
        (report.is_some_and(|report| !report.leaving.is_empty()), "handsOver"),
        (node.is_some_and(|node| !node.ready), "nodeNotReady"),
        (report.is_some_and(|report| report.configuration.stale), "stale"),
        (report.is_none() && ready.is_none(), "noSpeaker"),
    ];
    let mut problems = Vec::new();
    if ready == Some(false) {
        problems.push(format!("the speaker on {name} is not ready; what is told of it is its last report"));
    } else if ready == Some(true) && report.is_none() {
        problems.push(format!("the speaker on {name} has not reported; look at its log"));
    }
    if let Some(report) = report.filter(|report| !report.configuration.problem.is_empty()) {
        problems.push(format!(
            "the speaker on {name} did not accept all it was told: {}",
            report.configuration.problem
        ));
    }
    let deaf = report.iter().flat_map(|report| deafness(name, report));
    problems.extend(deaf.map(|one| one.problem));
    MemberOut {
        node: name.to_owned(),
        ready,
        vips: report.map(|report| report.vips_owned),
        scheduling: report.map(|report| report.scheduling),
        interfaces: report.iter().flat_map(|report| &report.interfaces).map(interface).collect(),
        flags: flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag).collect(),
        version: report.map(|report| report.version.clone()),
        problems,
    }
}

fn interface(interface: &Interface) -> InterfaceOut {
    let networks = interface.addresses.iter().filter_map(|network| network.parse::<IpNet>().ok());
    let segments: BTreeSet<IpNet> = networks.map(|network| network.trunc()).collect();
    let segment = interface.segment.as_ref();
    InterfaceOut {
        name: interface.name.clone(),
        segments: segments.iter().map(ToString::to_string).collect(),
        addresses: interface.addresses.clone(),
        link: interface.carrier,
        heartbeat_milliseconds: segment.map(|segment| segment.heartbeat_milliseconds),
        relaxed: segment.is_some_and(|segment| segment.relaxed),
        heard: segment.map(|segment| segment.heard.clone()),
        multicast_filtered: segment.map(|segment| segment.multicast_filtered.clone()).unwrap_or_default(),
        isolated: segment.is_some_and(|segment| segment.isolated),
    }
}

impl InterfaceOut {
    fn heartbeat(&self) -> String {
        let relaxed = if self.relaxed { " (relaxed)" } else { "" };
        self.heartbeat_milliseconds.map(|millis| format!("{millis}ms{relaxed}")).unwrap_or_default()
    }

    fn hears(&self) -> String {
        self.heard.as_ref().map(|heard| heard.len().to_string()).unwrap_or_default()
    }

    fn peers(&self) -> String {
        let filtered = self.multicast_filtered.iter().map(|node| format!("{node}(filtered)"));
        self.heard.iter().flatten().cloned().chain(filtered).collect::<Vec<_>>().join(",")
    }

    fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = [(self.isolated, "isolated"), (!self.multicast_filtered.is_empty(), "multicastFiltered")];
        flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag)
    }
}

fn print(items: &[MemberOut], printer: &mut Printer<'_>) -> Result<()> {
    if items.is_empty() {
        return printer.line("There is no node.");
    }
    let wide = printer.is_wide();
    let headings = [
        "NODE",
        "SPEAKER",
        "INTERFACE",
        "SEGMENT",
        "LINK",
        "HEARS",
        "HEARTBEAT",
        "VIPS",
        "SCHEDULING",
        "FLAGS",
    ];
    let more = ["PEERS", "ADDRESSES", "VERSION"];
    let mut table = Table::new(headings.into_iter().chain(more.into_iter().filter(|_| wide)));
    for item in items {
        let ready = match item.ready {
            Some(true) => "ready",
            Some(false) => "not ready",
            None => "-",
        };
        let scheduling = match item.scheduling {
            Some(Scheduling::RealTime) => "real-time",
            Some(Scheduling::Ordinary) => "ordinary",
            None => "-",
        };
        // A speaker that uses no interface has a line too.
        let interfaces = item.interfaces.iter().map(Some);
        let interfaces: Vec<_> = if item.interfaces.is_empty() { vec![None] } else { interfaces.collect() };
        for interface in interfaces {
            let link = interface.map_or("-", |one| if one.link { "up" } else { "down" });
            let flags = item.flags.iter().copied().chain(interface.into_iter().flat_map(InterfaceOut::flags));
            let row = [
                item.node.clone(),
                ready.to_owned(),
                interface.map_or_else(|| "-".into(), |one| one.name.clone()),
                dash(interface.map(|one| one.segments.join(",")).unwrap_or_default()),
                link.to_owned(),
                dash(interface.map(InterfaceOut::hears).unwrap_or_default()),
                dash(interface.map(InterfaceOut::heartbeat).unwrap_or_default()),
                item.vips.map_or_else(|| "-".into(), |vips| vips.to_string()),
                scheduling.to_owned(),
                dash(flags.collect::<Vec<_>>().join(",")),
            ];
            let more = [
                dash(interface.map(InterfaceOut::peers).unwrap_or_default()),
                dash(interface.map(|one| one.addresses.join(",")).unwrap_or_default()),
                dash(item.version.clone().unwrap_or_default()),
            ];
            table.row(row.into_iter().chain(more.into_iter().filter(|_| wide)));
        }
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
    use ferrolb_api::{Segment, SpeakerStateSpec};
    use ferrolb_model::Labels;

    use super::*;
    use crate::args::Output;

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

    fn speaker(name: &str) -> SpeakerState {
        let mut state = SpeakerState::new(name, SpeakerStateSpec {});
        let status = state.status.get_or_insert_default();
        status.vips_owned = 2;
        status.version = "0.1.0".into();
        let interface = |name: &str, addresses: &[&str], carrier| Interface {
            name: name.into(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
            carrier,
            segment: None,
        };
        status.interfaces = vec![
            interface("eth0", &["192.0.2.11/24", "2001:db8::11/64"], true),
            interface("eth1", &["198.51.100.11/24"], false),
        ];
        status.interfaces[0].segment = Some(Segment {
            heartbeat_milliseconds: 80,
            relaxed: true,
            heard: vec!["n2".into(), "n3".into()],
            ..Segment::default()
        });
        state
    }

    #[test]
    fn the_table_says_what_each_speaker_is_on_and_what_is_wrong() {
        let cordoned = Node { leaving: Some("cordoned".into()), ready: false, ..node("n2") };
        let mut late = speaker("n1");
        late.status.as_mut().unwrap().configuration.stale = true;
        let ready = BTreeMap::from([("n1".to_owned(), true), ("n2".to_owned(), true)]);
        let items = told(&[node("n3"), cordoned, node("n1")], &[late], &ready);
        let mut out = Vec::new();
        print(&items, &mut Printer::new(&mut out, Output::Table, false)).unwrap();
        let wanted = "\
NODE   SPEAKER   INTERFACE   SEGMENT                      LINK   HEARS   HEARTBEAT        VIPS   SCHEDULING   FLAGS
n1     ready     eth0        192.0.2.0/24,2001:db8::/64   up     2       80ms (relaxed)   2      ordinary     stale
n1     ready     eth1        198.51.100.0/24              down   -       -                2      ordinary     stale
n2     ready     -           -                            -      -       -                -      -            cordoned,nodeNotReady
n3     -         -           -                            -      -       -                -      -            noSpeaker
the speaker on n2 has not reported; look at its log
";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn who_is_not_heard_is_told_by_name() {
        let mut deaf = speaker("n1");
        let status = deaf.status.as_mut().unwrap();
        status.interfaces.truncate(1);
        let segment = status.interfaces[0].segment.as_mut().unwrap();
        (segment.heard, segment.multicast_filtered) = (vec!["n2".into()], vec!["n3".into()]);
        let mut alone = speaker("n2");
        let status = alone.status.as_mut().unwrap();
        status.interfaces.truncate(1);
        let segment = Segment { heartbeat_milliseconds: 25, isolated: true, ..Segment::default() };
        status.interfaces[0].segment = Some(segment);
        let ready = BTreeMap::from([("n1".to_owned(), true), ("n2".to_owned(), true)]);
        let items = told(&[node("n1"), node("n2")], &[deaf, alone], &ready);
        let mut out = Vec::new();
        print(&items, &mut Printer::new(&mut out, Output::Wide, false)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let ends = |line: &str, end: &str| assert!(line.ends_with(end), "{line:?} does not end with {end:?}");
        ends(lines[1], "multicastFiltered   n2,n3(filtered)   192.0.2.11/24,2001:db8::11/64   0.1.0");
        ends(lines[2], "isolated            -                 192.0.2.11/24,2001:db8::11/64   0.1.0");
        ends(
            lines[3],
            "gets no heartbeats of n3 on eth0, though it gets answers: a switch filters multicast",
        );
        assert!(lines[4].starts_with("the speaker on n2 has heard no other on eth0"), "{}", lines[4]);
        assert_eq!(items[0].problems.len() + items[1].problems.len(), 2);
    }

    #[test]
    fn programs_read_the_same_fields() {
        let items = told(&[], &[speaker("n1")], &BTreeMap::new());
        let told = serde_json::to_value(&items[0].interfaces).unwrap();
        let wanted = serde_json::json!([
            {
                "name": "eth0", "segments": ["192.0.2.0/24", "2001:db8::/64"],
                "addresses": ["192.0.2.11/24", "2001:db8::11/64"], "link": true,
                "heartbeatMilliseconds": 80, "relaxed": true, "heard": ["n2", "n3"], "multicastFiltered": [],
                "isolated": false,
            },
            {
                "name": "eth1", "segments": ["198.51.100.0/24"], "addresses": ["198.51.100.11/24"], "link": false,
                "heartbeatMilliseconds": null, "relaxed": false, "heard": null, "multicastFiltered": [],
                "isolated": false,
            },
        ]);
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_speaker_that_is_down_or_refused_something_is_a_problem() {
        let mut refused = speaker("n1");
        refused.status.as_mut().unwrap().configuration.problem = "vips-3: no address".into();
        let items = told(&[node("n1")], &[refused], &BTreeMap::from([("n1".to_owned(), false)]));
        assert_eq!(items[0].problems.len(), 2, "{:?}", items[0].problems);
        assert_eq!((items[0].ready, items[0].vips), (Some(false), Some(2)));
    }
}
