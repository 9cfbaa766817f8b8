//! From what this node should do with a peer to what the thread has to know of it. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;

use ferrolb_bfd::{self as bfd, Path, Profile};
use ferrolb_bgp::policy::NextHopSettings;
use ferrolb_bgp::session::{GracefulSettings, Opening, PeerAs, Settings};
use ferrolb_bgp::{Families, RouterId};
use ferrolb_config::bgp::{PeerAsn, PeerAt};
use ferrolb_model::Family;

use super::message::{PeerSetup, Remote, Routers};
use crate::bgp::PeerPlan;
use crate::interfaces::{LinkLocal, Usable};
use crate::sys::tcp::{Hops, Password};

/// What of the node a setup depends on.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The node's name.
    pub node: &'a str,
    /// Its interfaces that VIPs can live on.
    pub usable: &'a [Usable],
    /// Those at whose other end a router without an address may be.
    pub links: &'a [LinkLocal],
    /// The routers that advertise themselves on these.
    pub routers: &'a Routers,
    /// The passwords that are known by the name of their Secret, or why one is of no use.
    pub passwords: &'a BTreeMap<String, Result<Password, String>>,
}

/// The setup of a peer.
///
/// # Errors
/// What is waited for, in words.
pub fn setup(name: &str, plan: &PeerPlan, around: &Surroundings<'_>) -> Result<PeerSetup, String> {
    let PeerPlan { peer, my_asn, bfd: _ } = plan;
    let remote = remote(&peer.at, around)?;
    let password = peer.password_secret.as_ref().map(|secret| password(secret, around)).transpose()?;
    let local_as = peer.local_asn.unwrap_or(*my_asn);
    let peer_as = match peer.peer_asn {
        PeerAsn::Asn(asn) => PeerAs::Number(asn),
        PeerAsn::Internal => PeerAs::Internal,
        PeerAsn::External => PeerAs::External,
    };
    let internal = match peer_as {
        PeerAs::Number(asn) => asn == local_as,
        PeerAs::Internal => true,
        PeerAs::External | PeerAs::Any => false,
    };
    let unnumbered = matches!(peer.at, PeerAt::Interface(_));
    let hops = match peer.ttl_security {
        Some(hops) => Hops::Within(hops),
        None if unnumbered => Hops::Link,
        None if internal || peer.multi_hop => Hops::Any,
        None => Hops::One,
    };
    let own_family = match remote.address {
        IpAddr::V4(_) => ferrolb_bgp::Family::Ipv4Unicast,
        IpAddr::V6(_) => ferrolb_bgp::Family::Ipv6Unicast,
    };
    let both: Families = ferrolb_bgp::Family::ALL.into_iter().collect();
    // A link-local address says nothing of what the network behind it carries.
    let dual_stack = peer.dual_stack || unnumbered;
    let settings = Settings {
        hold_time: peer.hold_time,
        keepalive: peer.keepalive_time,
        connect_time: peer.connect_time.unwrap_or(Settings::DEFAULT_CONNECT_TIME),
        opening: if peer.passive { Opening::Passive } else { Opening::Active },
        families: if dual_stack { both } else { std::iter::once(own_family).collect() },
        extended_next_hop: dual_stack && remote.address.is_ipv6(),
        graceful_restart: peer.graceful_restart.map(|restart_time| GracefulSettings { restart_time }),
        next_hops: NextHopSettings { ipv4: peer.next_hop_v4, ipv6: peer.next_hop_v6 },
        ..Settings::new(local_as, peer_as, peer.router_id.unwrap_or_else(|| router_id(around)))
    };
    Ok(PeerSetup {
        name: Arc::from(name),
        remote,
        port: peer.port,
        source: peer.source,
        password,
        hops,
        settings,
    })
}

