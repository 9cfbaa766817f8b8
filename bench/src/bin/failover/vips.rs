//! The VIPs that the speakers answer for, and where they are placed.

use std::net::Ipv4Addr;

use crate::rig::NODES;

/// The VIP of the speakers that nodes also serve.
pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 128);
/// The first of many VIPs; their network is nobody's, so that they belong to the interface with the default route.
const MANY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);

/// The VIPs of one deployment.
#[derive(Debug, Clone)]
pub(crate) struct Vips(Vec<Ipv4Addr>);

impl Vips {
    pub(crate) fn one() -> Self {
        Self(vec![VIP])
    }

    pub(crate) fn many(count: u32) -> Self {
        Self((0..count).map(|number| Ipv4Addr::from_bits(MANY.to_bits() + number)).collect())
    }

    pub(crate) fn all(&self) -> &[Ipv4Addr] {
        &self.0
    }

    /// Every VIP is placed on the first node; the others follow by turns, so that they share what it leaves behind.
    pub(crate) fn manifest(&self) -> String {
        let mut text = "apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: bench}
spec:
  vips:
"
        .to_owned();
        let others: Vec<String> = (2..=NODES).map(|number| format!("n{number}")).collect();
        for (place, vip) in self.0.iter().enumerate() {
            let mut order = others.clone();
            order.rotate_left(place % others.len());
            let order = order.join(", ");
            text += &format!("    - ip: {vip}\n      layer2: {{nodes: [n1, {order}], revision: 1}}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_second_changes_from_vip_to_vip() {
        let text = Vips::many(300).manifest();
        assert!(text.contains("- ip: 198.18.0.1\n      layer2: {nodes: [n1, n2, n3]"));
        assert!(text.contains("- ip: 198.18.1.0\n      layer2: {nodes: [n1, n3, n2]"));
    }
}
