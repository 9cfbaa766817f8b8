//! BGPPeers, BGPAdvertisements, BFDProfiles and Communities as a source tells them: the newest good version of each.

use std::collections::BTreeMap;

use ferrolb_api::{BFDProfile, BGPAdvertisement, BGPPeer, Community};
use ferrolb_runtime::watch;
use kube::{Resource, ResourceExt as _, core::ObjectMeta};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::bgp::{self, Advertisement, Aliases, BfdProfile, CommunitySet, Peer, advertisement, bfd_profile};

/// What a source sees of the four kinds.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "an event has it in a box")]
pub enum Change {
    /// Peers changed.
    Peers(watch::Change<BGPPeer>),
    /// Advertisements changed.
    Advertisements(watch::Change<BGPAdvertisement>),
    /// Profiles changed.
    Profiles(watch::Change<BFDProfile>),
    /// Communities changed.
    Communities(watch::Change<Community>),
}

/// The objects in force, kept for a restart while the API server is away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    peers: Vec<BGPPeer>,
    advertisements: Vec<BGPAdvertisement>,
    profiles: Vec<BFDProfile>,
    communities: Vec<Community>,
}

/// Every object of the four kinds.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    pub(super) peers: Book<BGPPeer, Peer>,
    pub(super) advertisements: Book<BGPAdvertisement, Advertisement>,
    pub(super) profiles: Book<BFDProfile, BfdProfile>,
    communities: Book<Community, ()>,
    /// What each advertisement's communities stand for, by its name, or stood for when every name was known.
    pub(super) resolved: BTreeMap<String, CommunitySet>,
    /// Advertisements whose communities have names that no object gives.
    unresolved: Vec<String>,
}

/// The objects of one kind.
#[derive(Clone, Debug)]
pub(super) struct Book<K, T> {
    /// Whether a source has told all.
    listed: bool,
    good: BTreeMap<String, (K, T)>,
    problems: BTreeMap<String, String>,
}

impl Objects {
    /// Takes what a source tells; tells whether anything differs now.
    pub fn apply(&mut self, change: Change) -> bool {
        let differs = match change {
            Change::Peers(change) => self.peers.apply(change, bgp::peer),
            Change::Advertisements(change) => self.advertisements.apply(change, advertisement),
            Change::Profiles(change) => self.profiles.apply(change, bfd_profile),
            Change::Communities(change) => self.communities.apply(change, |_| Ok(())),
        };
        self.resolve();
        differs
    }

    /// Takes what the last run of the speaker knew. It stands until a source tells all.
    pub fn restore(&mut self, kept: Kept) {
        let Kept { peers, advertisements, profiles, communities } = kept;
        self.peers.restore(peers, bgp::peer);
        self.advertisements.restore(advertisements, advertisement);
        self.profiles.restore(profiles, bfd_profile);
        self.communities.restore(communities, |_| Ok(()));
        self.resolve();
    }

    /// The objects in force.
    pub fn kept(&self) -> Kept {
        Kept {
            peers: self.peers.objects(),
            advertisements: self.advertisements.objects(),
            profiles: self.profiles.objects(),
            communities: self.communities.objects(),
        }
    }

    /// Whether a source has told all objects of every kind.
    pub fn is_complete(&self) -> bool {
        self.peers.listed && self.advertisements.listed && self.profiles.listed && self.communities.listed
    }

    /// What of the objects cannot be used, and why, in words.
    pub(super) fn problems(&self) -> impl Iterator<Item = String> {
        let told = |kind: &'static str| {
            move |(name, problem): (&String, &String)| format!("{kind} {name}: {problem}")
        };
        let peers = self.peers.problems.iter().map(told("BGPPeer"));
        let advertisements = self.advertisements.problems.iter().map(told("BGPAdvertisement"));
        let profiles = self.profiles.problems.iter().map(told("BFDProfile"));
        peers.chain(advertisements).chain(profiles).chain(self.unresolved.iter().cloned())
    }

    /// An advertisement whose communities are not all known goes on with those it had, because routes without them could go
    /// where they must not.
    fn resolve(&mut self) {
        let (aliases, _) = Aliases::of(self.communities.good.values().map(|(object, ())| object));
        let before = std::mem::take(&mut self.resolved);
        self.unresolved.clear();
        for (name, (_, advertisement)) in &self.advertisements.good {
            match aliases.resolve(&advertisement.routes.communities) {
                Ok(set) => drop(self.resolved.insert(name.clone(), set)),
                Err(missing) => {
                    let then = match before.get(name) {
                        Some(set) => {
                            self.resolved.insert(name.clone(), set.clone());
                            "the communities it had before stay in force"
                        }
                        None => "nothing is announced by it until one does",
                    };
                    let missing = missing.join(", ");
                    self.unresolved.push(format!(
                        "BGPAdvertisement {name}: no Community gives the name {missing}; {then}"
                    ));
                }
            }
        }
    }
}

impl<K, T> Default for Book<K, T> {
    fn default() -> Self {
        Self { listed: false, good: BTreeMap::new(), problems: BTreeMap::new() }
    }
}

impl<K: Resource<DynamicType = ()> + Clone + PartialEq, T> Book<K, T> {
    /// What is in force, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.good.iter().map(|(name, (_, parsed))| (name, parsed))
    }

    /// What is in force under this name.
    pub(super) fn find(&self, name: &str) -> Option<&T> {
        self.good.get(name).map(|(_, parsed)| parsed)
    }

    fn apply(&mut self, change: watch::Change<K>, read: impl Fn(&K) -> Result<T, Error>) -> bool {
        match change {
            watch::Change::All(all) => {
                let first = !std::mem::replace(&mut self.listed, true);
                let names: Vec<String> = all.iter().map(K::name_any).collect();
                let known = self.good.len() + self.problems.len();
                self.good.retain(|name, _| names.contains(name));
                self.problems.retain(|name, _| names.contains(name));
                let lost = self.good.len() + self.problems.len() < known;
                all.into_iter().fold(first || lost, |differs, object| self.upsert(object, &read) | differs)
            }
            watch::Change::Applied(object) => self.upsert(object, read),
            watch::Change::Deleted(object) => {
                let name = object.name_any();
                self.good.remove(&name).is_some() | self.problems.remove(&name).is_some()
            }
        }
    }

    /// A bad edit leaves the last good version in force.
    fn upsert(&mut self, mut object: K, read: impl Fn(&K) -> Result<T, Error>) -> bool {
        let ObjectMeta { name, creation_timestamp, .. } = std::mem::take(object.meta_mut());
        *object.meta_mut() = ObjectMeta { name, creation_timestamp, ..ObjectMeta::default() };
        let name = object.name_any();
        match read(&object) {
            Ok(parsed) => {
                let mended = self.problems.remove(&name).is_some();
                let same = self.good.get(&name).is_some_and(|(before, _)| *before == object);
                self.good.insert(name, (object, parsed));
                mended || !same
            }
            Err(error) => self.problems.insert(name, error.to_string()) != Some(error.to_string()),
        }
    }

    fn restore(&mut self, objects: Vec<K>, read: impl Fn(&K) -> Result<T, Error>) {
        if !self.listed {
            for object in objects {
                self.upsert(object, &read);
            }
        }
    }

    fn objects(&self) -> Vec<K> {
        self.good.values().map(|(object, _)| object.clone()).collect()
    }
}
