//! `BGPPeer`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ferrolb_api::{AddressFamily, BGPPeer, BGPPeerSpec, DynamicASN};
use ferrolb_bgp::{Asn, RouterId};
use ferrolb_model::{Family, Labels, Selector};

use super::{bfd::octet, name_and_age, seconds::seconds};
use crate::{Error, selector::selectors};

/// The hold time that is asked for if none is written.
const HOLD_TIME: Duration = Duration::from_secs(90);

/// A router, and how nodes hold a session with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The object's name.
    pub name: String,
    /// The AS of the nodes.
    pub my_asn: MyAsn,
    /// The AS of the peer.
    pub peer_asn: PeerAsn,
    /// How it is found.
    pub at: PeerAt,
    /// Its port.
    pub port: u16,
    /// The address to speak from; `None`: as the route says.
    pub source: Option<IpAddr>,
    /// What IPv4 prefixes are sent to; `None`: the node.
    pub next_hop_v4: Option<Ipv4Addr>,
    /// What IPv6 prefixes are sent to; `None`: the node.
    pub next_hop_v6: Option<Ipv6Addr>,
    /// The node's BGP identifier; `None`: the node chooses.
    pub router_id: Option<RouterId>,
    /// The hold time asked for: zero, or three seconds and more.
    pub hold_time: Duration,
    /// How often KEEPALIVEs are sent, a third of the hold time at the most; `None`: that third.
    pub keepalive_time: Option<Duration>,
    /// The time between two tries to connect; `None`: ten seconds. A quarter of it may be left out.
    pub connect_time: Option<Duration>,
    /// The name of the Secret with the password.
    pub password_secret: Option<String>,
    /// Whether an external peer may be more than one hop away.
    pub multi_hop: bool,
    /// How many hops away it may be; what comes from farther is dropped (RFC 5082).
    pub ttl_security: Option<u8>,
    /// The AS that the peer knows the nodes by (RFC 7705).
    pub local_asn: Option<Asn>,
    /// The name of the BFDProfile.
    pub bfd_profile: Option<String>,
    /// How long the peer keeps routes over a restart; `None`: it is not asked to.
    pub graceful_restart: Option<Duration>,
    /// Whether routes of both families go over the session.
    pub dual_stack: bool,
    /// Whether the peer connects.
    pub passive: bool,
    /// Nodes that hold the session; empty: every one.
    pub node_selectors: Vec<Selector>,
}

/// Where the AS of a node is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MyAsn {
    /// It is the same for all.
    Asn(Asn),
    /// It is the value of this label of the node.
    NodeLabel(String),
}

/// Which AS a peer is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAsn {
    /// This one.
    Asn(Asn),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

/// How a peer is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerAt {
    /// By its address.
    Address(IpAddr),
    /// By the router advertisements on this interface.
    Interface(String),
    /// It is the gateway of the default route of this family.
    DefaultGateway(Family),
}

impl Peer {
    /// The AS of a node with these labels.
    ///
    /// # Errors
    /// Why it has none, in words.
    pub fn asn_of(&self, labels: &Labels) -> Result<Asn, String> {
        let label = match &self.my_asn {
            MyAsn::Asn(asn) => return Ok(*asn),
            MyAsn::NodeLabel(label) => label,
        };
        let value = labels.get(label).ok_or_else(|| {
            format!("the node has no label {label}, which myASNFromNodeLabel takes its AS from")
        })?;
        let number = value.bytes().all(|byte| byte.is_ascii_digit()).then(|| value.parse().ok()).flatten();
        number.filter(|number| *number != 0).map(Asn).ok_or_else(|| {
            format!("the node's label {label} is {value:?}, which is no AS number (1 to 4294967295)")
        })
    }
}

