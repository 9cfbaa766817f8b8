//! The node's interfaces: followed by the kernel's notifications, chosen for VIPs by a pure function.

mod choose;
mod glob;
mod netlink;
mod table;

pub use choose::{Usable, on_link, serving};
pub use glob::Globs;
pub use netlink::follow;
pub use table::{Kind, LinkLocal, Table};

/// What is known of the node's interfaces.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Interfaces {
    /// Those that VIPs can live on.
    pub usable: Vec<Usable>,
    /// Those at whose other end a router without an address may be.
    pub link_local: Vec<LinkLocal>,
}

/// Interfaces that never serve a VIP unless `--interface-exclude` says otherwise: those of pods, container bridges,
/// overlays and service proxies.
pub const DEFAULT_EXCLUDE: &str = "lo,docker*,cbr*,dummy*,virbr*,lxcbr*,veth*,cali*,tunl*,flannel*,kube-ipvs*,\
    cni*,nodelocaldns,lxc*,cilium*,vxlan.calico,weave*,ovn-k8s-*,kube-bridge,wg*";
