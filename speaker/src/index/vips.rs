//! The VIPs of all slices, each once, kept as slices change: one slice more costs what that slice costs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ferrolb_runtime::watch::Change;
use sha2::{Digest as _, Sha256};
use smallvec::SmallVec;

use crate::source::{Reference, ServiceName, Slice, Vip};

#[derive(Debug, Default)]
pub(super) struct Vips {
    slices: BTreeMap<String, Arc<Slice>>,
    vips: BTreeMap<IpAddr, Known>,
    /// The VIPs that any slice says are of a Service, and how many times it is said.
    services: BTreeMap<(Reference, IpAddr), u32>,
    /// What of each slice cannot be read, in words.
    problems: BTreeMap<String, Vec<String>>,
    /// VIPs that changed since their hashes were added up, some more than once.
    unhashed: Vec<IpAddr>,
    sum: u64,
}

/// What is known of a VIP.
#[derive(Debug, Default)]
struct Known {
    /// Where it is, what counts first: while the controller moves it from one slice to another, both may hold it, and the newer
    /// one counts.
    places: SmallVec<[Place; 1]>,
    /// Its part of the digest, as it was when that was last asked for.
    hash: u64,
}

#[derive(Debug)]
struct Place {
    slice: Arc<Slice>,
    entry: usize,
}

impl Place {
    /// What it is sorted by: the newest first.
    fn order(&self) -> (Reverse<u64>, &str, usize) {
        (Reverse(self.vip().revision()), &self.slice.name, self.entry)
    }

    fn vip(&self) -> &Vip {
        &self.slice.vips[self.entry]
    }
}

/// What a change of slices changed.
#[derive(Debug, PartialEq)]
pub(super) struct Changed {
    /// Whether anything differs now, be it a version.
    pub(super) differs: bool,
    /// VIPs that are new, other or gone; one that went from slice to slice is named by both.
    pub(super) vips: Vec<IpAddr>,
}

impl Vips {
    /// Takes a change.
    pub(super) fn apply(&mut self, change: Change<Slice>) -> Changed {
        let mut changed = Changed { differs: false, vips: Vec::new() };
        match change {
            Change::All(slices) => {
                let names: BTreeSet<&str> = slices.iter().map(|slice| slice.name.as_str()).collect();
                let gone = self.slices.keys().filter(|name| !names.contains(name.as_str()));
                for name in gone.cloned().collect::<Vec<_>>() {
                    self.replace(&name, None, &mut changed);
                }
                for slice in slices {
                    self.replace(&slice.name.clone(), Some(slice), &mut changed);
                }
            }
            Change::Applied(slice) => self.replace(&slice.name.clone(), Some(slice), &mut changed),
            Change::Deleted(slice) => self.replace(&slice.name, None, &mut changed),
        }
        self.unhashed.extend(&changed.vips);
        changed
    }

    pub(super) fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.slices.values().map(Arc::as_ref)
    }

    /// Every VIP, as the slice that counts has it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, &Vip)> {
        self.vips.iter().filter_map(|(address, known)| Some((*address, known.places.first()?.vip())))
    }

    pub(super) fn len(&self) -> usize {
        self.vips.len()
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<&Vip> {
        self.vips.get(&address)?.places.first().map(Place::vip)
    }

    /// The VIPs of a Service.
    pub(super) fn of_service(&self, service: ServiceName<'_>) -> impl Iterator<Item = IpAddr> {
        let from = (Reference::first(service), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let of_service = self.services.range(from..).take_while(move |((of, _), _)| of.service() == service);
        of_service.map(|((_, address), _)| *address)
    }

    /// What of the slices cannot be read, in words.
    pub(super) fn problems(&self) -> impl Iterator<Item = &String> {
        self.problems.values().flatten()
    }

    /// A digest of all VIPs and their placement, whatever slices they are in.
    pub(super) fn digest(&mut self) -> String {
        let mut unhashed = std::mem::take(&mut self.unhashed);
        unhashed.sort_unstable();
        unhashed.dedup();
        for address in unhashed {
            let Some(known) = self.vips.get_mut(&address) else { continue };
            let Some(vip) = known.places.first().map(Place::vip) else { continue };
            let hash = hash(address, vip);
            self.sum = self.sum.wrapping_sub(known.hash).wrapping_add(hash);
            known.hash = hash;
        }
        format!("{:016x}", self.sum)
    }

    fn replace(&mut self, name: &str, slice: Option<Slice>, changed: &mut Changed) {
        let before = self.slices.get(name).cloned();
        if before.as_deref() == slice.as_ref() {
            return;
        }
        changed.differs = true;
        let old = before.as_deref().map(entries).unwrap_or_default();
        let new = slice.as_ref().map(entries).unwrap_or_default();
        changed.vips.extend(differing(&old, &new));
        let new: Vec<_> = new.into_iter().map(|Entry { address, at, .. }| (address, at)).collect();
        for Entry { address, vip, .. } in &old {
            if let Some(known) = self.vips.get_mut(address) {
                known.places.retain(|place| place.slice.name != name);
            }
            self.count_services(*address, vip, false);
        }
        self.problems.remove(name);
        match slice {
            Some(slice) => self.insert(Arc::new(slice), &new),
            None => drop(self.slices.remove(name)),
        }
        for Entry { address, .. } in &old {
            if let Some(gone) = self.vips.get(address).filter(|known| known.places.is_empty()) {
                self.sum = self.sum.wrapping_sub(gone.hash);
                self.vips.remove(address);
            }
        }
    }

    fn insert(&mut self, slice: Arc<Slice>, entries: &[(IpAddr, usize)]) {
        for (address, entry) in entries {
            let places = &mut self.vips.entry(*address).or_default().places;
            places.push(Place { slice: Arc::clone(&slice), entry: *entry });
            places.sort_by(|one, other| one.order().cmp(&other.order()));
            self.count_services(*address, &slice.vips[*entry], true);
        }
        if entries.len() < slice.vips.len() {
            let unread = slice.vips.iter().filter(|vip| vip.address().is_none());
            let problem = |vip: &Vip| {
                let (name, ip) = (&slice.name, vip.ip());
                format!("slice {name} holds {ip:?}, which is no IP address; that entry is left out")
            };
            self.problems.insert(slice.name.clone(), unread.map(problem).collect());
        }
        self.slices.insert(slice.name.clone(), slice);
    }

    /// A slice says, or no longer, which Services a VIP is of.
    fn count_services(&mut self, address: IpAddr, vip: &Vip, more: bool) {
        for service in vip.services() {
            let key = (service.clone(), address);
            let times = self.services.get(&key).copied().unwrap_or_default();
            let times = if more { times + 1 } else { times.saturating_sub(1) };
            if times == 0 {
                self.services.remove(&key);
            } else {
                self.services.insert(key, times);
            }
        }
    }
}

/// An entry of a slice that can be read.
struct Entry<'a> {
    address: IpAddr,
    at: usize,
    vip: &'a Vip,
}