/// Parses a peer.
///
/// # Errors
/// The first field that makes no sense.
pub fn peer(object: &BGPPeer) -> Result<Peer, Error> {
    let spec = &object.spec;
    let hold_time = spec.hold_time.as_ref().map(|text| seconds("spec.holdTime", text, 3..=65_535, true));
    let hold_time = hold_time.transpose()?.unwrap_or(HOLD_TIME);
    let source = spec.source_address.as_ref().map(|text| address("spec.sourceAddress", text)).transpose()?;
    let peer = Peer {
        name: name_and_age(&object.metadata).0,
        my_asn: my_asn(spec)?,
        peer_asn: peer_asn(spec)?,
        at: at(spec)?,
        port: u16::try_from(spec.peer_port)
            .ok()
            .filter(|port| *port != 0)
            .ok_or_else(|| Error::new("spec.peerPort", format!("{} must be 1 to 65535", spec.peer_port)))?,
        source,
        next_hop_v4: next_hop_v4(spec)?,
        next_hop_v6: next_hop_v6(spec)?,
        router_id: router_id(spec)?,
        hold_time,
        keepalive_time: keepalive_time(spec, hold_time)?,
        connect_time: spec
            .connect_time
            .as_ref()
            .map(|text| seconds("spec.connectTime", text, 1..=65_535, false))
            .transpose()?,
        password_secret: spec.password_secret.as_ref().map(|secret| secret.name.clone()),
        multi_hop: spec.ebgp_multi_hop,
        ttl_security: spec.ttl_security.map(|hops| octet("spec.ttlSecurity", hops, 1, 254)).transpose()?,
        local_asn: spec.local_asn.map(|number| asn("spec.localASN", number)).transpose()?,
        bfd_profile: spec.bfd_profile.clone(),
        graceful_restart: match spec.graceful_restart.enabled {
            true => {
                let text = &spec.graceful_restart.restart_time;
                // RFC 4724 §3: twelve bits.
                Some(seconds("spec.gracefulRestart.restartTime", text, 1..=4095, false)?)
            }
            false => None,
        },
        dual_stack: spec.dual_stack_address_family,
        passive: spec.passive,
        node_selectors: selectors(&spec.node_selectors),
    };
    agrees(&peer)?;
    Ok(peer)
}

/// Whether what several fields say goes together.
fn agrees(peer: &Peer) -> Result<(), Error> {
    let source = peer.source.map(Family::of);
    let family = match &peer.at {
        PeerAt::Address(address) => Some(Family::of(*address)),
        PeerAt::DefaultGateway(family) => Some(*family),
        PeerAt::Interface(_) => None,
    };
    if source.is_some() && family.is_some() && source != family {
        return Err(Error::new("spec.sourceAddress", "it must be of the family of the peer's address"));
    }
    let internal = match (peer.peer_asn, &peer.my_asn) {
        (PeerAsn::Internal, _) => true,
        (PeerAsn::Asn(theirs), MyAsn::Asn(ours)) => theirs == *ours,
        (PeerAsn::Asn(_), MyAsn::NodeLabel(_)) | (PeerAsn::External, _) => false,
    };
    if peer.multi_hop {
        let problem = match (&peer.at, internal, peer.ttl_security) {
            (PeerAt::Interface(_), _, _) => Some("a peer found by its interface is one hop away"),
            (_, true, _) => {
                Some("it is for peers of another AS; internal ones may be any number of hops away")
            }
            (_, false, Some(_)) => Some("set it or ttlSecurity, not both"),
            (_, false, None) => None,
        };
        if let Some(problem) = problem {
            return Err(Error::new("spec.ebgpMultiHop", problem));
        }
    }
    let same = |local: Asn| peer.my_asn == MyAsn::Asn(local);
    if peer.local_asn.is_some_and(|local| internal || same(local)) {
        return Err(Error::new("spec.localASN", "it must differ from myASN, and is for peers of another AS"));
    }
    Ok(())
}

fn my_asn(spec: &BGPPeerSpec) -> Result<MyAsn, Error> {
    match (spec.my_asn, &spec.my_asn_from_node_label) {
        (Some(number), None) => asn("spec.myASN", number).map(MyAsn::Asn),
        (None, Some(label)) => Ok(MyAsn::NodeLabel(label.clone())),
        (None, None) | (Some(_), Some(_)) => {
            Err(Error::new("spec.myASN", "set exactly one of myASN, myASNFromNodeLabel"))
        }
    }
}

