//! What Services' owners are told beside their addresses.

use std::{net::IpAddr, time::Duration};

use ferrolb_model::{Assignment, ServiceId};

use super::{Index, observed::News, routed::Pairs};

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
            self.services.tell(id, None, News { warning: true, reason: "AddressDuplicate".to_owned(), note });
        }
    }

    /// A Service's ingress is another's, and may be since nobody led. No status says whether its owner was told, so every leader
    /// tells it, under a name that the API server takes once as long as it keeps the Event.
    pub(super) fn tell_of_foreign(&mut self, id: &ServiceId, addresses: &[IpAddr]) {
        let Some(uid) = self.services.uid(id) else { return };
        let name = format!("{}.{uid}.{:016x}", id.name, hash_of(addresses));
        if self.told_foreign.insert(id.clone(), name.clone()).as_ref() != Some(&name) {
            let note = "Its ingress was written by something else and is left alone; clear it to get an address from FerroLB";
            let news = News { warning: true, reason: "ForeignIngress".to_owned(), note: note.to_owned() };
            self.services.tell(id, Some(name), news);
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

/// FNV-1a: the same on every machine and in every version of this program.
fn hash_of(addresses: &[IpAddr]) -> u64 {
    let bytes = addresses.iter().flat_map(|address| format!("{address} ").into_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
