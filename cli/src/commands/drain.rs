//! `kubectl ferrolb drain`.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, bail};
use ferrolb_api::{AnnouncementSlice, EXCLUDE_NODE_LABEL, SpeakerState, VipAnnouncement};
use ferrolb_explain::{State as Shade, Style as _};
use ferrolb_runtime::kinds;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::l2::owner;
use crate::{
    args::{Drain, Global},
    cluster::Cluster,
    names::{Kind, suggestion},
    output::{API_VERSION, Printer},
    read::ReadError,
    run::Verdict,
};

/// How often the speaker's report is read.
const INTERVAL: Duration = Duration::from_millis(500);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DrainOut {
    api_version: &'static str,
    kind: &'static str,
    node: String,
    /// Whether its speaker says that it answers for nothing.
    drained: bool,
    /// What it answers for still, or would be answered for by nobody, and why, a sentence each.
    left: Vec<String>,
}

pub(crate) async fn run(global: &Global, args: &Drain, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let node = Kind::Node.name(&args.node)?;
    let names: Vec<&str> = cluster.nodes.iter().filter_map(|node| node.metadata.name.as_deref()).collect();
    if !names.contains(&node) {
        bail!("there is no node {node}{}", suggestion(node, names.into_iter()));
    }
    if args.undo {
        label(&cluster, node, false).await?;
        return finish(node, Verdict::Fine, false, Vec::new(), printer, || {
            format!(
                "{node} may answer for VIPs again. Nothing moves back by itself; kubectl ferrolb rebalance does that."
            )
        });
    }
    let (slices, speakers) = match (&cluster.slices, &cluster.speakers) {
        (Ok(slices), Ok(speakers)) => (slices, speakers),
        (Err(error), _) | (_, Err(error)) => bail!("who owns what cannot be told: {error}"),
    };
    let only = only_here(slices, node);
    if !args.force && !only.is_empty() {
        return finish(node, Verdict::Found, false, only, printer, || {
            format!(
                "{node} is left as it is: without it nobody would answer for these; --force drains it all the same."
            )
        });
    }
    label(&cluster, node, true).await?;
    let drained = wait(&cluster, node, args.timeout.0).await?;
    if drained {
        return finish(node, Verdict::Fine, true, Vec::new(), printer, || {
            format!(
                "{node} answers for no VIP any more; kubectl ferrolb drain {node} --undo takes the label off again."
            )
        });
    }
    let speakers = cluster.reader.all(None).await.unwrap_or_else(|_| speakers.clone());
    let slices = cluster.reader.all(None).await.unwrap_or_else(|_| slices.clone());
    finish(node, Verdict::Found, false, left(&slices, &speakers, node), printer, || {
        format!("{node} is labelled and has not handed over everything in time; its speaker goes on trying.")
    })
}

async fn label(cluster: &Cluster, node: &str, on: bool) -> Result<()> {
    let value = if on { json!("") } else { json!(null) };
    let patch = json!({"metadata": {"labels": {EXCLUDE_NODE_LABEL: value}}});
    Ok(cluster.reader.patch::<kinds::Node>(node, &patch).await?)
}

