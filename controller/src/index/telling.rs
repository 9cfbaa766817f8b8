//! What Services' owners are told beside their addresses.

use std::time::Duration;

use ferrolb_model::{Assignment, ServiceId};

use super::{Index, routed::Pairs};

impl Index {
    /// Two Services have been given one address, by a leader that was frozen and a later one: whoever has it no longer is
    /// told why.
    pub(super) fn tell_of_duplicates(&mut self, id: &ServiceId, keeps: &[Assignment]) {
        let lost: Vec<_> = self.services.written_addresses(id).to_vec();
        for address in lost.into_iter().filter(|address| keeps.iter().all(|one| one.address != *address)) {
            let Some(other) = self.allocator.vip(address).and_then(|vip| vip.services.into_iter().next())
            else {
                continue;
            };
            let note = format!(
                "{address} was the Service {}'s too and stays with it, so this Service gets another address",
                other.id
            );
            self.services.tell(id, true, "AddressDuplicate", note);
        }
    }

    /// Says what Services' conditions about announcing should be, of those about which something changed.
    pub(super) fn look_at_announcements(&mut self, now: Duration) {
        let mut pairs = Pairs::default();
        for id in self.announced.due(now) {
            let addresses = self.services.settled_addresses(&id);
            let standings: Vec<_> = addresses
                .iter()
                .map(|address| {
                    let routed = self.announcements.routed(*address, &mut pairs);
                    (*address, self.announcements.standing(*address), routed)
                })
                .collect();
            let spoken = self.services.speaks_of_announcing(&id);
            if self.services.uid(&id).is_none() {
                self.announced.forget(&id);
            } else if let Some(status) = self.announced.status(&id, &standings, spoken, now) {
                self.services.want_announced(&id, status);
            }
        }
    }
}
