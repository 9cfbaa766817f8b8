//! `kubectl ferrolb bgp peers`.

use anyhow::{Result, bail};
use ferrolb_api::{BgpSessionState, PrefixCounts};
use ferrolb_explain::{State as Shade, Style as _};
use ferrolb_model::Node;
use jiff::Timestamp;
use serde::Serialize;

use super::sessions::{SessionOut, told};
use crate::{
    args::{Global, Peers},
    cluster::Cluster,
    commands::l2::ready,
    duration::age,
    names::Kind,
    output::{API_VERSION, Printer, Table, dash},
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PeerList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<SessionOut>,
}

pub(crate) async fn run(global: &Global, args: &Peers, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let speakers = match &cluster.speakers {
        Ok(speakers) => speakers,
        Err(error) => bail!("which sessions there are cannot be told: {error}"),
    };
    let (peers, profiles) = futures::join!(cluster.reader.all(None), cluster.reader.all(None));
    let nodes: Vec<Node> = cluster.nodes.iter().map(ferrolb_config::node).collect();
    let mut items = told(&peers?, &profiles?, &nodes, speakers, &ready(&cluster));
    let known = items.iter().map(|item| item.peer.as_str());
    let names = Kind::BgpPeer.names(&args.names, &known.collect::<Vec<_>>())?;
    let known = nodes.iter().map(|node| node.name.as_str());
    let on = Kind::Node.names(&args.node, &known.collect::<Vec<_>>())?;
    items.retain(|item| names.is_empty() || names.contains(&item.peer));
    items.retain(|item| on.is_empty() || item.node.as_ref().is_some_and(|node| on.contains(node)));
    let broken = items.iter().any(|item| !item.problems.is_empty());
    let list = PeerList { api_version: API_VERSION, kind: "PeerList", items };
    if !printer.data(&list)? {
        print(&list.items, cluster.now, printer)?;
    }
    Ok(if broken { Verdict::Found } else { Verdict::Fine })
}

