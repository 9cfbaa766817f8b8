//! Who is in a lab and under which addresses: every name and number of the network, in one place.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What to bring up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Names the lab, its folder below `.lab/` and its cgroups.
    pub name: String,
    /// Number of nodes, up to [`Options::MAX_NODES`]; with none a cluster is its control plane.
    pub nodes: u8,
    /// Number of hosts for routing programs, up to [`Options::MAX_ROUTERS`].
    #[serde(default)]
    pub routers: u8,
    /// Whether Kubernetes runs in it; without, a lab is namespaces, switch, router and clients only.
    pub cluster: bool,
    /// Which families of addresses its hosts, pods and Services have.
    #[serde(default)]
    pub families: Families,
    /// Whether the API server writes down what service accounts other than its own change: `log/audit.log`.
    #[serde(default)]
    pub audit: bool,
    /// Whether every node has a second cable, `eth1`, to a second segment with a client of its own.
    #[serde(default)]
    pub second_segment: bool,
    /// What kube-proxy makes its rules with.
    #[serde(default)]
    pub kube_proxy: KubeProxy,
}

/// Modes of kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum KubeProxy {
    /// nftables.
    #[default]
    Nftables,
    /// iptables, which is what clusters have that were made before.
    Iptables,
    /// iptables on the last node, nftables on the others.
    Mixed,
}

impl KubeProxy {
    /// What `--proxy-mode` takes on a node.
    pub(crate) fn flag(self, is_last: bool) -> &'static str {
        match (self, is_last) {
            (Self::Iptables, _) | (Self::Mixed, true) => "iptables",
            (Self::Nftables, _) | (Self::Mixed, false) => "nftables",
        }
    }
}

/// Families of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Families {
    /// IPv4, and IPv6 beside it.
    #[default]
    Both,
    /// IPv6 alone.
    Ipv6,
}

impl Families {
    pub(crate) fn has_v4(self) -> bool {
        match self {
            Self::Both => true,
            Self::Ipv6 => false,
        }
    }

    /// The one that comes first.
    pub(crate) fn first(self, v4: Ipv4Addr, v6: Ipv6Addr) -> IpAddr {
        if self.has_v4() { v4.into() } else { v6.into() }
    }

    /// What a flag takes that wants one of each family.
    pub(crate) fn list(self, v4: impl Display, v6: impl Display) -> String {
        if self.has_v4() { format!("{v4},{v6}") } else { v6.to_string() }
    }
}

impl Options {
    /// The most nodes a lab may have: addresses and inotify instances are laid out for these.
    pub const MAX_NODES: u8 = 7;
    /// The most routers a lab may have: addresses are laid out for these.
    pub const MAX_ROUTERS: u8 = 9;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "default".into(),
            nodes: 3,
            routers: 0,
            cluster: true,
            families: Families::default(),
            audit: false,
            second_segment: false,
            kube_proxy: KubeProxy::default(),
        }
    }
}

/// The address of the API server on the segment.
pub(crate) const CONTROL_PLANE: Host =
    Host { name: "cp", v4: Ipv4Addr::new(192, 0, 2, 1), v6: segment_v6(0x1), mac: 0x01 };
/// The client on the nodes' own segment.
pub(crate) const CLIENT: Host =
    Host { name: "client", v4: Ipv4Addr::new(192, 0, 2, 100), v6: segment_v6(0x100), mac: 0x64 };
/// The router's leg on the segment: default gateway of everybody there.
pub(crate) const ROUTER: Host =
    Host { name: "router", v4: Ipv4Addr::new(192, 0, 2, 254), v6: segment_v6(0xfe), mac: 0xfe };
/// The router's other leg.
pub(crate) const ROUTER_FAR: Host =
    Host { name: "router", v4: Ipv4Addr::new(198, 51, 100, 254), v6: far_v6(0xfe), mac: 0xff };
/// The client behind the router.
pub(crate) const CLIENT_ROUTED: Host =
    Host { name: "client-routed", v4: Ipv4Addr::new(198, 51, 100, 10), v6: far_v6(0x10), mac: 0x0a };
/// The client on the second segment, which has no router.
pub(crate) const CLIENT_SECOND: Host =
    Host { name: "client2", v4: Ipv4Addr::new(203, 0, 113, 100), v6: second_v6(0x100), mac: 0x65 };
/// The switch's own namespace: it has ports and no address.
pub(crate) const SWITCH: &str = "sw";

pub(crate) const POD_V4: &str = "10.244.0.0/16";
pub(crate) const POD_V6: &str = "fd00:10:244::/48";
pub(crate) const SERVICE_V4: &str = "10.96.0.0/16";
pub(crate) const SERVICE_V6: &str = "fd00:10:96::/112";

