//! What is worth saying of a BGPPeer with which nothing is wrong.

use std::collections::BTreeSet;

use ferrolb_api::condition::object;
use ferrolb_config::bgp::{MyAsn, Peer};
use ferrolb_model::{Labels, selected};

use super::super::{announce::Announcements, objects::Remark};

impl Announcements {
    /// Looks at which sessions are down; until the next time conditions say so.
    pub(crate) fn look_at_sessions(&mut self) {
        let down =
            self.bgp.peers.good().filter_map(|peer| Some((peer.name.clone(), self.held_by_some(peer)?)));
        self.bgp.down = down.collect();
    }

    pub(super) fn remarks_on(&self, peer: &Peer) -> Vec<Remark> {
        let down = self.bgp.down.get(&peer.name).cloned();
        let down = down.map(|message| Remark { reason: object::NO_SESSION, message });
        [self.reaches_nothing(peer), down, trade(peer)].into_iter().flatten().collect()
    }

    fn reaches_nothing(&self, peer: &Peer) -> Option<Remark> {
        let labels = self.nodes.values().map(|node| &node.labels);
        let nodes: Vec<&Labels> = labels.filter(|labels| selected(&peer.node_selectors, labels)).collect();
        if nodes.is_empty() {
            return Some(Remark::selects_nothing("nodeSelectors select no node, so no session is held"));
        }
        match &peer.my_asn {
            MyAsn::NodeLabel(label) if nodes.iter().all(|labels| peer.asn_of(labels).is_err()) => {
                let nothing = format!(
                    "no node that it selects has the label {label} with an AS number, so no session is held"
                );
                Some(Remark::selects_nothing(nothing))
            }
            MyAsn::NodeLabel(_) | MyAsn::Asn(_) => None,
        }
    }

    /// On how many nodes its session is down, and what their speakers say, each thing once.
    fn held_by_some(&self, peer: &Peer) -> Option<String> {
        let selects = |labels: &Labels| selected(&peer.node_selectors, labels);
        let all = self.nodes.values().filter(|node| selects(&node.labels)).count();
        let down = self.sessions.down(&peer.name);
        let down = down.filter(|(node, _)| self.nodes.get(*node).is_some_and(|node| selects(&node.labels)));
        let down: Vec<_> = down.collect();
        let mut told = BTreeSet::new();
        let says = down.iter().filter(|(_, why)| told.insert(*why)).take(MOST_WORDS);
        let says: Vec<String> = says.map(|(node, why)| format!("node {node} says: {why}")).collect();
        (!down.is_empty())
            .then(|| format!("no session is held by {} of {all} nodes; {}", down.len(), says.join("; ")))
    }
}

/// So many different things are told; whoever mends them sees the others.
const MOST_WORDS: usize = 3;

/// BFD ends with the speaker, and says so (RFC 5882 §4.3): a router can believe that nodes die or that speakers restart. What routers do is
/// in `tests/interop/graceful.rs`.
fn trade(peer: &Peer) -> Option<Remark> {
    let both = peer.graceful_restart.is_some() && peer.bfd_profile.is_some();
    let message = "gracefulRestart and bfdProfile are both set: some routers drop the routes of a speaker that restarts when BFD ends \
                   (BIRD), others keep those of a dead node for restartTime (FRR with bfd check-control-plane-failure)";
    both.then(|| Remark { reason: object::TRADE_OFF, message: message.into() })
}
