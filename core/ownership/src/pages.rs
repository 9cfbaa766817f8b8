use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::Ballot;
use crate::ShortUid;
use crate::wire::{Claim, limits};

/// What this speaker claims, in pages that others can hold, compare by version and ask for one by one.
///
/// A page's version grows with each change of it, and what is announced is the sum of all: equal sums mean equal
/// pages, because no page's version ever falls.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnPages {
    pages: Vec<OwnPage>,
    place: BTreeMap<IpAddr, usize>,
    changed: BTreeSet<u16>,
    /// The sum of the pages' versions.
    version: u64,
    /// How many pages bear a claim that was made while this speaker was cut off.
    cut_off: usize,
}

#[derive(Clone, Debug, Default)]
struct OwnPage {
    version: u32,
    claims: Vec<Claim>,
    /// Claims that were on this page and lost, with the moment of the loss; told for a minute.
    lost: Vec<(IpAddr, Instant)>,
    /// Whether a claim on it was made while this speaker was cut off.
    cut_off: bool,
}

impl OwnPages {
    /// Claims `claim.vip`, or changes what is claimed. `false` if there is no room for one more.
    pub(crate) fn claim(&mut self, claim: Claim) -> bool {
        let Some(index) = self.place.get(&claim.vip).copied().or_else(|| self.room()) else { return false };
        self.place.insert(claim.vip, index);
        let page = &mut self.pages[index];
        page.claims.retain(|old| old.vip != claim.vip);
        page.lost.retain(|(vip, _)| *vip != claim.vip);
        page.claims.push(claim);
        self.touch(index);
        true
    }

    /// Withdraws the claim to `vip`; `outvoted_at` if another speaker's ballot beat it.
    pub(crate) fn withdraw(&mut self, vip: IpAddr, outvoted_at: Option<Instant>) {
        let Some(index) = self.place.remove(&vip) else { return };
        let page = &mut self.pages[index];
        page.claims.retain(|claim| claim.vip != vip);
        if let Some(at) = outvoted_at {
            if page.lost.len() == limits::MAX_BALLOTS {
                page.lost.remove(0);
            }
            page.lost.push((vip, at));
        }
        self.touch(index);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn count(&self) -> u16 {
        u16::try_from(self.pages.len()).expect("there are at most MAX_PAGES pages")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.place.is_empty()
    }

    /// Whether some claim was made while this speaker was cut off.
    pub(crate) fn any_cut_off(&self) -> bool {
        self.cut_off > 0
    }

    /// The version and claims of a page.
    pub(crate) fn page(&self, index: u16) -> Option<(u32, &[Claim])> {
        self.pages.get(usize::from(index)).map(|page| (page.version, page.claims.as_slice()))
    }

    /// What was lost from a page, and when.
    pub(crate) fn lost(&self, index: u16) -> &[(IpAddr, Instant)] {
        self.pages.get(usize::from(index)).map_or(&[], |page| page.lost.as_slice())
    }

    /// Forgets losses before `before`.
    pub(crate) fn forget_lost(&mut self, before: Instant) {
        self.pages.iter_mut().for_each(|page| page.lost.retain(|(_, at)| *at >= before));
    }

    /// All pages are to be told once more.
    pub(crate) fn tell_again(&mut self) {
        self.changed.extend(0..self.count());
    }

    pub(crate) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Pages changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<u16> {
        core::mem::take(&mut self.changed)
    }

    fn room(&mut self) -> Option<usize> {
        let free = self.pages.iter().position(|page| page.claims.len() < limits::MAX_CLAIMS);
        if free.is_none() && self.pages.len() < limits::MAX_PAGES {
            self.pages.push(OwnPage::default());
            return Some(self.pages.len() - 1);
        }
        free
    }

    fn touch(&mut self, index: usize) {
        let page = &mut self.pages[index];
        page.version += 1;
        self.version += 1;
        self.cut_off -= usize::from(page.cut_off);
        page.cut_off = page.claims.iter().any(|claim| !claim.connected);
        self.cut_off += usize::from(page.cut_off);
        self.changed.insert(u16::try_from(index).expect("there are at most MAX_PAGES pages"));
    }
}

/// What is held of another speaker's pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldPages {
    pages: Vec<(u32, Vec<IpAddr>)>,
    claims: BTreeMap<IpAddr, (u16, Claim)>,
    announced: (u64, u16),
    /// The sum of the versions held.
    sum: u64,
}

