//! The VIPs of all slices, each once, kept as slices change: one slice more costs what that slice costs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ferrolb_api::VipAnnouncement;
use ferrolb_runtime::watch::Change;
use sha2::{Digest as _, Sha256};

use crate::source::{ServiceName, Slice};

#[derive(Debug, Default)]
pub(super) struct Vips {
    slices: BTreeMap<String, Slice>,
    /// Where each VIP is, what counts first: while the controller moves it from one slice to another, both may hold it, and the
    /// newer one counts.
    places: BTreeMap<IpAddr, Vec<Place>>,
    /// The VIPs that any slice says are of a Service, and how many times it is said.
    services: BTreeMap<(ServiceName, IpAddr), u32>,
    /// What of each slice cannot be read, in words.
    problems: BTreeMap<String, Vec<String>>,
    hashes: BTreeMap<IpAddr, u64>,
    /// VIPs that changed since their hashes were added up, some more than once.
    unhashed: Vec<IpAddr>,
    sum: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Higher ones first.
    revision: std::cmp::Reverse<u64>,
    slice: Arc<str>,
    entry: usize,
}

/// A VIP, as the slice that counts has it.
#[derive(Clone, Copy)]
pub(super) struct Vip<'a> {
    pub(super) announcement: &'a VipAnnouncement,
    pub(super) revision: u64,
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
        self.slices.values()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, Vip<'_>)> {
        self.places.iter().filter_map(|(address, places)| Some((*address, self.at(places.first()?)?)))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<Vip<'_>> {
        self.at(self.places.get(&address)?.first()?)
    }

    /// The VIPs of a Service.
    pub(super) fn of_service(&self, service: &ServiceName) -> impl Iterator<Item = IpAddr> {
        let from = (service.clone(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let of_service = self.services.range(from..).take_while(move |((of, _), _)| of == service);
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
            let hash = self.get(address).map(|vip| hash(address, vip.announcement));
            let before = match hash {
                Some(hash) => self.hashes.insert(address, hash),
                None => self.hashes.remove(&address),
            };
            self.sum = self.sum.wrapping_sub(before.unwrap_or(0)).wrapping_add(hash.unwrap_or(0));
        }
        format!("{:016x}", self.sum)
    }

    fn at(&self, place: &Place) -> Option<Vip<'_>> {
        let announcement = self.slices.get(&*place.slice)?.vips.get(place.entry)?;
        Some(Vip { announcement, revision: place.revision.0 })
    }

    fn replace(&mut self, name: &str, slice: Option<Slice>, changed: &mut Changed) {
        if self.slices.get(name) == slice.as_ref() {
            return;
        }
        changed.differs = true;
        let others = differing(self.slices.get(name), slice.as_ref());
        if let Some(before) = self.slices.remove(name) {
            for (address, announcement) in entries(&before) {
                if let Some(places) = self.places.get_mut(&address) {
                    places.retain(|place| *place.slice != *name);
                    if places.is_empty() {
                        self.places.remove(&address);
                    }
                }
                self.count_services(address, announcement, false);
            }
        }
        self.problems.remove(name);
        if let Some(slice) = slice {
            self.insert(slice);
        }
        changed.vips.extend(others);
    }

    fn insert(&mut self, slice: Slice) {
        let name: Arc<str> = slice.name.as_str().into();
        let mut problems = Vec::new();
        for (entry, announcement) in slice.vips.iter().enumerate() {
            let Ok(address) = announcement.ip.parse::<IpAddr>() else {
                problems.push(format!(
                    "slice {name} holds {:?}, which is no IP address; that entry is left out",
                    announcement.ip
                ));
                continue;
            };
            let revision = announcement.layer2.as_ref().map_or(0, |layer2| layer2.revision);
            let revision = std::cmp::Reverse(u64::try_from(revision).unwrap_or(0));
            let places = self.places.entry(address).or_default();
            places.push(Place { revision, slice: Arc::clone(&name), entry });
            places.sort();
            self.count_services(address, announcement, true);
        }
        if !problems.is_empty() {
            self.problems.insert(slice.name.clone(), problems);
        }
        self.slices.insert(slice.name.clone(), slice);
    }

    /// A slice says, or no longer, which Services a VIP is of.
    fn count_services(&mut self, address: IpAddr, announcement: &VipAnnouncement, more: bool) {
        for service in &announcement.services {
            let key = (ServiceName::from(service), address);
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

fn entries(slice: &Slice) -> impl Iterator<Item = (IpAddr, &VipAnnouncement)> {
    slice.vips.iter().filter_map(|vip| Some((vip.ip.parse().ok()?, vip)))
}

/// The same by address, in the slice's order for each.
fn by_address(slice: Option<&Slice>) -> Vec<(IpAddr, &VipAnnouncement)> {
    let mut all: Vec<_> = slice.into_iter().flat_map(entries).collect();
    all.sort_by_key(|(address, _)| *address);
    all
}

/// Addresses of which two versions of a slice say something else.
fn differing(before: Option<&Slice>, now: Option<&Slice>) -> Vec<IpAddr> {
    let (before, now) = (by_address(before), by_address(now));
    let (mut before, mut now) = (before.as_slice(), now.as_slice());
    let mut others = Vec::new();
    while let Some(address) = before.first().into_iter().chain(now.first()).map(|(address, _)| *address).min()
    {
        let of =
            |all: &[(IpAddr, &VipAnnouncement)]| all.iter().take_while(|(one, _)| *one == address).count();
        let (old, new) = (before.split_at(of(before)), now.split_at(of(now)));
        if old.0 != new.0 {
            others.push(address);
        }
        (before, now) = (old.1, new.1);
    }
    others
}

fn hash(address: IpAddr, announcement: &VipAnnouncement) -> u64 {
    let mut hash = Sha256::new();
    hash.update(address.to_string());
    hash.update(serde_json::to_vec(announcement).expect("an announcement is plain data"));
    let bytes = hash.finalize();
    u64::from_be_bytes(bytes[..8].try_into().expect("a hash has 32 octets"))
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{Layer2Announcement, ServiceReference, TrafficPolicy};
    use ferrolb_sansio::Rng;

    use super::*;

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
        let all: Vec<String> = vips
            .iter()
            .map(|(address, vip)| format!("{address} {} {:?}", vip.revision, vip.announcement))
            .collect();
        format!("{digest} {all:#?} {:?} {:?}", vips.services, vips.problems().collect::<Vec<_>>())
    }

    /// What is kept from change to change is what follows from all slices at once, and every VIP that is other is named.
    #[test]
    fn slices_that_come_change_and_go_leave_no_trace() {
        let mut rng = Rng::new(7);
        let mut kept = Vips::default();
        for revision in 0..3_000 {
            let before: BTreeMap<IpAddr, VipAnnouncement> =
                kept.iter().map(|(address, vip)| (address, vip.announcement.clone())).collect();
            let name = format!("vips-{}", rng.below(3));
            let vips = (0..rng.below(5)).map(|_| drawn(&mut rng)).collect();
            let slice = Slice { name, revision, vips };
            let change = if rng.below(4) == 0 { Change::Deleted(slice) } else { Change::Applied(slice) };
            let changed = kept.apply(change);
            for (address, vip) in kept.iter() {
                let same = before.get(&address) == Some(vip.announcement);
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
        let slice = Slice { name: "vips-0".into(), revision: 1, vips: vec![drawn(&mut rng)] };
        let mut vips = Vips::default();
        assert!(vips.apply(Change::Applied(slice.clone())).differs);
        assert_eq!(vips.apply(Change::All(vec![slice])), Changed { differs: false, vips: Vec::new() });
    }
}
