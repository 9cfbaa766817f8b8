//! OpenBGPD's configuration and what `bgpctl` prints.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use ferrolb_lab::Router;
use serde_json::Value;

use super::instance::{Family, HOLD_TIME, Instance, Remote, Session};
use super::json::{list, number, parse, text};
use super::peer::SessionState;
use super::route::{self, Heard, Origin, Route, parsed};

/// It takes and sends nothing unless a filter lets it, and knows no routes of a Linux kernel.
pub(super) fn configuration(instance: &Instance) -> String {
    instance.announces_nothing("OpenBGPD");
    let mut text = format!(
        "AS {}
router-id {}
fib-update no
connect-retry 1
listen on 0.0.0.0
listen on ::
allow from any
allow to any
",
        instance.asn, instance.id
    );
    instance.sessions.iter().for_each(|session| text += &neighbor(session));
    text
}

fn neighbor(session: &Session) -> String {
    let (local, remote) = session.numbered("OpenBGPD");
    assert!(!session.bfd && !session.extended_next_hop, "OpenBGPD 7.7 has neither BFD nor RFC 8950");
    let mut text = format!(
        "neighbor {remote} {{\n remote-as {}\n local-address {local}\n holdtime {HOLD_TIME}\n",
        session.asn
    );
    for (family, name) in [(Family::Ipv4, "IPv4 unicast"), (Family::Ipv6, "IPv6 unicast")] {
        let _ = writeln!(text, " announce {name}{}", if session.has(family) { "" } else { " none" });
    }
    let restart = if session.graceful_restart.is_some() { "yes" } else { "no" };
    let _ = writeln!(text, " announce restart {restart}");
    for (given, line) in [(session.passive, "passive"), (session.ttl_security, "ttl-security yes")] {
        text += &if given { format!(" {line}\n") } else { String::new() };
    }
    text += &session
        .password
        .as_ref()
        .map(|word| format!(" tcp md5sig password \"{word}\"\n"))
        .unwrap_or_default();
    text + "}\n"
}

pub(super) fn heard(router: &Router) -> Result<Vec<Heard>> {
    let shown = parse(&router.control(&["-j", "show", "rib", "detail"])?)?;
    let path = |path: &Value| {
        let prefix = parsed(text(path, "prefix")?, "prefix")?;
        Ok(Heard { prefix, from: text(&path["neighbor"], "remote_addr")?.to_owned(), route: read(path)? })
    };
    list(&shown["rib"]).map(path).collect()
}

fn read(path: &Value) -> Result<Route> {
    let mut route = Route::to(parsed(text(path, "exit_nexthop")?, "next hop")?);
    route.origin = Origin::parse(text(path, "origin")?)?;
    route.as_path = route::as_path(text(path, "aspath")?)?;
    // It does not tell a MED of 0 from none.
    route.med = Some(number(&path["metric"])?).filter(|med| *med != 0);
    route.local_pref = Some(number(&path["localpref"])?);
    let words = |name: &str| list(&path[name]).filter_map(Value::as_str);
    route.communities = words("communities").map(route::community).collect::<Result<_>>()?;
    route.large = words("large_communities").map(route::large).collect::<Result<_>>()?;
    let extended = words("extended_communities").map(|words| {
        let (kind, numbers) = words.split_once(' ').with_context(|| format!("{words:?} is no community"))?;
        route::extended(kind, numbers)
    });
    route.extended = extended.collect::<Result<_>>()?;
    Ok(route)
}

pub(super) fn session_state(router: &Router, remote: &Remote) -> Result<SessionState> {
    let shown = parse(&router.control(&["-j", "show", "neighbor", &remote.name()])?)?;
    let neighbor = list(&shown["neighbors"]).next().context("OpenBGPD has no such session")?;
    Ok(SessionState::parse(text(neighbor, "state")?))
}