/// Waits until the speaker has seen the label and owns nothing; says how it goes. Returns whether it came to that.
async fn wait(cluster: &Cluster, node: &str, timeout: Option<Duration>) -> Result<bool> {
    let end = timeout.map(|timeout| Instant::now() + timeout);
    let mut told = String::new();
    loop {
        let now = match cluster.reader.named::<SpeakerState>(node).await {
            Ok(state) => {
                let status = state.status.unwrap_or_default();
                match (status.leaving.is_empty(), status.vips_owned) {
                    (false, 0) => return Ok(true),
                    (true, _) => format!("The speaker on {node} has not said yet that it saw the label."),
                    (false, 1) => format!("{node} answers for 1 VIP."),
                    (false, owned) => format!("{node} answers for {owned} VIPs."),
                }
            }
            // No speaker, no VIP; if there is one it has not said a word yet.
            Err(ReadError::NotFound { .. })
                if cluster
                    .pods_of("speaker")
                    .iter()
                    .all(|pod| pod.spec.node_name.as_deref() != Some(node)) =>
            {
                return Ok(true);
            }
            Err(ReadError::NotFound { .. }) => format!("The speaker on {node} has not reported."),
            // An API server that is away for a moment is no reason to give up.
            Err(error) if !error.is_fatal() => format!("{error}."),
            Err(error) => return Err(error.into()),
        };
        if now != told {
            eprintln!("{now}");
            told = now;
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(false);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

fn finish(
    node: &str,
    verdict: Verdict,
    drained: bool,
    left: Vec<String>,
    printer: &mut Printer<'_>,
    sentence: impl Fn() -> String,
) -> Result<Verdict> {
    let told = DrainOut { api_version: API_VERSION, kind: "Drain", node: node.to_owned(), drained, left };
    if !printer.data(&told)? {
        for line in &told.left {
            let line = printer.colour().state(Shade::Broken, line);
            printer.line(&line)?;
        }
        printer.line(&sentence())?;
    }
    Ok(verdict)
}

fn vips(slices: &[AnnouncementSlice]) -> impl Iterator<Item = (&VipAnnouncement, &[String], &str)> {
    slices.iter().flat_map(|slice| {
        let version = slice.metadata.resource_version.as_deref().unwrap_or_default();
        slice.spec.vips.iter().map(move |vip| {
            let nodes = vip.layer2.as_ref().map(|layer2| layer2.nodes.as_slice());
            (vip, nodes.unwrap_or_default(), version)
        })
    })
}

/// VIPs that no other node is a candidate for.
fn only_here(slices: &[AnnouncementSlice], node: &str) -> Vec<String> {
    let only = vips(slices).filter(|(_, nodes, _)| matches!(nodes, [only] if only == node));
    only.map(|(vip, ..)| {
        format!("{}: no other node may announce it; kubectl ferrolb l2 members tells of the nodes", vip.ip)
    })
    .collect()
}

/// What the node answers for by the last reports, and what keeps others from taking it.
fn left(slices: &[AnnouncementSlice], speakers: &[SpeakerState], node: &str) -> Vec<String> {
    let reports: BTreeMap<&str, &SpeakerState> = speakers.iter().map(|one| (owner::name(one), one)).collect();
    let obstacle =
        |candidate: &String| match reports.get(candidate.as_str()).and_then(|one| one.status.as_ref()) {
            None => format!("the speaker on {candidate} has not reported"),
            Some(status) if !status.leaving.is_empty() => format!("{candidate} is {} itself", status.leaving),
            Some(_) => format!("{candidate} has not taken it"),
        };
    let of = |(vip, nodes, version): (&VipAnnouncement, &[String], &str)| {
        let owned = owner::owner(vip, version, speakers).node.as_deref() == Some(node);
        let others: Vec<String> = nodes.iter().filter(|one| *one != node).map(obstacle).collect();
        let why =
            if others.is_empty() { "no other node may announce it".to_owned() } else { others.join(", ") };
        owned.then(|| format!("{}: {node} answers for it still: {why}", vip.ip))
    };
    vips(slices).filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use ferrolb_api::TrafficPolicy;
    use ferrolb_api::{
        AnnouncementSliceSpec, Exception, ExceptionKind, Layer2Announcement, SpeakerStateSpec,
    };

    use super::*;

    fn slice(vips: &[(&str, &[&str])]) -> AnnouncementSlice {
        let vips = vips.iter().map(|(ip, nodes)| VipAnnouncement {
            ip: (*ip).into(),
            pool: "lan".into(),
            services: Vec::new(),
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

    fn speaker(name: &str, leaving: &str, taken: &[&str]) -> SpeakerState {
        let mut state = SpeakerState::new(name, SpeakerStateSpec {});
        state.metadata.resource_version = Some("20".into());
        let status = state.status.get_or_insert_default();
        status.leaving = leaving.into();
        let exception = |ip: &&str| Exception {
            ip: (*ip).into(),
            interface: "eth0".into(),
            kind: ExceptionKind::Taken,
            term: 1,
            since: "2026-11-22T12:00:00Z".parse().unwrap(),
            reason: String::new(),
        };
        status.exceptions = taken.iter().map(exception).collect();
        state
    }

    #[test]
    fn what_only_this_node_may_announce_is_told_before_it_is_too_late() {
        let slices = [slice(&[("192.0.2.1", &["n1"]), ("192.0.2.2", &["n1", "n2"]), ("192.0.2.3", &["n2"])])];
        let only = only_here(&slices, "n1");
        assert_eq!(only.len(), 1);
        assert!(only[0].starts_with("192.0.2.1: no other node"), "{only:?}");
    }

    #[test]
    fn what_is_left_is_told_with_what_keeps_each_other_node_from_it() {
        let slices = [slice(&[("192.0.2.1", &["n2", "n3"]), ("192.0.2.2", &["n4"]), ("192.0.2.3", &["n2"])])];
        let taken = &["192.0.2.1", "192.0.2.2"];
        let speakers =
            [speaker("n1", "labelled", taken), speaker("n2", "cordoned", &[]), speaker("n4", "", &[])];
        assert_eq!(
            left(&slices, &speakers, "n1"),
            [
                "192.0.2.1: n1 answers for it still: n2 is cordoned itself, the speaker on n3 has not reported",
                "192.0.2.2: n1 answers for it still: n4 has not taken it",
            ]
        );
    }
}
