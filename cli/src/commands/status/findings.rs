//! What is not well, and what to do about it.

use ferrolb_api::{BgpSessionState, SpeakerState};
use ferrolb_explain::{Chain, Controller, Facts, Known};
use serde::Serialize;

use crate::{
    cluster::Cluster,
    commands::{l2::segment::deafness, pools::PoolOut},
};

/// Something that is not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `broken`, or `notice`: worth knowing, and nothing is lost.
    pub(crate) severity: &'static str,
    pub(crate) problem: String,
    pub(crate) advice: String,
}

/// Everything that is not well, what most hangs on first.
pub(crate) fn findings(
    cluster: &Cluster,
    facts: &Facts,
    pools: &[PoolOut],
    chains: &[Chain],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(of_controller(cluster, facts));
    findings.extend(of_speakers(cluster));
    findings.extend(of_sessions(cluster.speakers.as_deref().unwrap_or_default()));
    findings.extend(of_reading(cluster));
    findings.extend(of_pools(pools, chains));
    findings.extend(of_services(chains));
    findings
}

fn broken(problem: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { severity: "broken", problem: problem.into(), advice: advice.into() }
}

fn notice(problem: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { severity: "notice", problem: problem.into(), advice: advice.into() }
}

const CONTROLLER_PODS: &str =
    "kubectl -n ferrolb-system get pods -l app.kubernetes.io/component=controller -o wide";
const SPEAKER_PODS: &str =
    "kubectl -n ferrolb-system get pods -l app.kubernetes.io/component=speaker -o wide";

fn of_controller(cluster: &Cluster, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.controller {
        Known::Known(Controller::Leads { .. }) | Known::Unknown(_) => {}
        Known::Known(Controller::Lapsed { holder, renewed }) => findings.push(broken(
            format!("no controller leads: {holder} has not renewed its lease for {renewed} s, so nothing gets an address"),
            CONTROLLER_PODS,
        )),
        Known::Known(Controller::Released) => findings.push(broken(
            "no controller leads: the last one gave its lease back, so nothing gets an address",
            CONTROLLER_PODS,
        )),
        Known::Known(Controller::Never) => {
            findings.push(broken("no controller has ever led, so nothing gets an address", CONTROLLER_PODS));
        }
    }
    if cluster.pods.is_ok() {
        let pods = cluster.pods_of("controller");
        let down: Vec<String> = pods
            .iter()
            .filter(|pod| !pod.is_ready())
            .map(|pod| format!("{} ({})", pod.name(), pod.trouble()))
            .collect();
        match (pods.len(), down.len()) {
            (0, _) => findings.push(broken("there is no controller pod", "kubectl apply -k deploy/")),
            (_, 0) => {}
            (total, some) if some == total => {
                findings.push(broken(
                    format!("no controller pod is ready: {}", down.join(", ")),
                    CONTROLLER_PODS,
                ));
            }
            (_, _) => findings.push(notice(
                format!("not every controller pod is ready: {}", down.join(", ")),
                CONTROLLER_PODS,
            )),
        }
    }
    findings
}

fn of_speakers(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    if cluster.pods.is_ok() {
        let pods = cluster.pods_of("speaker");
        if pods.is_empty() {
            findings.push(broken(
                "there is no speaker pod, so nobody answers for any address",
                "kubectl -n ferrolb-system get daemonset ferrolb-speaker",
            ));
        }
        for pod in pods.iter().filter(|pod| !pod.is_ready()) {
            let node = pod.spec.node_name.as_deref().unwrap_or("no node");
            findings
                .push(broken(format!("the speaker on {node} is not ready: {}", pod.trouble()), SPEAKER_PODS));
        }
        let without: Vec<&str> = cluster
            .nodes
            .iter()
            .filter_map(|node| node.metadata.name.as_deref())
            .filter(|node| pods.iter().all(|pod| pod.spec.node_name.as_deref() != Some(node)))
            .collect();
        if !without.is_empty() && !pods.is_empty() {
            findings.push(notice(
                format!("no speaker runs on {}, so these announce nothing", without.join(", ")),
                "kubectl -n ferrolb-system describe daemonset ferrolb-speaker",
            ));
        }
    }
    for state in cluster.speakers.iter().flatten() {
        let node = state.metadata.name.as_deref().unwrap_or_default();
        let Some(status) = &state.status else { continue };
        let configuration = &status.configuration;
        let look = format!("kubectl get flbspeaker {node} -o yaml");
        if !configuration.problem.is_empty() {
            findings.push(broken(
                format!("the speaker on {node} cannot use all of the plan: {}", configuration.problem),
                look.clone(),
            ));
        }
        if !status.leaving.is_empty() {
            findings.push(notice(
                format!("{node} hands over what others can answer for: it is {}", status.leaving),
                format!("kubectl uncordon {node}, or kubectl ferrolb drain {node} --undo, once it is to have VIPs again"),
            ));
        }
        if configuration.stale {
            findings.push(broken(
                format!("the speaker on {node} works from its last run's configuration: the API server has not answered it"),
                look.clone(),
            ));
        }
        findings.extend(deafness(node, status).into_iter().map(|one| broken(one.problem, one.advice)));
        for one in &status.exceptions {
            if one.kind == ferrolb_api::ExceptionKind::Duplicate {
                findings.push(broken(
                    format!(
                        "another host on the segment answers for {}, says node {node}: {}",
                        one.ip, one.reason
                    ),
                    format!("find that host and take {} from it, or exclude the address in its pool", one.ip),
                ));
            }
        }
    }
    findings
}