fn print(items: &[SessionOut], now: Timestamp, printer: &mut Printer<'_>) -> Result<()> {
    if items.is_empty() {
        return printer.line("No node has a session with a BGP peer, and none is asked for.");
    }
    let wide = printer.is_wide();
    let headings =
        ["PEER", "NODE", "ADDRESS", "STATE", "SINCE", "ANNOUNCED", "RECEIVED", "BFD", "LAST ERROR"];
    let more = ["MY ASN", "PEER ASN", "HOLD TIME", "CAPABILITIES"];
    let mut table = Table::new(headings.into_iter().chain(more.into_iter().filter(|_| wide)));
    for item in items {
        let since = item.since.map(|since| age(now.as_second() - since.as_second()));
        let counted = |counts: PrefixCounts| match item.state {
            Some(BgpSessionState::Established) => format!("{}/{}", counts.ipv4, counts.ipv6),
            Some(_) | None => "-".to_owned(),
        };
        let row = [
            item.peer.clone(),
            dash(item.node.clone().unwrap_or_default()),
            dash(item.address.clone()),
            dash(item.state.map(|state| format!("{state:?}")).unwrap_or_default()),
            dash(since.unwrap_or_default()),
            counted(item.announced),
            counted(item.received),
            dash(item.bfd.map(|state| format!("{state:?}")).unwrap_or_default()),
            dash(item.last_error.clone()),
        ];
        let more = [
            dash(item.my_asn.map(|asn| asn.to_string()).unwrap_or_default()),
            dash(item.peer_asn.clone()),
            dash(item.hold_time_seconds.map(|seconds| format!("{seconds}s")).unwrap_or_default()),
            dash(item.capabilities.join(", ")),
        ];
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
    use std::collections::BTreeMap;

    use ferrolb_api::{BGPPeer, BfdSessionState, BgpSession, SpeakerState, SpeakerStateSpec};
    use ferrolb_model::Labels;
    use serde_json::{Value, json};

    use super::*;
    use crate::args::Output;

    fn peer(name: &str, changes: &Value) -> BGPPeer {
        let mut spec = json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"});
        spec.as_object_mut().unwrap().append(&mut changes.as_object().unwrap().clone());
        let object = json!({
            "apiVersion": "ferrolb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": name}, "spec": spec,
        });
        serde_json::from_value(object).unwrap()
    }

    fn node(name: &str) -> Node {
        Node {
            name: name.into(),
            labels: Labels::from([("rack".into(), "1".into())]),
            addresses: Vec::new(),
            interfaces: None,
            excluded: false,
            leaving: None,
            ready: true,
        }
    }

    fn speaker(node: &str, sessions: &[(&str, BgpSessionState, &str)]) -> SpeakerState {
        let mut state = SpeakerState::new(node, SpeakerStateSpec {});
        let sessions = sessions.iter().map(|(peer, state, error)| BgpSession {
            peer: (*peer).into(),
            address: "192.0.2.1".into(),
            state: *state,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            last_error: (*error).into(),
            announced: PrefixCounts { ipv4: 3, ipv6: 1 },
            received: PrefixCounts::default(),
            capabilities: vec!["IPv4".into()],
            hold_time_seconds: 90,
            bfd: Some(BfdSessionState::Up),
        });
        state.status.get_or_insert_default().bgp = sessions.collect();
        state
    }

    fn text(items: &[SessionOut], output: Output) -> String {
        let mut out = Vec::new();
        let now = "2026-01-01T00:05:00Z".parse().unwrap();
        print(items, now, &mut Printer::new(&mut out, output, false)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_session_that_should_be_is_told_and_what_is_wrong_with_it() {
        let nowhere = json!({"nodeSelectors": [{"matchLabels": {"rack": "2"}}]});
        let peers = [peer("tor", &json!({})), peer("spine", &nowhere)];
        let speakers = [
            speaker("n1", &[("tor", BgpSessionState::Established, "")]),
            speaker("n2", &[("tor", BgpSessionState::Active, "connection refused")]),
            speaker("n3", &[]),
        ];
        let nodes = ["n1", "n2", "n3", "n4"].map(node);
        let items = told(&peers, &[], &nodes, &speakers, &BTreeMap::from([("n1".to_owned(), false)]));
        let wanted = "\
PEER    NODE   ADDRESS     STATE         SINCE   ANNOUNCED   RECEIVED   BFD   LAST ERROR
spine   -      -           -             -       -           -          -     -
tor     n1     192.0.2.1   Established   5m      3/1         0/0        Up    -
tor     n2     192.0.2.1   Active        5m      -           -          Up    connection refused
tor     n3     192.0.2.1   -             -       -           -          -     -
tor     n4     192.0.2.1   -             -       -           -          -     -
BGPPeer spine: its nodeSelectors select no node, so no session is held
the speaker on n1 is not ready; what is told of its session with tor is its last report
the session of n2 with tor is not established, but Active: connection refused
n3 should hold a session with tor, and its speaker does not report one; look at its log
n4 should hold a session with tor, and its speaker has not reported; look at its pod
";
        assert_eq!(text(&items, Output::Table), wanted);
        let wide = text(&items[1..2], Output::Wide);
        assert!(wide.contains("Up    -            64500    64501      90s         IPv4\n"), "{wide}");
    }

    #[test]
    fn a_peer_that_a_node_cannot_use_says_why() {
        let labelled: BGPPeer = {
            let mut object = peer("tor", &json!({"myASNFromNodeLabel": "asn"}));
            object.spec.my_asn = None;
            object
        };
        let items = told(&[labelled], &[], &[node("n1")], &[], &BTreeMap::new());
        let problems: Vec<&String> = items.iter().flat_map(|item| &item.problems).collect();
        let wanted = "BGPPeer tor on node n1: the node has no label asn, which myASNFromNodeLabel takes its AS from; no session is held";
        assert_eq!(problems, [wanted]);
        let bad = peer("bad", &json!({"holdTime": "1s"}));
        let items = told(&[bad], &[], &[node("n1")], &[], &BTreeMap::new());
        assert!(items[0].problems[0].starts_with("BGPPeer bad: spec.holdTime"), "{:?}", items[0].problems);
        assert_eq!(items.len(), 1);
    }

    #[test]
    fn a_session_that_is_no_longer_asked_for_is_told_and_programs_read_it() {
        let speakers = [speaker("n1", &[("gone", BgpSessionState::Established, "")])];
        let items = told(&[], &[], &[node("n1")], &speakers, &BTreeMap::new());
        let wanted = json!({
            "peer": "gone", "node": "n1", "address": "192.0.2.1", "state": "Established",
            "since": "2026-01-01T00:00:00Z", "announced": {"ipv4": 3, "ipv6": 1},
            "received": {"ipv4": 0, "ipv6": 0}, "bfd": "Up", "lastError": "", "capabilities": ["IPv4"],
            "holdTimeSeconds": 90, "myAsn": null, "peerAsn": "", "problems": [],
        });
        assert_eq!(serde_json::to_value(&items[0]).unwrap(), wanted);
    }
}
