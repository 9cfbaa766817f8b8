//! What the conditions of the four kinds say.

use ferrolb_api::condition::object;
use ferrolb_config::bgp::{Advertisement, AliasProblem, Aliases};
use ferrolb_model::{PoolName, selected};

use super::super::{
    announce::Announcements,
    objects::{Done, Objects, Remark, Wish},
};
use crate::write::ConfigKind;

impl Announcements {
    /// Says what the status of every object of the four kinds should be.
    ///
    /// Whether a Secret that a BGPPeer names is there, is left to the speakers' sessions: the controller may not read Secrets
    /// whose names users choose; what comes of it is in what they say of these.
    pub(crate) fn refresh_bgp(&self, objects: &mut Objects) {
        let (aliases, problems) = Aliases::of(self.bgp.communities.good());
        let conflicts = self.conflicts();
        let mut want = |kind, name: &str, wishes| objects.want(kind, name, Done::Nothing, wishes);
        for (name, known) in self.bgp.advertisements.iter() {
            let accepted = match (known.problem(), conflicts.get(name)) {
                (Some(problem), _) => Err((object::INVALID, problem)),
                (None, Some(conflicts)) => Err((object::CONFLICT, conflicts.join("; "))),
                (None, None) => Ok(()),
            };
            let good = known.good.as_ref();
            let resolved = good.map_or(Ok(()), |good| self.resolve_advertisement(good, &aliases));
            let remark = good.and_then(|good| self.advertises_nothing(good));
            want(ConfigKind::BgpAdvertisement, name, Wish::all(accepted, resolved, remark));
        }
        for (name, known) in self.bgp.peers.iter() {
            let accepted = known.problem().map_or(Ok(()), |problem| Err((object::INVALID, problem)));
            let profile = known.good.as_ref().and_then(|peer| peer.bfd_profile.as_ref());
            let resolved = match profile.filter(|profile| !self.bgp.profiles.has(profile)) {
                Some(profile) => Err(format!("no BFDProfile is named {profile}")),
                None => Ok(()),
            };
            let remarks = known.good.as_ref().map(|peer| self.remarks_on(peer)).unwrap_or_default();
            want(ConfigKind::BgpPeer, name, Wish::all(accepted, resolved, remarks));
        }
        for (name, known) in self.bgp.profiles.iter() {
            let accepted = known.problem().map_or(Ok(()), |problem| Err((object::INVALID, problem)));
            want(ConfigKind::BfdProfile, name, Wish::all(accepted, Ok(()), None));
        }
        for (name, _) in self.bgp.communities.iter() {
            let accepted = judge(problems.get(name).map(Vec::as_slice).unwrap_or_default());
            want(ConfigKind::Community, name, Wish::all(accepted, Ok(()), None));
        }
    }

    fn resolve_advertisement(&self, advertisement: &Advertisement, aliases: &Aliases) -> Result<(), String> {
        let Advertisement { selection, routes } = advertisement;
        let pools = selection.pools.iter().filter(|pool| !self.pools.contains_key(*pool));
        let pools: Vec<&str> = pools.map(PoolName::as_str).collect();
        let peers = selection.peers.iter().map(String::as_str).filter(|peer| !self.bgp.peers.has(peer));
        let peers: Vec<&str> = peers.collect();
        let names = aliases.resolve(&routes.communities).err().unwrap_or_default();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let missing = [
            ("no IPAddressPool is named", pools, ""),
            ("no BGPPeer is named", peers, ""),
            (
                "no Community object gives the name",
                names,
                "; until one does, nothing is announced by it that was not before",
            ),
        ];
        let told: Vec<String> = missing
            .into_iter()
            .filter(|(_, names, _)| !names.is_empty())
            .map(|(what, names, and)| format!("{what} {}{and}", names.join(", ")))
            .collect();
        if told.is_empty() { Ok(()) } else { Err(told.join("; ")) }
    }

    fn advertises_nothing(&self, advertisement: &Advertisement) -> Option<Remark> {
        let selection = &advertisement.selection;
        let mut pools = self.pools.values();
        if !selection.pool_selectors.is_empty()
            && !pools.any(|labels| selected(&selection.pool_selectors, labels))
        {
            return Some(Remark::selects_nothing("ipAddressPoolSelectors select no pool"));
        }
        if !self.nodes.values().any(|node| selected(&selection.node_selectors, &node.labels)) {
            let nothing = "nodeSelectors select no node, so nothing is announced by it";
            return Some(Remark::selects_nothing(nothing));
        }
        let no_peer = self.bgp.peers.is_empty();
        no_peer.then(|| Remark::selects_nothing("there is no BGPPeer, so nobody is told"))
    }
}

fn judge(problems: &[AliasProblem]) -> Result<(), (&'static str, String)> {
    let (mut reason, mut told) = (object::INVALID, Vec::new());
    for problem in problems {
        match problem {
            AliasProblem::Invalid(error) => told.push(error.to_string()),
            AliasProblem::Taken { alias, by } => {
                reason = object::CONFLICT;
                told.push(format!("{alias} is another community in the older Community {by}, which counts"));
            }
        }
    }
    if told.is_empty() { Ok(()) } else { Err((reason, told.join("; "))) }
}
