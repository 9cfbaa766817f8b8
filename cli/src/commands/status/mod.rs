//! `kubectl ferrolb status`.

mod findings;

use anyhow::Result;
use ferrolb_api::{BgpSessionState, SpeakerState};
use ferrolb_explain::{Chain, Controller, Facts, Known, State, Style as _, explain};
use ferrolb_ipam::Outcome;
use serde::Serialize;

use crate::{
    args::Global,
    cluster::Cluster,
    commands::{
        pools::{self, PoolOut},
        version::image,
    },
    duration::age,
    facts::subject,
    output::{API_VERSION, Printer},
    run::Verdict,
};

pub(crate) use findings::{Finding, findings};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusOut {
    api_version: &'static str,
    kind: &'static str,
    healthy: bool,
    kubernetes: String,
    controller: ControllerOut,
    speakers: Speakers,
    pools: Pools,
    services: Services,
    bgp: Sessions,
    problems: Vec<Finding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ControllerOut {
    /// Who leads; absent: nobody.
    leader: Option<String>,
    /// How long ago the lease was renewed, in seconds.
    lease_age_seconds: Option<i64>,
    ready: usize,
    total: usize,
    images: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Speakers {
    ready: usize,
    total: usize,
    nodes: Vec<SpeakerOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpeakerOut {
    node: String,
    /// `null`: no pod of the DaemonSet is on it.
    ready: Option<bool>,
    vips: Option<i32>,
    version: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pools {
    total: usize,
    ready: usize,
    ipv4: pools::Use,
    ipv6: pools::Use,
}

#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Services {
    /// Of FerroLB, with every address they ask for.
    allocated: usize,
    /// Of FerroLB, without.
    pending: usize,
    /// Of FerroLB's class, with an ingress that somebody else wrote.
    foreign: usize,
    /// Of type LoadBalancer, not FerroLB's.
    others: usize,
}

/// BGP sessions, as the speakers report them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sessions {
    established: usize,
    total: usize,
}

pub(crate) async fn run(global: &Global, printer: &mut Printer<'_>) -> Result<Verdict> {
    let cluster = Cluster::read(global).await?;
    let facts = cluster.facts(None);
    let chains: Vec<Chain> =
        cluster.services.iter().map(|object| explain(&facts, &subject(object))).collect();
    let pools = pools::told(&cluster);
    let problems = findings(&cluster, &facts, &pools, &chains);
    let healthy = problems.iter().all(|problem| problem.severity != "broken");
    let status = StatusOut {
        api_version: API_VERSION,
        kind: "Status",
        healthy,
        kubernetes: cluster.kubernetes.clone(),
        controller: controller(&cluster, &facts),
        speakers: speakers(&cluster),
        pools: summed(&pools),
        services: counted(&cluster, &facts),
        bgp: sessions(cluster.speakers.as_deref().unwrap_or_default()),
        problems,
    };
    if !printer.data(&status)? {
        print(&status, &facts, printer)?;
    }
    Ok(if healthy { Verdict::Fine } else { Verdict::Found })
}

fn controller(cluster: &Cluster, facts: &Facts) -> ControllerOut {
    let pods = cluster.pods_of("controller");
    let (leader, lease_age_seconds) = match &facts.controller {
        Known::Known(Controller::Leads { holder, renewed }) => (Some(holder.clone()), Some(*renewed)),
        Known::Known(Controller::Lapsed { renewed, .. }) => (None, Some(*renewed)),
        Known::Known(Controller::Released | Controller::Never) | Known::Unknown(_) => (None, None),
    };
    let mut images: Vec<String> = pods.iter().map(|pod| image(pod)).collect();
    images.sort();
    images.dedup();
    ControllerOut {
        leader,
        lease_age_seconds,
        ready: pods.iter().filter(|pod| pod.is_ready()).count(),
        total: pods.len(),
        images,
    }
}

fn speakers(cluster: &Cluster) -> Speakers {
    let pods = cluster.pods_of("speaker");
    let mut nodes: Vec<SpeakerOut> = cluster
        .nodes
        .iter()
        .filter_map(|node| node.metadata.name.clone())
        .map(|node| {
            let here = pods.iter().filter(|pod| pod.spec.node_name.as_deref() == Some(node.as_str()));
            let ready = here.map(|pod| pod.is_ready()).reduce(|one, other| one || other);
            let states = cluster.speakers.iter().flatten();
            let state =
                states.into_iter().find(|state| state.metadata.name.as_deref() == Some(node.as_str()));
            let status = state.and_then(|state| state.status.as_ref());
            SpeakerOut {
                ready,
                vips: status.map(|status| status.vips_owned),
                version: status.map(|status| status.version.clone()),
                node,
            }
        })
        .collect();
    nodes.sort_by(|one, other| one.node.cmp(&other.node));
    Speakers {
        ready: nodes.iter().filter(|node| node.ready == Some(true)).count(),
        total: nodes.len(),
        nodes,
    }
}

fn sessions(speakers: &[SpeakerState]) -> Sessions {
    let reported = speakers.iter().filter_map(|state| state.status.as_ref()).flat_map(|status| &status.bgp);
    reported.fold(Sessions::default(), |sum, session| Sessions {
        established: sum.established + usize::from(session.state == BgpSessionState::Established),
        total: sum.total + 1,
    })
}

fn summed(pools: &[PoolOut]) -> Pools {
    let sum = |of: fn(&PoolOut) -> pools::Use| {
        pools.iter().map(of).fold(pools::Use { assigned: 0, available: 0 }, |sum, one| pools::Use {
            assigned: sum.assigned.saturating_add(one.assigned),
            available: sum.available.saturating_add(one.available),
        })
    };
    Pools {
        total: pools.len(),
        ready: pools.iter().filter(|pool| pool.ready == "True").count(),
        ipv4: sum(|pool| pool.ipv4),
        ipv6: sum(|pool| pool.ipv6),
    }
}

fn counted(cluster: &Cluster, facts: &Facts) -> Services {
    let mut services = Services::default();
    for object in &cluster.services {
        if !cluster.is_served(object) {
            services.others += 1;
            continue;
        }
        let has_ours = !ferrolb_config::service(object).ingress.addresses().is_empty();
        match facts.allocator.outcome(&ferrolb_config::service_id(object)) {
            Some(Outcome::Foreign(_)) => services.foreign += 1,
            Some(Outcome::Assigned(_) | Outcome::Kept { .. }) if has_ours => services.allocated += 1,
            Some(Outcome::Assigned(_) | Outcome::Kept { .. } | Outcome::Refused(_) | Outcome::Removed)
            | None => {
                services.pending += 1;
            }
        }
    }
    services
}

fn print(status: &StatusOut, facts: &Facts, printer: &mut Printer<'_>) -> Result<()> {
    let controller = &status.controller;
    let leads = match (&controller.leader, controller.lease_age_seconds, &facts.controller) {
        (Some(leader), Some(renewed), _) => format!("{leader} leads, renewed its lease {} ago", age(renewed)),
        (_, _, Known::Unknown(why)) => format!("who leads could not be read: {why}"),
        _ => "nobody leads".into(),
    };
    let images = controller.images.join(", ");
    printer.line(&format!(
        "Controller   {leads}; {}/{} pods ready{}",
        controller.ready,
        controller.total,
        if images.is_empty() { String::new() } else { format!("; {images}") }
    ))?;
    printer.line(&format!(
        "Speakers     {}/{} nodes have a ready speaker",
        status.speakers.ready, status.speakers.total
    ))?;
    if printer.is_wide() {
        for node in &status.speakers.nodes {
            let ready = match node.ready {
                Some(true) => "ready",
                Some(false) => "not ready",
                None => "no pod",
            };
            let vips = node.vips.map_or_else(|| "no report".into(), |vips| format!("{vips} VIPs"));
            let version = node.version.as_deref().unwrap_or("-");
            printer.line(&format!("             {}: {ready}, {vips}, version {version}", node.node))?;
        }
    }
    let pools = &status.pools;
    printer.line(&format!(
        "Pools        {}, {} ready; IPv4 {} used, {} free; IPv6 {} used, {} free",
        pools.total,
        pools.ready,
        pools.ipv4.assigned,
        pools::count(pools.ipv4.available),
        pools.ipv6.assigned,
        pools::count(pools.ipv6.available)
    ))?;
    let services = status.services;
    printer.line(&format!(
        "Services     {} with addresses, {} pending, {} with a foreign ingress, {} of other load balancers",
        services.allocated, services.pending, services.foreign, services.others
    ))?;
    if status.bgp.total > 0 {
        let Sessions { established, total } = status.bgp;
        printer.line(&format!("BGP          {established} of {total} sessions established"))?;
    }
    printer.line("")?;
    if status.problems.is_empty() {
        let line = printer.colour().state(State::Ok, "All is well.");
        return printer.line(&line);
    }
    for problem in &status.problems {
        let state = if problem.severity == "broken" { State::Broken } else { State::Waiting };
        let severity = printer.colour().state(state, problem.severity);
        printer.line(&format!("{severity}: {}", problem.problem))?;
        printer.line(&format!("        next: {}", problem.advice))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{BgpSession, PrefixCounts, SpeakerStateSpec};

    use super::*;

    #[test]
    fn sessions_of_every_node_are_counted_and_those_that_are_down_are_found() {
        let session = |peer: &str, state, last_error: &str| BgpSession {
            peer: peer.into(),
            address: "192.0.2.1".into(),
            state,
            since: "2026-01-01T00:00:00Z".parse().unwrap(),
            last_error: last_error.into(),
            announced: PrefixCounts::default(),
            received: PrefixCounts::default(),
            capabilities: Vec::new(),
            hold_time_seconds: 0,
            bfd: None,
        };
        let speaker = |node: &str, sessions: Vec<BgpSession>| {
            let mut state = SpeakerState::new(node, SpeakerStateSpec {});
            state.status.get_or_insert_default().bgp = sessions;
            state
        };
        let refused = || session("tor", BgpSessionState::Active, "connection refused");
        let up = session("spine", BgpSessionState::Established, "the hold timer ran out");
        let mut speakers = vec![speaker("n1", vec![up, refused()]), speaker("n2", Vec::new())];
        assert_eq!(sessions(&speakers), Sessions { established: 1, total: 2 });
        let found = findings::of_sessions(&speakers);
        let told: Vec<&str> = found.iter().map(|one| one.problem.as_str()).collect();
        assert_eq!(
            told,
            ["the BGP session of n1 with tor is not established, but Active: connection refused"]
        );
        speakers.extend((3..9).map(|node| speaker(&format!("n{node}"), vec![refused()])));
        let found = findings::of_sessions(&speakers);
        let last = found.last().unwrap();
        assert_eq!((found.len(), last.problem.as_str()), (6, "2 more BGP sessions are not established"));
    }
}
