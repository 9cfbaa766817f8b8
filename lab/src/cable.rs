//! Cables between two hosts that do not pass the switch.

use std::fmt::Write as _;

use anyhow::Result;

use crate::lab::Lab;

impl Lab {
    /// Lays a cable between two nodes, routers or clients. The interface at each end has the other's name, and a link-local address
    /// that holds at once; `addresses` are pairs with prefix lengths, for `one` and `other`.
    ///
    /// # Errors
    /// When one of them is not there, or they have a cable already.
    pub fn cable(&self, one: &str, other: &str, addresses: &[[&str; 2]]) -> Result<()> {
        let mut script = format!("ip -n {one} link add {other} type veth peer name {one} netns {other}\n");
        for (end, (host, device)) in [(one, other), (other, one)].into_iter().enumerate() {
            writeln!(script, "ip -n {host} link set {device} up")?;
            for pair in addresses {
                let address = pair[end];
                // Only IPv6 knows the word.
                let nodad = if address.contains(':') { " nodad" } else { "" };
                writeln!(script, "ip -n {host} address add {address} dev {device}{nodad}")?;
            }
        }
        self.switch().check(["sh", "-ec", &script]).map(drop)
    }
}