/// How BFD watches the path to a peer, if the configuration asks for it: over one hop where the peer is on a network of this
/// node's and nothing says that it need not be, as routers do it, too.
pub fn watch(plan: &PeerPlan, setup: &PeerSetup, around: &Surroundings<'_>) -> Option<(Path, Profile)> {
    let bfd = plan.bfd?;
    let Remote { address, link } = &setup.remote;
    let networks = || around.usable.iter().flat_map(|one| &one.interface.addresses);
    let near = match setup.hops {
        Hops::One | Hops::Link | Hops::Within(1) => true,
        Hops::Within(_) => false,
        Hops::Any => !plan.peer.multi_hop && networks().any(|network| network.contains(address)),
    };
    let hops = if link.is_some() || near { bfd::Hops::Single } else { bfd::Hops::Multi };
    let interface = link.as_ref().and_then(|(index, _)| NonZeroU32::new(*index));
    // Neither can fail: the configuration takes addresses of hosts only, and the profile's numbers have narrower bounds there.
    let path = Path::new(hops, *address, setup.source, interface).ok()?;
    let profile = Profile::new(bfd.transmit, bfd.receive, bfd.multiplier).ok()?;
    Some((path, profile.passive(bfd.passive).minimum_ttl(bfd.minimum_ttl)))
}

fn remote(at: &PeerAt, around: &Surroundings<'_>) -> Result<Remote, String> {
    match at {
        PeerAt::Address(address) => Ok(Remote { address: *address, link: None }),
        PeerAt::DefaultGateway(family) => {
            let v4 = *family == Family::V4;
            let leads_out = |one: &&Usable| if v4 { one.default_v4 } else { one.default_v6 };
            let interface = around.usable.iter().find(leads_out).map(|one| &one.interface);
            let gateway = interface.and_then(|interface| {
                let address = interface.gateways.iter().find(|gateway| gateway.is_ipv4() == v4)?;
                let link = is_link_local(*address).then(|| (interface.index, interface.name.as_str().into()));
                Some(Remote { address: *address, link })
            });
            let family = if v4 { "IPv4" } else { "IPv6" };
            gateway.ok_or_else(|| format!("the node has no {family} default route with a gateway"))
        }
        PeerAt::Interface(interface) => {
            let link = around.links.iter().find(|link| link.name == *interface).ok_or_else(|| {
                format!("the node has no interface {interface} with a carrier and a link-local IPv6 address")
            })?;
            if let Some(problem) = &around.routers.problem {
                return Err(problem.clone());
            }
            let router = around.routers.heard.get(&link.index);
            let address = *router.ok_or_else(|| format!("no router advertises itself on {interface}"))?;
            Ok(Remote { address: address.into(), link: Some((link.index, link.name.as_str().into())) })
        }
    }
}

fn password(secret: &str, around: &Surroundings<'_>) -> Result<Password, String> {
    match around.passwords.get(secret) {
        Some(Ok(password)) => Ok(password.clone()),
        Some(Err(problem)) => Err(format!("the Secret {secret} cannot be used: {problem}")),
        None => Err(format!("there is no Secret {secret} in FerroLB's namespace, or it was not read yet")),
    }
}

/// The node's own IPv4 address, that of the default route before others; without any a number made of its name.
fn router_id(around: &Surroundings<'_>) -> RouterId {
    let mut interfaces: Vec<&Usable> = around.usable.iter().collect();
    interfaces.sort_by_key(|one| (!one.default_v4, one.interface.index));
    let addresses = interfaces.iter().flat_map(|one| &one.interface.addresses);
    let own = addresses.filter_map(|network| match network.addr() {
        IpAddr::V4(address) => {
            Some(address).filter(|address| !address.is_link_local() && !address.is_loopback())
        }
        IpAddr::V6(_) => None,
    });
    own.into_iter().find_map(RouterId::new).unwrap_or_else(|| made_of(around.node))
}

