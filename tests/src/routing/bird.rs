//! BIRD's configuration and what `birdc` prints.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use ferrolb_lab::Router;
use ipnet::IpNet;

use super::instance::{Family, HOLD_TIME, Instance, Remote, Session};
use super::peer::SessionState;
use super::route::{self, Extended, ExtendedKind, Heard, Origin, Route, parsed};

/// Sessions are called `s0`, `s1`, … in their order. A MED that a route has before it is exported does not leave the AS, so that the
/// one to be sent has a name of its own until then.
pub(super) fn configuration(instance: &Instance) -> String {
    let mut text = format!(
        "log stderr all;
router id {};
attribute int sent_med;
filter announced {{
  if source != RTS_STATIC then reject;
  if defined(sent_med) then bgp_med = sent_med;
  accept;
}}
protocol device {{}}
protocol direct {{ ipv4; ipv6; }}
protocol bfd {{ interface \"*\" {{ interval 300 ms; multiplier 3; }}; }}
",
        instance.id
    );
    for family in [Family::Ipv4, Family::Ipv6] {
        text += &announced(instance, family);
    }
    for (number, session) in instance.sessions.iter().enumerate() {
        text += &protocol(instance, number, session);
    }
    text
}

fn announced(instance: &Instance, family: Family) -> String {
    let name = channel(family);
    let routes = instance.announced.iter().filter(|(prefix, _)| family_of(prefix) == family);
    let routes: String = routes.map(|(prefix, route)| static_route(prefix, route)).collect();
    format!("protocol static announced_{name} {{\n  {name};\n{routes}}}\n")
}

fn static_route(prefix: &IpNet, route: &Route) -> String {
    let origin = match route.origin {
        Origin::Igp => "IGP",
        Origin::Egp => "EGP",
        Origin::Incomplete => "INCOMPLETE",
    };
    let mut set = format!("bgp_next_hop = {}; bgp_origin = ORIGIN_{origin}; ", route.next_hop);
    for asn in route.as_path.iter().rev() {
        set += &format!("bgp_path.prepend({asn}); ");
    }
    for (name, value) in [("sent_med", route.med), ("bgp_local_pref", route.local_pref)] {
        set += &value.map(|value| format!("{name} = {value}; ")).unwrap_or_default();
    }
    for (one, other) in &route.communities {
        set += &format!("bgp_community.add(({one}, {other})); ");
    }
    for Extended { kind, administrator, number } in &route.extended {
        let kind = match kind {
            ExtendedKind::RouteTarget => "rt",
            ExtendedKind::RouteOrigin => "ro",
        };
        set += &format!("bgp_ext_community.add(({kind}, {administrator}, {number})); ");
    }
    for (one, two, three) in &route.large {
        set += &format!("bgp_large_community.add(({one}, {two}, {three})); ");
    }
    format!("  route {prefix} blackhole {{ {set}}};\n")
}

fn protocol(instance: &Instance, number: usize, session: &Session) -> String {
    let asn = instance.asn;
    let ends = match &session.remote {
        Remote::Numbered { local, remote } => format!("local {local} as {asn}; neighbor {remote}"),
        Remote::LinkLocal { remote, interface } => {
            format!("local as {asn}; neighbor {remote}%'{interface}'")
        }
        Remote::Unnumbered { .. } => panic!("BIRD wants to know its neighbour's address"),
    };
    // Where an address is not on a segment of its own, BIRD takes a session inside an AS for a multihop one.
    let mut text = format!(
        "protocol bgp s{number} {{
  {ends} as {};
  direct;
  hold time {HOLD_TIME};
  connect retry time 1; connect delay time 1; error wait time 1, 2;
",
        session.asn
    );
    for (given, line) in [
        (session.passive, "passive yes"),
        (session.ttl_security, "ttl security yes"),
        (session.bfd, "bfd yes"),
    ] {
        text += &if given { format!("  {line};\n") } else { String::new() };
    }
    text += &session.password.as_ref().map(|word| format!("  password \"{word}\";\n")).unwrap_or_default();
    match session.graceful_restart {
        Some(seconds) => {
            text += &format!("  graceful restart yes; graceful restart time {seconds};\n");
        }
        None => text += "  graceful restart no;\n",
    }
    for family in &session.families {
        let name = channel(*family);
        let extended =
            if session.extended_next_hop && *family == Family::Ipv4 { "extended next hop yes; " } else { "" };
        let _ =
            writeln!(text, "  {name} {{ import all; export filter announced; next hop keep; {extended}}};");
    }
    text += "}\n";
    if let Remote::LinkLocal { interface, .. } = &session.remote {
        // By its advertisements the other side learns its address.
        text += &format!("protocol radv {{ interface \"{interface}\" {{ max ra interval 4; }}; }}\n");
    }
    text
}

fn channel(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

fn family_of(prefix: &IpNet) -> Family {
    match prefix {
        IpNet::V4(_) => Family::Ipv4,
        IpNet::V6(_) => Family::Ipv6,
    }
}

pub(super) fn heard(router: &Router, instance: &Instance) -> Result<Vec<Heard>> {
    parse(&router.control(&["show", "route", "all"])?, instance)
}

/// A path begins with a line such as `203.0.113.0/25  unicast [s0 22:15:38 from 192.0.2.201] * (100) [AS64497e]`, whose prefix is left
/// out for a second path to it; its attributes follow with a tab before each.
fn parse(text: &str, instance: &Instance) -> Result<Vec<Heard>> {
    let mut heard = Vec::new();
    let mut prefix = None;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((before, after)) = line.split_once('[').filter(|_| !line.starts_with('\t')) else {
            continue;
        };
        let mut words = before.split_whitespace();
        if !line.starts_with(' ') {
            prefix = Some(parsed(words.next().unwrap_or_default(), "prefix")?);
        }
        let mut attributes = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
            attributes.extend(line.trim().strip_prefix("BGP.").and_then(|line| line.split_once(':')));
        }
        let protocol = after.split_whitespace().next().unwrap_or_default();
        let session = protocol.strip_prefix('s').and_then(|number| number.parse::<usize>().ok());
        if let Some(session) = session.and_then(|number| instance.sessions.get(number)) {
            let prefix = prefix.context("a path without a prefix")?;
            heard.push(Heard { prefix, from: session.remote.name(), route: read(&attributes)? });
        }
    }
    Ok(heard)
}

fn read(attributes: &[(&str, &str)]) -> Result<Route> {
    let value = |name: &str| attributes.iter().find(|(own, _)| *own == name).map(|(_, value)| value.trim());
    let hops = value("next_hop").context("a route without a next hop")?;
    let mut route = Route::to(parsed(hops.split_whitespace().next().unwrap_or_default(), "next hop")?);
    route.origin = Origin::parse(value("origin").context("a route without an origin")?)?;
    route.as_path = route::as_path(value("as_path").unwrap_or_default())?;
    route.med = value("med").map(|med| parsed(med, "MED")).transpose()?;
    route.local_pref = value("local_pref").map(|value| parsed(value, "preference")).transpose()?;
    route.communities = tuples(value("community"), |parts| route::community(&parts.join(":")))?;
    route.large = tuples(value("large_community"), |parts| route::large(&parts.join(":")))?;
    route.extended = tuples(value("ext_community"), |parts| match parts {
        [kind, numbers @ ..] => route::extended(kind, &numbers.join(":")),
        [] => bail!("an empty extended community"),
    })?;
    Ok(route)
}

/// `(64496,1) (65535,0)`.
fn tuples<T: Ord>(
    text: Option<&str>,
    read: impl Fn(&[&str]) -> Result<T>,
) -> Result<std::collections::BTreeSet<T>> {
    let tuples = text.unwrap_or_default().split('(').skip(1).map(|tuple| tuple.trim().trim_end_matches(')'));
    tuples.map(|tuple| read(&tuple.split(',').map(str::trim).collect::<Vec<_>>())).collect()
}

pub(super) fn session_state(router: &Router, instance: &Instance, remote: &Remote) -> Result<SessionState> {
    let number = instance.sessions.iter().position(|session| session.remote == *remote);
    let name = format!("s{}", number.context("BIRD has no such session")?);
    let shown = router.control(&["show", "protocols", "all", &name])?;
    let state = shown.lines().find_map(|line| line.trim().strip_prefix("BGP state:"));
    Ok(SessionState::parse(state.unwrap_or_default().trim()))
}

pub(super) fn bfd_is_up(router: &Router, remote: &Remote) -> Result<bool> {
    let (shown, name) = (router.control(&["show", "bfd", "sessions"])?, remote.name());
    let words = shown.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    Ok(words.into_iter().any(|words| words.first() == Some(&name.as_str()) && words.get(2) == Some(&"Up")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_path_has_its_prefix_from_the_first() {
        let session = |last| Session::new([192, 0, 2, 1], [192, 0, 2, last], 64513);
        let instance = Instance::new(64512, [192, 0, 2, 1].into(), &[session(2), session(3)]);
        let path = |next_hop| {
            format!("\tBGP.origin: IGP\n\tBGP.as_path: 64513\n\tBGP.next_hop: {next_hop} fe80::1\n")
        };
        let text = format!(
            "Table master4:\n192.0.2.0/24  unicast [direct1 22:15:33.110] * (240)\n\tdev eth0\n\
             203.0.113.1/32 unicast [s0 22:15] * (100) [AS64513i]\n{}               unicast [s1 22:15] (100) [AS64513i]\n{}",
            path("192.0.2.2"),
            path("192.0.2.3")
        );
        let heard = parse(&text, &instance).unwrap();
        let ends: Vec<_> =
            heard.iter().map(|heard| (heard.from.as_str(), heard.route.next_hop.to_string())).collect();
        assert_eq!(ends, [("192.0.2.2", "192.0.2.2".to_owned()), ("192.0.2.3", "192.0.2.3".to_owned())]);
        assert!(heard.iter().all(|heard| heard.prefix.to_string() == "203.0.113.1/32"));
    }
}
