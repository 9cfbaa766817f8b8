//! Advertisements that tell one peer of one prefix in different ways.

use std::collections::BTreeMap;

use ferrolb_config::bgp::Advertisement;
use ferrolb_model::{Family, selected};

use super::super::announce::Announcements;

impl Announcements {
    /// By the name of each advertisement that an older one contradicts, what its condition says of that.
    ///
    /// Who tells one peer of one prefix from one node must say one LOCAL_PREF, MED, path and weight; the older advertisement
    /// does. Communities add up, and prefixes of different lengths are different routes, so neither is a conflict.
    pub(super) fn conflicts(&self) -> BTreeMap<String, Vec<String>> {
        let mut conflicts = BTreeMap::<String, Vec<String>>::new();
        for names in self.routing.combinations() {
            let mut all: Vec<&Advertisement> =
                names.iter().filter_map(|name| self.bgp.advertisements.find(name)).collect();
            all.sort_by_key(|one| (one.selection.created, &one.selection.name));
            for (index, younger) in all.iter().enumerate() {
                for older in all.iter().take(index).filter(|older| self.contradict(older, younger)) {
                    let told = format!(
                        "localPref, med, asPathPrepend or weighted differ from those of the older BGPAdvertisement {}, \
                         which count where both tell a peer of an address; communities of both are told",
                        older.selection.name
                    );
                    let of_younger = conflicts.entry(younger.selection.name.clone()).or_default();
                    if !of_younger.contains(&told) {
                        of_younger.push(told);
                    }
                }
            }
        }
        conflicts
    }

    fn contradict(&self, one: &Advertisement, other: &Advertisement) -> bool {
        let same_prefix =
            Family::ALL.into_iter().any(|family| one.routes.length(family) == other.routes.length(family));
        let selects = |of: &Advertisement, labels| selected(&of.selection.node_selectors, labels);
        let same_node =
            || self.nodes.values().any(|node| selects(one, &node.labels) && selects(other, &node.labels));
        let same_peer = || {
            let mut peers = self.bgp.peers.good();
            peers.any(|peer| one.selection.tells(&peer.name) && other.selection.tells(&peer.name))
        };
        one.routes.preference != other.routes.preference && same_prefix && same_node() && same_peer()
    }
}