/// Those of a slice, by address, and in its order for each.
fn entries(slice: &Slice) -> Vec<Entry<'_>> {
    let read = |(at, vip): (usize, &'_ Vip)| vip.address().map(|address| (address, at));
    let mut read: Vec<(IpAddr, usize)> = slice.vips.iter().enumerate().filter_map(read).collect();
    read.sort_unstable();
    read.into_iter().map(|(address, at)| Entry { address, at, vip: &slice.vips[at] }).collect()
}

/// Addresses of which two versions of a slice say something else.
fn differing(mut before: &[Entry<'_>], mut now: &[Entry<'_>]) -> Vec<IpAddr> {
    let mut others = Vec::new();
    while let Some(address) = before.first().into_iter().chain(now.first()).map(|entry| entry.address).min() {
        let of = |all: &[Entry<'_>]| all.iter().take_while(|entry| entry.address == address).count();
        let (old, new) = (before.split_at(of(before)), now.split_at(of(now)));
        if !old.0.iter().map(|entry| entry.vip).eq(new.0.iter().map(|entry| entry.vip)) {
            others.push(address);
        }
        (before, now) = (old.1, new.1);
    }
    others
}

fn hash(address: IpAddr, vip: &Vip) -> u64 {
    let mut hash = Sha256::new();
    hash.update(address.to_string());
    hash.update(serde_json::to_vec(vip).expect("an announcement is plain data"));
    let bytes = hash.finalize();
    u64::from_be_bytes(bytes[..8].try_into().expect("a hash has 32 octets"))
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{Layer2Announcement, ServiceReference, TrafficPolicy, VipAnnouncement};
    use ferrolb_sansio::Rng;

    use super::*;
    use crate::source::Common;

    fn drawn(rng: &mut Rng) -> VipAnnouncement {
        let service = |number: u64| ServiceReference {
            namespace: "default".into(),
            name: format!("web-{number}"),
            uid: String::new(),
        };
        let layer2 = Layer2Announcement {
            nodes: vec!["node-a".into()],
            revision: i64::try_from(rng.below(3)).unwrap(),
            ..Layer2Announcement::default()
        };
        VipAnnouncement {
            ip: if rng.below(20) == 0 { "nonsense".into() } else { format!("192.0.2.{}", rng.below(8)) },
            pool: String::new(),
            services: (0..rng.below(3)).map(|_| service(rng.below(4))).collect(),
            traffic_policy: TrafficPolicy::Cluster,
            layer2: (rng.below(2) == 0).then_some(layer2),
            bgp: None,
        }
    }

    fn in_words(vips: &mut Vips) -> String {
        let digest = vips.digest();
        let all: Vec<String> = vips.iter().map(|(address, vip)| format!("{address} {vip:?}")).collect();
        format!("{digest} {all:#?} {:?} {:?}", vips.services, vips.problems().collect::<Vec<_>>())
    }

    /// What is kept from change to change is what follows from all slices at once, and every VIP that is other is named.
    #[test]
    fn slices_that_come_change_and_go_leave_no_trace() {
        let mut rng = Rng::new(7);
        let mut kept = Vips::default();
        for revision in 0..3_000 {
            let before: BTreeMap<IpAddr, Vip> =
                kept.iter().map(|(address, vip)| (address, vip.clone())).collect();
            let name = format!("vips-{}", rng.below(3));
            let vips: Vec<_> = (0..rng.below(5)).map(|_| drawn(&mut rng)).collect();
            let slice = Common::default().slice(name, revision, vips);
            let change = if rng.below(4) == 0 { Change::Deleted(slice) } else { Change::Applied(slice) };
            let changed = kept.apply(change);
            for (address, vip) in kept.iter() {
                let same = before.get(&address) == Some(vip);
                assert!(same || changed.vips.contains(&address), "{address} changed silently");
            }
            assert!(before.keys().all(|vip| kept.get(*vip).is_some() || changed.vips.contains(vip)));
            let mut anew = Vips::default();
            anew.apply(Change::All(kept.slices().cloned().collect()));
            assert_eq!(in_words(&mut kept), in_words(&mut anew));
        }
    }

    #[test]
    fn what_is_told_again_changes_nothing() {
        let mut rng = Rng::new(1);
        let slice = Common::default().slice("vips-0".into(), 1, [drawn(&mut rng)]);
        let mut vips = Vips::default();
        assert!(vips.apply(Change::Applied(slice.clone())).differs);
        assert_eq!(vips.apply(Change::All(vec![slice])), Changed { differs: false, vips: Vec::new() });
    }
}
