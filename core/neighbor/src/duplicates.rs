use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::Mac;

/// Stations that use a VIP owned here though they are no speakers.
///
/// RFC 5227 §2.4 (c): defend at most once in ten seconds, and never in a war; the owner goes on owning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duplicates {
    defended: BTreeMap<IpAddr, (Mac, Instant)>,
}

const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

impl Duplicates {
    /// Notes that `mac` uses `vip`; returns whether to defend it and tell people about it now.
    pub(crate) fn note(&mut self, now: Instant, vip: IpAddr, mac: Mac) -> bool {
        let quiet = self.defended.get(&vip).is_some_and(|(_, at)| now.since(*at) < DEFEND_INTERVAL);
        if !quiet {
            self.defended.insert(vip, (mac, now));
        }
        !quiet
    }

    /// Forgets a VIP that is not owned here any longer.
    pub(crate) fn forget(&mut self, vip: IpAddr) {
        self.defended.remove(&vip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defends_at_most_once_in_ten_seconds() {
        let mut duplicates = Duplicates::default();
        let (vip, mac) = (IpAddr::from([192, 0, 2, 7]), Mac([2, 0, 0, 0, 0, 9]));
        let start = Instant::from_millis(500);
        let told =
            (0..250u64).filter(|n| duplicates.note(start + Duration::from_millis(100 * n), vip, mac)).count();
        assert_eq!(told, 3, "25 seconds of claims are answered three times");
    }
}
