//! What advertisements' conditions say.

use ferrolb_model::{L2Advertisement, Labels, PoolName, Selector};

use super::{
    announce::Announcements,
    objects::{Done, Objects, Remark, Wish},
};
use crate::write::ConfigKind;

impl Announcements {
    /// Says what the advertisements' status should be: a pool that it names and that does not exist is worth saying, and
    /// so is a selector that selects nothing.
    pub(crate) fn refresh_objects(&self, objects: &mut Objects) {
        for (name, advertisement) in &self.advertisements {
            let missing = advertisement.pools.iter().filter(|pool| !self.pools.contains_key(*pool));
            let missing: Vec<&str> = missing.map(PoolName::as_str).collect();
            let resolved = match missing.is_empty() {
                true => Ok(()),
                false => Err(format!("no IPAddressPool is named {}", missing.join(", "))),
            };
            let remark = self.selects_nothing(advertisement);
            let done = Done::Rebalanced(self.rebalances.told(name));
            objects.want(ConfigKind::L2Advertisement, name, done, Wish::all(Ok(()), resolved, remark));
        }
    }

    fn selects_nothing(&self, advertisement: &L2Advertisement) -> Option<Remark> {
        if !selects(&advertisement.pool_selectors, self.pools.values()) {
            return Some(Remark::selects_nothing("ipAddressPoolSelectors select no pool"));
        }
        let nodes = self.nodes.values().map(|node| &node.labels);
        (!selects(&advertisement.node_selectors, nodes))
            .then(|| Remark::selects_nothing("nodeSelectors select no node, so nothing is announced by it"))
    }
}

/// Whether one of the selectors selects any of these; none at all select everything.
fn selects<'a>(selectors: &[Selector], mut labels: impl Iterator<Item = &'a Labels>) -> bool {
    selectors.is_empty() || labels.any(|labels| selectors.iter().any(|selector| selector.matches(labels)))
}
