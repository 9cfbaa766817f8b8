//! The node's interfaces: followed by the kernel's notifications, chosen for VIPs by a pure function.

mod choose;
mod glob;
mod netlink;
mod table;

pub use choose::{Usable, serving};
pub use glob::Globs;
pub use netlink::follow;
pub use table::{Kind, Table};

/// Interfaces that never serve a VIP unless `--interface-exclude` says otherwise: those of pods, container bridges,
/// overlays and service proxies.
pub const DEFAULT_EXCLUDE: &str = "lo,docker*,cbr*,dummy*,virbr*,lxcbr*,veth*,cali*,tunl*,flannel*,kube-ipvs*,\
    cni*,nodelocaldns,lxc*,cilium*,vxlan.calico,weave*,ovn-k8s-*,kube-bridge,wg*";
