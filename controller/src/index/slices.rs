//! VIPs packed into announcement slices.
//!
//! A VIP stays in the slice it is in, so one change rewrites one slice. A slice is written at once; while addresses are being
//! written it gathers for a moment what else changes, so that a thousand new VIPs cost dozens of writes, and so that who waits
//! for an address does not wait for slices too.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
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
        self.slices.values().flat_map(|slice| &slice.observed)
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
                if slice.wanted.get(&address) != Some(&vip) {
                    slice.wanted.insert(address, vip);
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
        slice.observed = object.spec.vips;
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
            slice.version = None;
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
mod tests {
    use ferrolb_api::AnnouncementSliceSpec;

    use super::*;

    const BUSY: bool = true;

    fn vip(number: u8) -> (IpAddr, VipAnnouncement) {
        let address: IpAddr = [192, 0, 2, number].into();
        let announcement = VipAnnouncement {
            ip: address.to_string(),
            pool: "lan".into(),
            services: Vec::new(),
            traffic_policy: ferrolb_api::TrafficPolicy::Cluster,
            layer2: None,
            bgp: None,
        };
        (address, announcement)
    }

    fn want(slices: &mut Slices, number: u8) {
        let (address, announcement) = vip(number);
        slices.want(address, Some(announcement));
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(1000 + milliseconds)
    }

    fn done(version: &str) -> Verdict {
        Verdict::Done { resource_version: version.into() }
    }

    #[test]
    fn while_more_come_a_write_takes_all_of_the_last_interval() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(slices.poll_write(at(0), BUSY).is_none(), "others may come");
        assert_eq!(slices.deadline(BUSY), Some(at(100)));
        want(&mut slices, 2);
        assert!(slices.poll_write(at(99), BUSY).is_none());
        assert!(
            matches!(slices.poll_write(at(100), BUSY), Some(Write::CreateSlice(slice)) if slice.spec.vips.len() == 2)
        );
        want(&mut slices, 3);
        want(&mut slices, 4);
        assert!(slices.poll_write(at(101), BUSY).is_none(), "one request a slice is in flight");
        slices.finished("vips-0", &done("5"), at(110));
        assert!(slices.poll_write(at(111), BUSY).is_none(), "the interval is not over");
        assert_eq!(slices.deadline(BUSY), Some(at(201)));
        assert!(matches!(slices.poll_write(at(201), BUSY), Some(Write::ReplaceSlice(slice))
            if slice.spec.vips.len() == 4 && slice.metadata.resource_version.as_deref() == Some("5")));
    }

    #[test]
    fn what_gathered_goes_as_soon_as_no_more_come() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(slices.poll_write(at(0), BUSY).is_none());
        assert_eq!(slices.deadline(!BUSY), Some(Duration::ZERO));
        assert!(slices.poll_write(at(3), !BUSY).is_some());
    }

    #[test]
    fn what_comes_alone_does_not_wait_for_the_interval() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(slices.poll_write(at(0), !BUSY).is_some());
        slices.finished("vips-0", &done("5"), at(5));
        want(&mut slices, 2);
        assert_eq!(slices.deadline(!BUSY), Some(Duration::ZERO));
        assert!(slices.poll_write(at(6), !BUSY).is_some());
    }

    #[test]
    fn a_slice_holds_eight_and_one_that_has_room_again_is_filled() {
        let mut slices = Slices::default();
        (0..20).for_each(|number| want(&mut slices, number));
        let mut written = Vec::new();
        while let Some(Write::CreateSlice(slice)) = slices.poll_write(at(0), !BUSY) {
            written.push((slice.metadata.name.unwrap(), slice.spec.vips.len()));
        }
        let named = |name: &str, vips| (name.to_owned(), vips);
        assert_eq!(written, [named("vips-0", 8), named("vips-1", 8), named("vips-2", 4)]);
        written.iter().for_each(|(name, _)| slices.finished(name, &done("5"), at(1)));

        slices.want(vip(3).0, None);
        want(&mut slices, 30);
        assert!(matches!(slices.poll_write(at(2), !BUSY), Some(Write::ReplaceSlice(slice))
            if slice.metadata.name.as_deref() == Some("vips-0") && slice.spec.vips.len() == 7));
        slices.finished("vips-0", &done("6"), at(3));
        want(&mut slices, 31);
        let homes = [30, 31].map(|number| slices.home[&vip(number).0].as_str());
        assert_eq!(homes, ["vips-2", "vips-0"], "until it is written, what leaves counts");
    }

    #[test]
    fn a_restart_writes_nothing_and_an_edit_by_hand_is_undone() {
        let (address, announcement) = vip(1);
        let mut object =
            AnnouncementSlice::new("vips-0", AnnouncementSliceSpec { vips: vec![announcement.clone()] });
        object.metadata.resource_version = Some("7".into());
        let mut slices = Slices::default();
        slices.observe(Change::All(vec![object.clone()]));
        slices.want(address, Some(announcement));
        slices.compare_all();
        assert!(slices.poll_write(at(0), !BUSY).is_none());

        object.spec.vips[0].pool = "other".into();
        object.metadata.resource_version = Some("8".into());
        slices.observe(Change::Applied(object));
        assert!(
            matches!(slices.poll_write(at(0), !BUSY), Some(Write::ReplaceSlice(slice)) if slice.spec.vips[0].pool == "lan")
        );
    }

    #[test]
    fn an_empty_slice_is_deleted_and_a_deleted_one_restored() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(slices.poll_write(at(0), !BUSY).is_some());
        slices.finished("vips-0", &done("5"), at(1));
        slices.observe(Change::All(Vec::new()));
        assert!(matches!(slices.poll_write(at(200), !BUSY), Some(Write::CreateSlice(_))));
        slices.finished("vips-0", &done("9"), at(201));
        slices.want(vip(1).0, None);
        assert!(
            matches!(slices.poll_write(at(400), !BUSY), Some(Write::DeleteSlice { name, .. }) if name == "vips-0")
        );
        slices.finished("vips-0", &done(""), at(401));
        assert!(slices.poll_write(at(600), !BUSY).is_none());
        assert!(slices.slices.is_empty());
    }

    fn applied(version: &str, numbers: &[u8]) -> Change<AnnouncementSlice> {
        let vips = numbers.iter().map(|number| vip(*number).1).collect();
        let mut object = AnnouncementSlice::new("vips-0", AnnouncementSliceSpec { vips });
        object.metadata.resource_version = Some(version.into());
        Change::Applied(object)
    }

    #[test]
    fn a_conflict_is_resolved_by_what_was_seen_before_its_answer() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(matches!(slices.poll_write(at(0), !BUSY), Some(Write::CreateSlice(_))));
        slices.observe(applied("5", &[2]));
        slices.finished("vips-0", &Verdict::Conflict, at(1));
        assert!(matches!(slices.poll_write(at(200), !BUSY), Some(Write::ReplaceSlice(slice))
            if slice.metadata.resource_version.as_deref() == Some("5")));
    }

    #[test]
    fn an_answer_says_nothing_about_what_was_edited_since() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(slices.poll_write(at(0), !BUSY).is_some());
        slices.observe(applied("6", &[2]));
        slices.finished("vips-0", &done("5"), at(1));
        assert!(matches!(slices.poll_write(at(200), !BUSY), Some(Write::ReplaceSlice(slice))
            if slice.metadata.resource_version.as_deref() == Some("6")));
    }

    #[test]
    fn a_deletion_of_what_was_made_anew_is_no_news() {
        let mut slices = Slices::default();
        want(&mut slices, 1);
        assert!(slices.poll_write(at(0), !BUSY).is_some());
        slices.finished("vips-0", &done("7"), at(1));
        let Change::Applied(gone) = applied("6", &[]) else { unreachable!() };
        slices.observe(Change::Deleted(gone));
        assert!(slices.poll_write(at(200), !BUSY).is_none());
        let Change::Applied(gone) = applied("8", &[]) else { unreachable!() };
        slices.observe(Change::Deleted(gone));
        assert!(matches!(slices.poll_write(at(200), !BUSY), Some(Write::CreateSlice(_))));
    }
}
