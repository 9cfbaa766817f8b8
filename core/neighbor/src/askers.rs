use std::net::IpAddr;

use crate::Mac;

/// Who asked for a VIP lately, so that they can be told first when it moves. A ring: the oldest are forgotten.
#[derive(Clone, Debug)]
pub(crate) struct Askers {
    ring: Vec<(IpAddr, Mac)>,
    next: usize,
}

impl Askers {
    const REMEMBERED: usize = 256;
    /// How many are told by unicast for one VIP; the others hear the broadcast.
    pub(crate) const TOLD: usize = 4;

    pub(crate) fn new() -> Self {
        Self { ring: Vec::with_capacity(Self::REMEMBERED), next: 0 }
    }

    pub(crate) fn note(&mut self, vip: IpAddr, mac: Mac) {
        if self.ring.contains(&(vip, mac)) {
            return;
        }
        if self.ring.len() < Self::REMEMBERED {
            self.ring.push((vip, mac));
        } else {
            self.ring[self.next] = (vip, mac);
            self.next = (self.next + 1) % Self::REMEMBERED;
        }
    }

    /// The `index`th of those that asked for `vip`.
    pub(crate) fn of(&self, vip: IpAddr, index: usize) -> Option<Mac> {
        if index >= Self::TOLD {
            return None;
        }
        self.ring.iter().filter(|(asked, _)| *asked == vip).nth(index).map(|(_, mac)| *mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_each_asker_once_and_a_bounded_number() {
        let mut askers = Askers::new();
        let vip = IpAddr::from([192, 0, 2, 7]);
        let mac = |n: usize| Mac([2, 0, 0, 0, (n / 256) as u8, (n % 256) as u8]);
        askers.note(vip, mac(1));
        askers.note(vip, mac(1));
        assert_eq!((askers.of(vip, 0), askers.of(vip, 1)), (Some(mac(1)), None));
        for n in 0..1_000 {
            askers.note(vip, mac(n));
        }
        assert_eq!(askers.ring.len(), Askers::REMEMBERED);
        assert_eq!((0..10).filter_map(|n| askers.of(vip, n)).count(), Askers::TOLD);
    }
}