/// BGP sessions that are not established, as their speakers report them.
pub(super) fn of_sessions(speakers: &[SpeakerState]) -> Vec<Finding> {
    let of = |state: &SpeakerState| {
        let node = state.metadata.name.clone().unwrap_or_default();
        let sessions = state.status.iter().flat_map(|status| status.bgp.clone());
        let down = sessions.filter(|session| session.state != BgpSessionState::Established);
        down.map(|session| {
            let why = if session.last_error.is_empty() { "" } else { ": " };
            broken(
                format!(
                    "the BGP session of {node} with {} is not established, but {:?}{why}{}",
                    session.peer, session.state, session.last_error
                ),
                format!("kubectl ferrolb bgp peers {} --node {node}", session.peer),
            )
        })
        .collect::<Vec<_>>()
    };
    let mut findings: Vec<Finding> = speakers.iter().flat_map(of).collect();
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        findings.truncate(SHOWN);
        findings.push(broken(
            format!("{more} more BGP sessions are not established"),
            "kubectl ferrolb bgp peers",
        ));
    }
    findings
}

/// What could not be read, so that "all is well" would say too much.
fn of_reading(cluster: &Cluster) -> Vec<Finding> {
    let errors = [
        cluster.slices.as_ref().err(),
        cluster.speakers.as_ref().err(),
        cluster.lease.as_ref().err(),
        cluster.pods.as_ref().err(),
    ];
    let errors = errors.into_iter().flatten();
    errors
        .map(|error| notice(error.to_string(), "the permissions that are read are in docs/cli.md"))
        .collect()
}

fn of_pools(pools: &[PoolOut], chains: &[Chain]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = pools
        .iter()
        .flat_map(|pool| {
            let told = |problem: &String| {
                broken(
                    format!("pool {}: {problem}", pool.name),
                    format!("kubectl ferrolb pools {} -o wide", pool.name),
                )
            };
            pool.problems.iter().map(told)
        })
        .collect();
    if pools.is_empty() && !chains.iter().any(|chain| chain.ours) {
        findings.push(notice("there is no IPAddressPool yet", "docs/addresses.md says how to write one"));
    }
    findings
}

fn of_services(chains: &[Chain]) -> Vec<Finding> {
    let hanging: Vec<&Chain> = chains.iter().filter(|chain| chain.ours && chain.broken().is_some()).collect();
    let mut findings: Vec<Finding> = hanging
        .iter()
        .take(SHOWN)
        .filter_map(|chain| {
            let link = chain.broken()?;
            let (namespace, name) = (&chain.service.namespace, &chain.service.name);
            Some(broken(
                format!("Service {namespace}/{name} is broken at {}: {}", link.kind, link.sentence),
                format!("kubectl ferrolb explain svc/{name} -n {namespace}"),
            ))
        })
        .collect();
    if let Some(more) = hanging.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        findings.push(broken(
            format!("{more} more Services have a broken link"),
            "kubectl ferrolb explain -A --broken",
        ));
    }
    findings
}

/// Services, or sessions, told one by one.
const SHOWN: usize = 5;
