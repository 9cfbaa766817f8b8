//! VIPs packed into announcement slices.
//!
//! A VIP stays in the slice it is in, so one change rewrites one slice. A slice is written a moment after what it is written for;
//! while addresses are being written it gathers for longer what else changes, so that a thousand new VIPs cost dozens of writes,
//! and so that who waits for an address does not wait for slices too.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use ferrolb_api::{AnnouncementSlice, VipAnnouncement};
use ferrolb_model::{ServiceId, Uid};
use ferrolb_runtime::watch::Change;

use super::{pace::Pace, slice::Slice, version};
use crate::write::{Verdict, Write};

/// VIPs to a slice. One change rewrites one slice, and the API server takes about 0.27 ms of processor time for each VIP in it
/// on top of 1.6 ms for any write, so fewer than the API allows: with eight a slice that many VIPs are new in costs no more for each
/// of them than with sixteen.
const FULL: usize = 8;

/// Every slice, as it is and as it is wanted.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    slices: BTreeMap<String, Slice>,
    home: BTreeMap<IpAddr, String>,
    dirty: BTreeSet<String>,
    /// Slices with lower numbers are full.
    with_room: u32,
}

impl Slices {
    /// Applies what a watch saw.
    pub(crate) fn observe(&mut self, change: Change<AnnouncementSlice>) {
        match change {
            Change::All(slices) => {
                let names: BTreeSet<String> =
                    slices.iter().filter_map(|slice| slice.metadata.name.clone()).collect();
                let gone: Vec<String> =
                    self.slices.keys().filter(|name| !names.contains(*name)).cloned().collect();
                for name in gone {
                    self.vanished(&name);
                }
                for slice in slices {
                    self.seen(slice, true);
                }
            }
            Change::Applied(slice) => self.seen(slice, false),
            Change::Deleted(slice) => self.deleted(slice),
        }
    }

    /// The VIPs as the API server has them, for a controller that starts.
    pub(crate) fn observed(&self) -> impl Iterator<Item = &VipAnnouncement> {
        self.slices.values().flat_map(|slice| &slice.observed).map(AsRef::as_ref)
    }

    /// The same: for which Services each is announced.
    pub(crate) fn announced(&self) -> BTreeMap<IpAddr, BTreeSet<Uid>> {
        let mut announced: BTreeMap<_, BTreeSet<Uid>> = BTreeMap::new();
        for vip in self.observed() {
            let Ok(address) = vip.ip.parse() else { continue };
            let services = vip.services.iter().map(|service| service.uid.as_str().into());
            announced.entry(address).or_default().extend(services);
        }
        announced
    }

    /// What is wanted for one VIP; `None`: it is not to be announced.
    pub(crate) fn want(&mut self, address: IpAddr, vip: Option<VipAnnouncement>) {
        match vip {
            Some(vip) => {
                let name = self.home_of(address);
                let slice = self.slices.entry(name.clone()).or_default();
                if slice.wanted.get(&address).is_none_or(|wanted| **wanted != vip) {
                    let observed = slice.observed.iter().find(|observed| ***observed == vip).cloned();
                    slice.wanted.insert(address, observed.unwrap_or_else(|| Arc::new(vip)));
                    self.dirty.insert(name);
                }
            }
            None => {
                let Some(name) = self.home.remove(&address) else { return };
                if let Some(slice) = self.slices.get_mut(&name) {
                    slice.wanted.remove(&address);
                }
                self.may_have_room(&name);
                self.dirty.insert(name);
            }
        }
    }

    /// The version of the slice that says what is wanted of a VIP; `None` while none does.
    pub(crate) fn published(&self, address: IpAddr) -> Option<&str> {
        let slice = self.slices.get(self.home.get(&address)?)?;
        let wanted = slice.wanted.get(&address)?;
        slice.observed.contains(wanted).then_some(slice.version.as_deref()?)
    }

    /// The VIPs that a slice is to hold.
    pub(crate) fn wanted_in(&self, name: &str) -> impl Iterator<Item = IpAddr> {
        self.slices.get(name).into_iter().flat_map(|slice| slice.wanted.keys().copied())
    }

    /// Whether any slice, as the API server has it, names the Service.
    pub(crate) fn name(&self, service: &ServiceId) -> bool {
        let mut references = self.observed().flat_map(|vip| &vip.services);
        references.any(|one| one.name == *service.name && one.namespace == *service.namespace)
    }

    /// Every slice is compared with what is wanted, also those nobody asked to change: call once all is wanted.
    pub(crate) fn compare_all(&mut self) {
        self.dirty.extend(self.slices.keys().cloned());
    }