/// FNV-1a: the same on every run, and different for most names.
fn made_of(name: &str) -> RouterId {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let first = Ipv4Addr::new(0, 0, 0, 1);
    RouterId::new(Ipv4Addr::from(hash)).or_else(|| RouterId::new(first)).expect("it is not zero")
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::BGPPeer;
    use ferrolb_ownership::{Interface, Mac};

    use super::*;

    fn usable(gateways: &[&str]) -> Usable {
        let interface = Interface {
            index: 2,
            name: "eth0".into(),
            mac: Mac([2; 6]),
            addresses: vec!["2001:db8::11/64".parse().unwrap(), "192.0.2.11/24".parse().unwrap()],
            gateways: gateways.iter().map(|gateway| gateway.parse().unwrap()).collect(),
            carrier: true,
        };
        Usable { interface, default_v4: true, default_v6: true }
    }

    fn plan(spec: &str) -> PeerPlan {
        let object: BGPPeer = serde_json::from_str(&format!(
            r#"{{"apiVersion":"ferrolb.io/v1beta1","kind":"BGPPeer","metadata":{{"name":"tor"}},"spec":{spec}}}"#
        ))
        .unwrap();
        let peer = ferrolb_config::bgp::peer(&object).unwrap();
        let my_asn = peer.asn_of(&ferrolb_model::Labels::default()).unwrap();
        PeerPlan { peer, my_asn, bfd: None }
    }

    fn set_up(spec: &str, usable: &[Usable]) -> Result<PeerSetup, String> {
        set_up_beside(spec, usable, &Routers::default())
    }

    fn set_up_beside(spec: &str, usable: &[Usable], routers: &Routers) -> Result<PeerSetup, String> {
        let passwords = BTreeMap::from([
            ("good".to_owned(), Password::new(b"secret").map_err(|error| error.to_string())),
            ("bad".to_owned(), Err("the password is empty".to_owned())),
        ]);
        let addresses = vec!["fe80::a".parse().unwrap()];
        let links = [LinkLocal { index: 7, name: "eth1".into(), mac: Mac([2; 6]), addresses }];
        let around = Surroundings { node: "node-a", usable, links: &links, routers, passwords: &passwords };
        setup("tor", &plan(spec), &around)
    }

    #[test]
    fn hops_follow_from_what_the_peer_is() {
        let hops = |more: &str, theirs: u32| {
            let spec = format!(r#"{{"myASN":64500,"peerASN":{theirs},"peerAddress":"192.0.2.1"{more}}}"#);
            set_up(&spec, &[]).unwrap().hops
        };
        assert_eq!(hops("", 64501), Hops::One);
        assert_eq!(hops("", 64500), Hops::Any, "an internal peer may be anywhere");
        assert_eq!(hops(r#","ebgpMultiHop":true"#, 64501), Hops::Any);
        assert_eq!(hops(r#","ttlSecurity":1"#, 64501), Hops::Within(1));
    }

    #[test]
    fn the_gateway_is_the_peer_with_its_link_where_it_needs_one() {
        let at = |family: &str, gateways: &[&str]| {
            let spec = format!(r#"{{"myASN":64500,"peerASN":64501,"defaultGateway":"{family}"}}"#);
            set_up(&spec, &[usable(gateways)]).map(|setup| setup.remote.to_string())
        };
        assert_eq!(at("IPv4", &["192.0.2.1", "fe80::1"]).unwrap(), "192.0.2.1");
        assert_eq!(at("IPv6", &["192.0.2.1", "fe80::1"]).unwrap(), "fe80::1%eth0");
        assert!(at("IPv6", &["192.0.2.1"]).unwrap_err().contains("no IPv6 default route"));
    }

    #[test]
    fn a_peer_without_an_address_is_the_router_that_advertises_itself() {
        let at = |interface: &str, routers: &Routers| {
            let spec = format!(r#"{{"myASN":64500,"peerASN":64501,"interface":"{interface}"}}"#);
            set_up_beside(&spec, &[], routers)
        };
        let mut routers = Routers::default();
        assert_eq!(at("eth1", &routers).unwrap_err(), "no router advertises itself on eth1");
        assert!(at("eth2", &routers).unwrap_err().contains("no interface eth2 with a carrier"));
        routers.heard.insert(7, "fe80::1".parse().unwrap());
        let setup = at("eth1", &routers).unwrap();
        assert_eq!((setup.remote.to_string(), setup.hops), ("fe80::1%eth1".into(), Hops::Link));
        assert!(setup.settings.extended_next_hop && setup.settings.families.iter().count() == 2);
        routers.problem = Some("raw sockets are not permitted".into());
        assert_eq!(at("eth1", &routers).unwrap_err(), "raw sockets are not permitted");
    }

    #[test]
    fn a_password_is_waited_for() {
        let with = |secret: &str| {
            let spec = format!(
                r#"{{"myASN":64500,"peerASN":64501,"peerAddress":"192.0.2.1","passwordSecret":{{"name":"{secret}"}}}}"#
            );
            set_up(&spec, &[]).map(|setup| setup.password.is_some())
        };
        assert_eq!(with("good"), Ok(true));
        assert!(with("bad").unwrap_err().contains("the password is empty"));
        assert!(with("none").unwrap_err().contains("there is no Secret none"));
    }

    #[test]
    fn the_path_has_one_hop_where_the_peer_is_near() {
        let hops = |more: &str, theirs: u32, address: &str| {
            let spec = format!(r#"{{"myASN":64500,"peerASN":{theirs},"peerAddress":"{address}"{more}}}"#);
            let (plan, passwords) = (plan(&spec), BTreeMap::new());
            let usable = [usable(&[])];
            let routers = Routers::default();
            let around = Surroundings {
                node: "node-a",
                usable: &usable,
                links: &[],
                routers: &routers,
                passwords: &passwords,
            };
            let setup = setup("tor", &plan, &around).unwrap();
            let profile: ferrolb_api::BFDProfile = serde_json::from_value(serde_json::json!({
                "apiVersion": "ferrolb.io/v1beta1", "kind": "BFDProfile", "metadata": {"name": "fast"}, "spec": {}
            }))
            .unwrap();
            assert_eq!(watch(&plan, &setup, &around), None, "nobody asked for it");
            let bfd = Some(ferrolb_config::bgp::bfd_profile(&profile).unwrap());
            watch(&PeerPlan { bfd, ..plan }, &setup, &around).unwrap().0.hops()
        };
        assert_eq!(hops("", 64501, "198.51.100.1"), bfd::Hops::Single);
        assert_eq!(hops("", 64500, "192.0.2.1"), bfd::Hops::Single, "internal and near");
        assert_eq!(hops("", 64500, "198.51.100.1"), bfd::Hops::Multi);
        assert_eq!(hops(r#","ebgpMultiHop":true"#, 64501, "192.0.2.1"), bfd::Hops::Multi);
        assert_eq!(hops(r#","ttlSecurity":2"#, 64501, "192.0.2.1"), bfd::Hops::Multi);
    }

    #[test]
    fn families_and_the_identifier_have_defaults() {
        let spec = r#"{"myASN":64500,"peerASN":64501,"peerAddress":"2001:db8::1"}"#;
        let own = set_up(spec, &[usable(&[])]).unwrap().settings;
        assert_eq!(own.families.iter().collect::<Vec<_>>(), [ferrolb_bgp::Family::Ipv6Unicast]);
        assert_eq!((own.identifier.to_string(), own.extended_next_hop), ("192.0.2.11".into(), false));
        let spec =
            r#"{"myASN":64500,"peerASN":64501,"peerAddress":"2001:db8::1","dualStackAddressFamily":true}"#;
        let both = set_up(spec, &[]).unwrap().settings;
        assert!(both.extended_next_hop && both.families.iter().count() == 2);
        assert_eq!(both.identifier, made_of("node-a"));
    }
}