fn peer_asn(spec: &BGPPeerSpec) -> Result<PeerAsn, Error> {
    match (spec.peer_asn, spec.dynamic_asn) {
        (Some(number), None) => asn("spec.peerASN", number).map(PeerAsn::Asn),
        (None, Some(DynamicASN::Internal)) => Ok(PeerAsn::Internal),
        (None, Some(DynamicASN::External)) => Ok(PeerAsn::External),
        (None, None) | (Some(_), Some(_)) => {
            Err(Error::new("spec.peerASN", "set exactly one of peerASN, dynamicASN"))
        }
    }
}

fn at(spec: &BGPPeerSpec) -> Result<PeerAt, Error> {
    match (&spec.peer_address, &spec.interface, spec.default_gateway) {
        (Some(text), None, None) => address("spec.peerAddress", text).map(PeerAt::Address),
        (None, Some(interface), None) => Ok(PeerAt::Interface(interface.clone())),
        (None, None, Some(AddressFamily::IPv4)) => Ok(PeerAt::DefaultGateway(Family::V4)),
        (None, None, Some(AddressFamily::IPv6)) => Ok(PeerAt::DefaultGateway(Family::V6)),
        (None, None, None) | (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            Err(Error::new("spec.peerAddress", "set exactly one of peerAddress, interface, defaultGateway"))
        }
    }
}

fn keepalive_time(spec: &BGPPeerSpec, hold_time: Duration) -> Result<Option<Duration>, Error> {
    let Some(text) = &spec.keepalive_time else { return Ok(None) };
    let time = seconds("spec.keepaliveTime", text, 1..=65_535 / 3, true)?;
    match time * 3 <= hold_time {
        true => Ok(Some(time).filter(|time| !time.is_zero())),
        false => {
            let hold = hold_time.as_secs();
            let problem = format!("{text} must be at most a third of the hold time, which is {hold}s");
            Err(Error::new("spec.keepaliveTime", problem))
        }
    }
}

fn next_hop_v4(spec: &BGPPeerSpec) -> Result<Option<Ipv4Addr>, Error> {
    let Some(text) = spec.next_hop.as_ref().and_then(|next_hop| next_hop.ipv4.as_ref()) else {
        return Ok(None);
    };
    match address("spec.nextHop.ipv4", text)? {
        IpAddr::V4(address) => Ok(Some(address)),
        IpAddr::V6(_) => Err(Error::new("spec.nextHop.ipv4", format!("{text} must be an IPv4 address"))),
    }
}

fn next_hop_v6(spec: &BGPPeerSpec) -> Result<Option<Ipv6Addr>, Error> {
    let Some(text) = spec.next_hop.as_ref().and_then(|next_hop| next_hop.ipv6.as_ref()) else {
        return Ok(None);
    };
    match address("spec.nextHop.ipv6", text)? {
        IpAddr::V6(address) => Ok(Some(address)),
        IpAddr::V4(_) => Err(Error::new("spec.nextHop.ipv6", format!("{text} must be an IPv6 address"))),
    }
}

fn router_id(spec: &BGPPeerSpec) -> Result<Option<RouterId>, Error> {
    let Some(text) = &spec.router_id else { return Ok(None) };
    let id = text.parse().ok().and_then(RouterId::new);
    let problem = || format!("{text:?} must be written as an IPv4 address and not be 0.0.0.0");
    id.map(Some).ok_or_else(|| Error::new("spec.routerID", problem()))
}

fn asn(field: &str, number: i64) -> Result<Asn, Error> {
    let fits = u32::try_from(number).ok().filter(|number| *number != 0);
    fits.map(Asn).ok_or_else(|| Error::new(field, format!("{number} must be 1 to 4294967295")))
}

/// A unicast address that means the same on every interface.
fn address(field: &str, text: &str) -> Result<IpAddr, Error> {
    let address: IpAddr =
        text.parse().map_err(|_| Error::new(field, format!("{text:?} is no IPv4 or IPv6 address")))?;
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    match link_local || address.is_multicast() || address.is_unspecified() {
        true => Err(Error::new(
            field,
            format!("{text} must be unicast and not link-local; for a peer on a link write its interface"),
        )),
        false => Ok(address),
    }
}