/// One network namespace with one address of each family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    pub(crate) name: &'static str,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    /// Last byte of its locally administered MAC address.
    pub(crate) mac: u8,
}

impl Host {
    pub(crate) fn mac(&self) -> String {
        mac(self.mac)
    }
}

/// One node's name and numbers.
#[derive(Debug, Clone)]
pub(crate) struct NodePlan {
    pub(crate) name: String,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    pub(crate) mac: String,
    pub(crate) pod_v4: String,
    pub(crate) pod_v6: String,
    /// Its cable to the second segment, where there is one.
    pub(crate) second: Leg,
}

/// A second cable of a node's.
#[derive(Debug, Clone)]
pub(crate) struct Leg {
    /// The switch's port: the node's name and that of its interface.
    pub(crate) port: String,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    pub(crate) mac: String,
}

impl NodePlan {
    /// Numbers of the `index`th node, counted from 1.
    pub(crate) fn of(index: u8) -> Self {
        // 192.0.2.11 and 2001:db8:1::11 are node 1: the digits read the same in both families.
        let v6_digits = u16::from(index) + 0x10;
        Self {
            name: format!("n{index}"),
            v4: Ipv4Addr::new(192, 0, 2, 10 + index),
            v6: segment_v6(v6_digits),
            mac: mac(10 + index),
            pod_v4: format!("10.244.{index}.0/24"),
            pod_v6: format!("fd00:10:244:{index}::/64"),
            second: Leg {
                port: format!("n{index}-eth1"),
                v4: Ipv4Addr::new(203, 0, 113, 10 + index),
                v6: second_v6(v6_digits),
                mac: format!("02:00:00:00:01:{:02x}", 10 + index),
            },
        }
    }

    pub(crate) fn all(count: u8) -> Vec<Self> {
        (1..=count).map(Self::of).collect()
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let index: u8 = name.strip_prefix('n')?.parse().ok()?;
        (1..=Options::MAX_NODES).contains(&index).then(|| Self::of(index))
    }
}

/// One host for a routing program: its name and numbers.
#[derive(Debug, Clone)]
pub(crate) struct RouterPlan {
    pub(crate) name: String,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Ipv6Addr,
    pub(crate) mac: String,
}

impl RouterPlan {
    /// Numbers of the `index`th router, counted from 1.
    pub(crate) fn of(index: u8) -> Self {
        // Digits read the same in both families, as with nodes.
        Self {
            name: format!("r{index}"),
            v4: Ipv4Addr::new(192, 0, 2, 200 + index),
            v6: segment_v6(0x200 + u16::from(index)),
            mac: mac(200 + index),
        }
    }

    pub(crate) fn all(count: u8) -> Vec<Self> {
        (1..=count).map(Self::of).collect()
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let index: u8 = name.strip_prefix('r')?.parse().ok()?;
        (1..=Options::MAX_ROUTERS).contains(&index).then(|| Self::of(index))
    }
}

const fn segment_v6(low: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, low)
}

const fn far_v6(low: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, low)
}

const fn second_v6(low: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 3, 0, 0, 0, 0, low)
}

fn mac(last: u8) -> String {
    format!("02:00:00:00:00:{last:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_addresses_read_the_same_in_both_families() {
        let node = NodePlan::of(3);
        assert_eq!(node.v4.to_string(), "192.0.2.13");
        assert_eq!(node.v6.to_string(), "2001:db8:1::13");
        assert_eq!(NodePlan::named("n3").map(|n| n.v4), Some(node.v4));
        assert!(NodePlan::named("n8").is_none() && NodePlan::named("client").is_none());
        let router = RouterPlan::of(2);
        assert_eq!(
            (router.v4.to_string(), router.v6.to_string()),
            ("192.0.2.202".into(), "2001:db8:1::202".into())
        );
        assert_eq!(RouterPlan::named("r2").map(|router| router.v4), Some(router.v4));
        assert!(RouterPlan::named("router").is_none() && RouterPlan::named("r10").is_none());
    }

    #[test]
    fn no_two_hosts_share_a_mac() {
        let nodes = NodePlan::all(Options::MAX_NODES);
        let mut macs: Vec<String> = nodes.into_iter().flat_map(|node| [node.mac, node.second.mac]).collect();
        macs.extend(RouterPlan::all(Options::MAX_ROUTERS).into_iter().map(|router| router.mac));
        let hosts = [CONTROL_PLANE, CLIENT, ROUTER, ROUTER_FAR, CLIENT_ROUTED, CLIENT_SECOND];
        macs.extend(hosts.map(|host| host.mac()));
        let count = macs.len();
        macs.sort();
        macs.dedup();
        assert_eq!(macs.len(), count);
    }
}
