//! GoBGP's configuration and what `gobgp` prints.

use anyhow::{Context, Result, bail, ensure};
use ferrolb_lab::Router;
use serde_json::{Value, json};

use super::instance::{Family, HOLD_TIME, Instance, Remote, Session};
use super::json::{list, number, parse, text};
use super::peer::SessionState;
use super::route::{self, Extended, ExtendedKind, Heard, Origin, Route, parsed};

/// JSON is YAML, and needs no care for indentation.
pub(super) fn configuration(instance: &Instance) -> String {
    instance.announces_nothing("GoBGP");
    let neighbors: Vec<Value> = instance.sessions.iter().map(neighbor).collect();
    json!({
        "global": {"config": {"as": instance.asn, "router-id": instance.id}},
        "neighbors": neighbors,
    })
    .to_string()
}

fn neighbor(session: &Session) -> Value {
    let (local, remote) = session.numbered("GoBGP");
    assert!(!session.bfd, "GoBGP has no BFD");
    let restart = json!({"config": {"enabled": session.graceful_restart.is_some()}});
    let family = |family: &Family| {
        let name = match family {
            Family::Ipv4 => "ipv4-unicast",
            Family::Ipv6 => "ipv6-unicast",
        };
        json!({"config": {"afi-safi-name": name}, "mp-graceful-restart": restart})
    };
    let families: Vec<Value> = session.families.iter().map(family).collect();
    let mut neighbor = json!({
        "config": {"neighbor-address": remote, "peer-as": session.asn, "auth-password": session.password.as_deref().unwrap_or_default()},
        "transport": {"config": {"passive-mode": session.passive, "local-address": local}},
        "timers": {"config": {
            "hold-time": HOLD_TIME, "keepalive-interval": HOLD_TIME / 3, "connect-retry": 1, "idle-hold-time-after-reset": 1,
        }},
        "afi-safis": families,
    });
    if session.ttl_security {
        neighbor["ttl-security"] = json!({"config": {"enabled": true, "ttl-min": 255}});
    }
    if let Some(seconds) = session.graceful_restart {
        neighbor["graceful-restart"] = json!({"config": {"enabled": true, "restart-time": seconds}});
    }
    neighbor
}

pub(super) fn heard(router: &Router) -> Result<Vec<Heard>> {
    let mut heard = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let shown = parse(&router.control(&["-j", "global", "rib", "-a", family])?)?;
        for (prefix, paths) in shown.as_object().into_iter().flatten() {
            for path in list(paths) {
                let from = text(path, "neighbor-ip")?.to_owned();
                heard.push(Heard { prefix: parsed(prefix, "prefix")?, from, route: read(path)? });
            }
        }
    }
    Ok(heard)
}

/// Attributes are listed by the numbers of their types.
fn read(path: &Value) -> Result<Route> {
    let attribute = |kind: u32| list(&path["attrs"]).find(|attribute| attribute["type"] == kind);
    let next_hop = attribute(14).or_else(|| attribute(3)).context("a path without a next hop")?;
    let mut route = Route::to(parsed(text(next_hop, "nexthop")?, "next hop")?);
    route.origin = match attribute(1).map(|origin| number(&origin["value"])).transpose()? {
        Some(0) => Origin::Igp,
        Some(1) => Origin::Egp,
        Some(2) => Origin::Incomplete,
        other => bail!("{other:?} is no origin"),
    };
    for segment in attribute(2).into_iter().flat_map(|path| list(&path["as_paths"])) {
        ensure!(segment["segment_type"] == 2, "{segment} is no sequence");
        route.as_path.extend(list(&segment["asns"]).map(number).collect::<Result<Vec<_>>>()?);
    }
    route.med = attribute(4).map(|med| number(&med["metric"])).transpose()?;
    route.local_pref = attribute(5).map(|preference| number(&preference["value"])).transpose()?;
    for community in attribute(8).into_iter().flat_map(|attribute| list(&attribute["communities"])) {
        let [a, b, c, d] = number(community)?.to_be_bytes();
        route.communities.insert((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])));
    }
    for extended in attribute(16).into_iter().flat_map(|attribute| list(&attribute["value"])) {
        route.extended.insert(extended_community(extended)?);
    }
    for large in attribute(32).into_iter().flat_map(|attribute| list(&attribute["value"])) {
        let part = |name: &str| number(&large[name]);
        route.large.insert((part("ASN")?, part("LocalData1")?, part("LocalData2")?));
    }
    Ok(route)
}

/// Types 0 and 2 have AS numbers of two and four bytes (RFC 4360 §3.1, 5668).
fn extended_community(value: &Value) -> Result<Extended> {
    ensure!(value["type"] == 0 || value["type"] == 2, "{value} has no AS number");
    let kind = match number(&value["subtype"])? {
        2 => ExtendedKind::RouteTarget,
        3 => ExtendedKind::RouteOrigin,
        other => bail!("{other} is no subtype that is known here"),
    };
    Ok(Extended { kind, ..route::extended("rt", text(value, "value")?)? })
}

pub(super) fn session_state(router: &Router, remote: &Remote) -> Result<SessionState> {
    let shown = parse(&router.control(&["-j", "neighbor"])?)?;
    let name = remote.name();
    let neighbor = list(&shown).find(|neighbor| neighbor["conf"]["neighbor_address"] == name.as_str());
    let state = &neighbor.context("GoBGP has no such session")?["state"]["session_state"];
    Ok(match state.as_u64() {
        Some(2) => SessionState::Connect,
        Some(3) => SessionState::Active,
        Some(4) => SessionState::OpenSent,
        Some(5) => SessionState::OpenConfirm,
        Some(6) => SessionState::Established,
        None | Some(_) => SessionState::Idle,
    })
}
