use std::net::IpAddr;

use super::{Loss, Record, array};
use crate::{Ballot, ShortUid};

/// An owner offers a VIP to one speaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Offer {
    pub(crate) vip: IpAddr,
    /// The owner's own; the taker's has the next term.
    pub(crate) ballot: Ballot,
    pub(crate) to: ShortUid,
    /// The VIP could as well stay.
    pub(crate) voluntary: bool,
    /// Seconds since each of its last two voluntary moves.
    pub(crate) moves: [u8; 2],
}

impl Record for Offer {
    const LEN: usize = Loss::LEN + 8 + 1 + 2;

    fn read(bytes: &[u8]) -> Self {
        let Loss { vip, ballot } = Loss::read(bytes);
        Self {
            vip,
            ballot,
            to: ShortUid(u64::from_be_bytes(array(bytes, Loss::LEN))),
            voluntary: bytes[Loss::LEN + 8] & 1 == 1,
            moves: array(bytes, Loss::LEN + 9),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        Loss { vip: self.vip, ballot: self.ballot }.write(out);
        out.extend_from_slice(&self.to.0.to_be_bytes());
        out.push(u8::from(self.voluntary));
        out.extend_from_slice(&self.moves);
    }
}

/// A candidate asks an owner whose plan is older than `revision` to hand over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Evict {
    pub(crate) vip: IpAddr,
    /// The owner's.
    pub(crate) ballot: Ballot,
    /// Of the sender's plan.
    pub(crate) revision: u64,
}

impl Record for Evict {
    const LEN: usize = Loss::LEN + 8;

    fn read(bytes: &[u8]) -> Self {
        let Loss { vip, ballot } = Loss::read(bytes);
        Self { vip, ballot, revision: u64::from_be_bytes(array(bytes, Loss::LEN)) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        Loss { vip: self.vip, ballot: self.ballot }.write(out);
        out.extend_from_slice(&self.revision.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_and_evictions_survive_the_wire() {
        let ballot = Ballot { connected: true, term: 9, uid: ShortUid(4) };
        let vip: IpAddr = "2001:db8::7".parse().unwrap();
        let offer = Offer { vip, ballot, to: ShortUid(6), voluntary: true, moves: [3, 255] };
        let evict = Evict { vip, ballot, revision: 77 };
        let mut out = Vec::new();
        offer.write(&mut out);
        assert_eq!((out.len(), Offer::read(&out)), (Offer::LEN, offer));
        out.clear();
        evict.write(&mut out);
        assert_eq!((out.len(), Evict::read(&out)), (Evict::LEN, evict));
    }
}
