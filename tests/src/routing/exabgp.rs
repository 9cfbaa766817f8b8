//! ExaBGP's configuration and what `exabgpcli` prints.

use std::fmt::{Display, Write as _};

use anyhow::{Context, Result};
use ferrolb_lab::Router;
use ipnet::IpNet;

use super::instance::{Family, HOLD_TIME, Instance, Remote, Session};
use super::peer::SessionState;
use super::route::{self, Extended, ExtendedKind, Heard, Origin, Route, parsed};

pub(super) fn configuration(instance: &Instance) -> String {
    instance.sessions.iter().map(|session| neighbor(instance, session)).collect()
}

/// It listens only where it is told to; a session that is not passive does both.
fn neighbor(instance: &Instance, session: &Session) -> String {
    let (local, remote) = session.numbered("ExaBGP");
    assert!(!session.bfd, "ExaBGP has no BFD");
    let mut text = format!(
        "neighbor {remote} {{
  router-id {}; local-address {local}; local-as {}; peer-as {}; hold-time {HOLD_TIME}; listen 179; adj-rib-in true;
",
        instance.id, instance.asn, session.asn
    );
    for (given, line) in
        [(session.passive, "passive true;"), (session.ttl_security, "outgoing-ttl 255; incoming-ttl 255;")]
    {
        text += &if given { format!("  {line}\n") } else { String::new() };
    }
    text += &session.password.as_ref().map(|word| format!("  md5-password '{word}';\n")).unwrap_or_default();
    let restart =
        session.graceful_restart.map_or_else(|| "disable".to_owned(), |seconds| seconds.to_string());
    let next_hop = if session.extended_next_hop { "enable" } else { "disable" };
    let _ = writeln!(text, "  capability {{ graceful-restart {restart}; nexthop {next_hop}; }}");
    let family = |family: &Family| match family {
        Family::Ipv4 => "ipv4 unicast; ",
        Family::Ipv6 => "ipv6 unicast; ",
    };
    let _ = writeln!(text, "  family {{ {}}}", session.families.iter().map(family).collect::<String>());
    if session.extended_next_hop {
        text += "  nexthop { ipv4 unicast ipv6; }\n";
    }
    // It puts nothing before a path that it is given.
    let before = (session.asn != instance.asn).then_some(instance.asn);
    let routes = instance.announced.iter().map(|(prefix, route)| static_route(prefix, route, before));
    let _ = writeln!(text, "  static {{\n{}  }}\n}}", routes.collect::<String>());
    text
}

fn static_route(prefix: &IpNet, route: &Route, before: Option<u32>) -> String {
    let origin = match route.origin {
        Origin::Igp => "igp",
        Origin::Egp => "egp",
        Origin::Incomplete => "incomplete",
    };
    let path = bracketed(before.iter().chain(&route.as_path));
    let mut text = format!("    route {prefix} next-hop {} origin {origin} as-path {path}", route.next_hop);
    for (name, value) in [("med", route.med), ("local-preference", route.local_pref)] {
        text += &value.map(|value| format!(" {name} {value}")).unwrap_or_default();
    }
    if !route.communities.is_empty() {
        let communities = route.communities.iter().map(|(one, other)| format!("{one}:{other}"));
        text += &format!(" community {}", bracketed(communities));
    }
    if !route.large.is_empty() {
        let large = route.large.iter().map(|(one, two, three)| format!("{one}:{two}:{three}"));
        text += &format!(" large-community {}", bracketed(large));
    }
    if !route.extended.is_empty() {
        let extended = route.extended.iter().map(|Extended { kind, administrator, number }| {
            let kind = match kind {
                ExtendedKind::RouteTarget => "target",
                ExtendedKind::RouteOrigin => "origin",
            };
            format!("{kind}:{administrator}:{number}")
        });
        text += &format!(" extended-community {}", bracketed(extended));
    }
    text + ";\n"
}

fn bracketed(items: impl Iterator<Item = impl Display>) -> String {
    format!("[ {}]", items.map(|item| format!("{item} ")).collect::<String>())
}

pub(super) fn heard(router: &Router) -> Result<Vec<Heard>> {
    let shown = router.control(&["show", "adj-rib", "in", "extensive"])?;
    let routes = shown.lines().filter(|line| line.starts_with("neighbor "));
    routes.map(|line| read(line).with_context(|| format!("in {line:?}"))).collect()
}

/// `neighbor 192.0.2.201 … ipv4 unicast 203.0.113.0/25 next-hop 192.0.2.99 origin egp as-path [ 64496 64497 ] …`: names and values
/// with a space between, several values in brackets.
fn read(line: &str) -> Result<Heard> {
    let mut words = line.split_whitespace();
    let from = words.nth(1).context("no neighbour")?.to_owned();
    let mut words = words.skip_while(|word| *word != "unicast").skip(1).peekable();
    let prefix = parsed(words.next().unwrap_or_default(), "prefix")?;
    let mut attributes = Vec::new();
    while let Some(name) = words.next() {
        let mut values = vec![words.next().with_context(|| format!("{name} has no value"))?];
        if values == ["["] {
            values = words.by_ref().take_while(|word| *word != "]").collect();
        }
        attributes.push((name, values));
    }
    let values = |name: &str| {
        let found = attributes.iter().find(|(own, _)| *own == name);
        found.map(|(_, values)| values.as_slice()).unwrap_or_default()
    };
    let number = |name: &str| values(name).first().map(|value| parsed::<u32>(value, name)).transpose();
    let next_hop = values("next-hop").first().context("no next hop")?;
    let mut route = Route::to(parsed(next_hop, "next hop")?);
    route.origin = Origin::parse(values("origin").first().context("no origin")?)?;
    route.as_path = route::as_path(&values("as-path").join(" "))?;
    route.med = number("med")?;
    route.local_pref = number("local-preference")?;
    route.communities =
        values("community").iter().map(|word| route::community(word)).collect::<Result<_>>()?;
    route.large = values("large-community").iter().map(|word| route::large(word)).collect::<Result<_>>()?;
    let extended = values("extended-community").iter().map(|word| {
        let (kind, numbers) = word.split_once(':').with_context(|| format!("{word:?} is no community"))?;
        route::extended(kind, numbers)
    });
    route.extended = extended.collect::<Result<_>>()?;
    Ok(Heard { prefix, from, route })
}

/// `show neighbor extensive` has a paragraph for each neighbour.
pub(super) fn session_state(router: &Router, remote: &Remote) -> Result<SessionState> {
    let shown = router.control(&["show", "neighbor", "extensive"])?;
    let title = format!("Neighbor {}", remote.name());
    let lines = shown.lines().skip_while(|line| line.trim() != title).skip(1);
    let mut own = lines.take_while(|line| !line.starts_with("Neighbor "));
    let state = own.find_map(|line| line.trim().strip_prefix("state "));
    Ok(SessionState::parse(state.unwrap_or_default().trim()))
}
