//! What kube-proxy has rules for, by whichever means it makes them.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use ferrolb_lab::Space;

/// Whether kube-proxy on the node has rules for the address; an error if not.
pub(crate) fn kube_proxy_knows(node: &Space, address: IpAddr) -> Result<()> {
    let family = if address.is_ipv4() { "ip" } else { "ip6" };
    let map = node.run(["nft", "list", "map", family, "kube-proxy", "service-ips"])?;
    if map.success {
        let known = map.stdout.contains(&address.to_string());
        ensure!(known, "kube-proxy on {} does not know {address}: {}", node.name(), map.stdout);
        return Ok(());
    }
    iptables_know(node, address)
}

/// Whether it has them as rules of iptables.
pub(crate) fn iptables_know(node: &Space, address: IpAddr) -> Result<()> {
    let (save, length) = if address.is_ipv4() { ("iptables-save", 32) } else { ("ip6tables-save", 128) };
    let rules = node.check([save, "-t", "nat"])?;
    let known = rules.contains(&format!("-d {address}/{length} "));
    ensure!(known, "on {} there is no rule of iptables for {address}: {rules}", node.name());
    Ok(())
}