impl HeldPages {
    /// Its owner announces pages of this version and number.
    pub(crate) fn announce(&mut self, version: u64, count: u16) {
        self.announced = (version, count);
    }

    /// Takes a page; `false` if a newer or the same one is held.
    pub(crate) fn take(&mut self, index: u16, version: u32, claims: impl Iterator<Item = Claim>) -> bool {
        let at = usize::from(index);
        if self.pages.len() <= at {
            self.pages.resize_with(at + 1, Default::default);
        }
        let (held, vips) = &mut self.pages[at];
        if version <= *held {
            return false;
        }
        self.sum += u64::from(version - *held);
        *held = version;
        for vip in vips.drain(..) {
            if self.claims.get(&vip).is_some_and(|(page, _)| *page == index) {
                self.claims.remove(&vip);
            }
        }
        for claim in claims {
            vips.push(claim.vip);
            self.claims.insert(claim.vip, (index, claim));
        }
        true
    }

    /// Whether everything announced is held.
    pub(crate) fn current(&self) -> bool {
        self.sum >= self.announced.0 && self.pages.len() >= usize::from(self.announced.1)
    }

    /// The versions held, in order; zero for a page not held.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u32> {
        self.pages.iter().map(|(version, _)| *version)
    }

    /// What its owner claims for `vip`, as far as held.
    pub(crate) fn claim(&self, vip: IpAddr) -> Option<&Claim> {
        self.claims.get(&vip).map(|(_, claim)| claim)
    }

    /// The VIPs of all claims held.
    pub(crate) fn vips(&self) -> impl Iterator<Item = IpAddr> {
        self.claims.keys().copied()
    }

    /// All claims held, as ballots of `uid`.
    pub(crate) fn ballots(&self, uid: ShortUid) -> impl Iterator<Item = (IpAddr, Ballot)> {
        self.claims.values().map(move |(_, claim)| (claim.vip, claim.ballot(uid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(n: u8, term: u64) -> Claim {
        Claim { vip: IpAddr::from([192, 0, 2, n]), connected: true, term, moves: [255; 2] }
    }

    fn copy(own: &OwnPages, held: &mut HeldPages, index: u16) {
        let (version, claims) = own.page(index).unwrap();
        held.take(index, version, claims.iter().copied());
    }

    #[test]
    fn a_change_touches_one_page_and_is_missed_until_that_page_comes() {
        let (mut own, mut held) = (OwnPages::default(), HeldPages::default());
        assert!((0..100).all(|n| own.claim(claim(n, 1))));
        assert_eq!(own.take_changed().len(), 3);
        held.announce(own.version(), own.count());
        assert!(!held.current());
        (0..3).for_each(|index| copy(&own, &mut held, index));
        assert!(held.current());
        own.withdraw(claim(50, 1).vip, None);
        assert_eq!(own.take_changed().into_iter().collect::<Vec<_>>(), [1]);
        held.announce(own.version(), own.count());
        assert!(!held.current());
        copy(&own, &mut held, 1);
        assert!(held.current());
        assert!(held.claim(claim(50, 1).vip).is_none());
        assert_eq!(held.ballots(ShortUid(1)).count(), 99);
    }

    #[test]
    fn a_claim_that_moves_to_another_page_is_not_lost_with_the_old_one() {
        let (mut own, mut held) = (OwnPages::default(), HeldPages::default());
        (0..41).for_each(|n| assert!(own.claim(claim(n, 1))));
        (0..2).for_each(|index| copy(&own, &mut held, index));
        own.withdraw(claim(0, 1).vip, None);
        own.withdraw(claim(40, 1).vip, None);
        own.claim(claim(40, 2));
        (0..2).for_each(|index| copy(&own, &mut held, index));
        held.announce(own.version(), own.count());
        assert!(held.current());
        assert_eq!(held.claim(claim(40, 1).vip), Some(&claim(40, 2)));
        assert!(held.claim(claim(0, 1).vip).is_none());
    }

    #[test]
    fn a_claim_made_while_cut_off_is_known_until_it_is_raised_or_withdrawn() {
        let mut own = OwnPages::default();
        let cut_off = |n| Claim { connected: false, ..claim(n, 1) };
        assert!((0..100).all(|n| own.claim(claim(n, 1))) && !own.any_cut_off());
        own.claim(cut_off(50));
        own.claim(cut_off(90));
        own.claim(claim(50, 2));
        assert!(own.any_cut_off());
        own.withdraw(claim(90, 1).vip, None);
        assert!(!own.any_cut_off());
    }
}
