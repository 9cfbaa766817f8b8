//! FRR's configuration and what `vtysh` prints.

use anyhow::{Context, Result};
use ferrolb_lab::Router;
use serde_json::Value;

use super::instance::{Family, HOLD_TIME, Instance, Remote, Session};
use super::json::{self, list, text};
use super::peer::SessionState;
use super::route::{self, Heard, Origin, Route, parsed};

pub(super) fn configuration(instance: &Instance) -> String {
    instance.announces_nothing("FRR");
    let mut lines = vec![
        format!("router bgp {}", instance.asn),
        format!("bgp router-id {}", instance.id),
        // RFC 8212 would have it take nothing without a policy.
        "no bgp ebgp-requires-policy".into(),
        "no bgp default ipv4-unicast".into(),
    ];
    let restart = instance.sessions.iter().find_map(|session| session.graceful_restart);
    if let Some(seconds) = restart {
        lines.extend(["bgp graceful-restart".into(), format!("bgp graceful-restart restart-time {seconds}")]);
    }
    instance.sessions.iter().for_each(|session| lines.extend(neighbor(session)));
    for (family, name) in [(Family::Ipv4, "ipv4"), (Family::Ipv6, "ipv6")] {
        lines.push(format!("address-family {name} unicast"));
        let active = instance.sessions.iter().filter(|session| session.has(family));
        lines.extend(active.map(|session| format!("neighbor {} activate", session.remote.name())));
        lines.push("exit-address-family".into());
    }
    // BFD of all sessions with the same intervals; 300 ms × 3 is what it does by itself.
    lines.join("\n") + "\nexit\n"
}

fn neighbor(session: &Session) -> Vec<String> {
    let name = session.remote.name();
    let mut options = match &session.remote {
        Remote::Numbered { local, .. } => {
            vec![format!("remote-as {}", session.asn), format!("update-source {local}")]
        }
        Remote::Unnumbered { .. } => vec![format!("interface remote-as {}", session.asn)],
        Remote::LinkLocal { .. } => panic!("FRR learns link-local addresses by itself: take Unnumbered"),
    };
    options.push(format!("timers {} {HOLD_TIME}", HOLD_TIME / 3));
    options.push("timers connect 1".into());
    options.extend(session.password.as_ref().map(|word| format!("password {word}")));
    let given = [
        (session.passive, "passive"),
        (session.ttl_security, "ttl-security hops 1"),
        (session.bfd, "bfd"),
        (session.graceful_restart.is_none(), "graceful-restart-disable"),
        (session.extended_next_hop, "capability extended-nexthop"),
    ];
    options.extend(given.into_iter().filter(|(given, _)| *given).map(|(_, option)| option.to_owned()));
    options.into_iter().map(|option| format!("neighbor {name} {option}")).collect()
}

pub(super) fn heard(router: &Router) -> Result<Vec<Heard>> {
    let mut heard = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let shown = router.control(&[&format!("show bgp {family} unicast json detail")])?;
        let shown = json::parse(&shown)?;
        for (prefix, paths) in shown["routes"].as_object().into_iter().flatten() {
            // The first element says what all paths have in common.
            for path in list(paths).filter(|path| path.get("peer").is_some()) {
                let peer = &path["peer"];
                let from = text(peer, "interface").or_else(|_| text(peer, "peerId"))?;
                heard.push(Heard {
                    prefix: parsed(prefix, "prefix")?,
                    from: from.to_owned(),
                    route: read(path)?,
                });
            }
        }
    }
    Ok(heard)
}

fn read(path: &Value) -> Result<Route> {
    let hops: Vec<&Value> = list(&path["nexthops"]).collect();
    let used = hops.iter().find(|hop| hop["scope"] != "link-local").or_else(|| hops.first());
    let mut route = Route::to(parsed(text(used.context("a path without a next hop")?, "ip")?, "next hop")?);
    route.origin = Origin::parse(text(path, "origin")?)?;
    for segment in list(&path["aspath"]["segments"]) {
        anyhow::ensure!(segment["type"] == "as-sequence", "{segment} is no sequence");
        route.as_path.extend(list(&segment["list"]).map(json::number).collect::<Result<Vec<_>>>()?);
    }
    route.med = path.get("metric").map(json::number).transpose()?;
    route.local_pref = path.get("locPrf").map(json::number).transpose()?;
    let words = |name: &str| path[name]["string"].as_str().unwrap_or_default().split_whitespace();
    route.communities = words("community").map(route::community).collect::<Result<_>>()?;
    route.large = words("largeCommunity").map(route::large).collect::<Result<_>>()?;
    // `LB:64512:1000000 (8.000 Mbps)`, which shows in the weights of the kernel's ways.
    let is_bandwidth = |word: &&str| word.starts_with("LB:") || word.starts_with('(') || word.ends_with(')');
    let extended = words("extendedCommunity").filter(|word| !is_bandwidth(word)).map(|word| {
        let (kind, numbers) = word.split_once(':').with_context(|| format!("{word:?} is no community"))?;
        route::extended(kind, numbers)
    });
    route.extended = extended.collect::<Result<_>>()?;
    Ok(route)
}

pub(super) fn session_state(router: &Router, remote: &Remote) -> Result<SessionState> {
    let name = remote.name();
    let shown = json::parse(&router.control(&[&format!("show bgp neighbors {name} json")])?)?;
    Ok(SessionState::parse(text(&shown[&name], "bgpState")?))
}

pub(super) fn sessions_begun(router: &Router, remote: &Remote) -> Result<u64> {
    let name = remote.name();
    let shown = json::parse(&router.control(&[&format!("show bgp neighbors {name} json")])?)?;
    shown[&name]["connectionsEstablished"].as_u64().with_context(|| format!("no number for {name}"))
}

pub(super) fn bfd_is_up(router: &Router, remote: &Remote) -> Result<bool> {
    let (shown, name) = (json::parse(&router.control(&["show bfd peers json"])?)?, remote.name());
    Ok(list(&shown).any(|peer| peer["peer"] == name.as_str() && peer["status"] == "up"))
}