    /// The next request that may go, if any. `busy`: more VIPs are about to come.
    pub(crate) fn poll_write(&mut self, now: Duration, busy: bool) -> Option<Write> {
        for name in self.dirty.iter().cloned().collect::<Vec<_>>() {
            let slice = self.slices.entry(name.clone()).or_default();
            slice.differs_since.get_or_insert(now);
            // Comparing costs more than looking at the clock.
            if !slice.pace.allows(now) || slice.rests_until(busy).is_some_and(|time| now < time) {
                continue;
            }
            if slice.in_step() {
                self.dirty.remove(&name);
                slice.differs_since = None;
                if slice.version.is_none() && slice.pace == Pace::Free {
                    self.slices.remove(&name);
                }
                continue;
            }
            self.dirty.remove(&name);
            return Some(slice.write(name, now));
        }
        None
    }

    /// When [`Self::poll_write`] will have something that it has not now.
    pub(crate) fn deadline(&self, busy: bool) -> Option<Duration> {
        self.dirty
            .iter()
            .filter_map(|name| self.slices.get(name))
            .filter_map(|slice| match slice.pace {
                Pace::Free => Some(slice.rests_until(busy).unwrap_or_default()),
                Pace::Until { .. } => slice.pace.deadline(),
                Pace::InFlight { .. } | Pace::AwaitsNewer => None,
            })
            .min()
    }

    /// A request's outcome.
    pub(crate) fn finished(&mut self, name: &str, verdict: &Verdict, now: Duration) {
        let Some(slice) = self.slices.get_mut(name) else { return };
        // The watch may have been faster than the answer: what it told then is newer than what was known.
        let overtaken = slice.version != slice.sent_from;
        slice.pace.finished(verdict, overtaken, now);
        match verdict {
            Verdict::Done { resource_version } if overtaken && !slice.is_older_than(resource_version) => {}
            Verdict::Done { resource_version } => {
                slice.version = (!resource_version.is_empty()).then(|| resource_version.clone());
                slice.observed = std::mem::take(&mut slice.sent);
            }
            // Deleted by somebody else: nothing will be seen of it any more, so start anew.
            Verdict::Gone => {
                if !overtaken {
                    slice.version = None;
                    slice.observed.clear();
                }
                slice.pace = Pace::Free;
            }
            Verdict::Conflict | Verdict::Refused(_) | Verdict::Again { .. } => {}
        }
        self.may_have_room(name);
        self.dirty.insert(name.to_owned());
    }

    /// What a list says is believed whatever is known: the API server's storage may have been set back.
    fn seen(&mut self, object: AnnouncementSlice, in_list: bool) {
        let name = object.metadata.name.unwrap_or_default();
        let resource_version = object.metadata.resource_version.unwrap_or_default();
        let slice = self.slices.entry(name.clone()).or_default();
        let is_old =
            slice.version.as_deref().is_some_and(|known| !version::is_newer(&resource_version, known));
        if is_old && !in_list && slice.pace != Pace::AwaitsNewer {
            return;
        }
        slice.version = Some(resource_version);
        slice.foreign = !object.spec.vips.iter().eq(slice.sent.iter().map(AsRef::as_ref));
        slice.observe(object.spec.vips);
        slice.pace.seen();
        for vip in &slice.observed {
            if let Ok(address) = vip.ip.parse() {
                self.home.entry(address).or_insert_with(|| name.clone());
            }
        }
        self.may_have_room(&name);
        self.dirty.insert(name);
    }

    /// A deletion is no news if the slice was made anew since.
    fn deleted(&mut self, object: AnnouncementSlice) {
        let name = object.metadata.name.unwrap_or_default();
        let deleted = object.metadata.resource_version.unwrap_or_default();
        let is_old = self.slices.get(&name).is_some_and(|slice| {
            let anew = slice.version.as_deref().is_some_and(|known| version::is_newer(known, &deleted));
            anew && slice.pace != Pace::AwaitsNewer
        });
        if !is_old {
            self.vanished(&name);
        }
    }

    fn vanished(&mut self, name: &str) {
        if let Some(slice) = self.slices.get_mut(name) {
            let we_delete = matches!(slice.pace, Pace::InFlight { .. }) && slice.sent.is_empty();
            slice.foreign |= slice.version.take().is_some() && !we_delete;
            slice.observed.clear();
            slice.pace.seen();
            self.may_have_room(name);
            self.dirty.insert(name.to_owned());
        }
    }

    /// The slice a VIP is in, or the first with room.
    fn home_of(&mut self, address: IpAddr) -> String {
        if let Some(name) = self.home.get(&address) {
            return name.clone();
        }
        let mut numbers = (self.with_room..).map(|number| (number, name_of(number)));
        let (number, name) = numbers
            .find(|(_, name)| self.slices.get(name).is_none_or(|slice| slice.occupied() < FULL))
            .expect("slices are numbered without end");
        self.with_room = number;
        self.home.insert(address, name.clone());
        name
    }

    /// A slice holds fewer VIPs than before, or is gone.
    fn may_have_room(&mut self, name: &str) {
        let number = name.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
        self.with_room = self.with_room.min(number.unwrap_or(u32::MAX));
    }
}

const PREFIX: &str = "vips-";

fn name_of(number: u32) -> String {
    format!("{PREFIX}{number}")
}

#[cfg(test)]
mod tests;
