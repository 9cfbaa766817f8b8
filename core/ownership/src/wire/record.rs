use core::marker::PhantomData;
use core::time::Duration;
use std::net::{IpAddr, Ipv6Addr};

use super::{array, micros};
use crate::{Ballot, ShortUid};

/// Something of fixed length that a block lists.
pub(crate) trait Record {
    /// Its length on the wire, bytes.
    const LEN: usize;
    /// Reads it from exactly that many bytes.
    fn read(bytes: &[u8]) -> Self;
    /// Appends exactly that many bytes.
    fn write(&self, out: &mut Vec<u8>);
}

/// A list of records, read as it is walked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'a, T> {
    bytes: &'a [u8],
    of: PhantomData<T>,
}

impl<'a, T: Record> Records<'a, T> {
    /// The list, if it is whole and not longer than `max` records.
    pub(crate) fn new(bytes: &'a [u8], max: usize) -> Option<Self> {
        let whole = bytes.len().is_multiple_of(T::LEN) && bytes.len() / T::LEN <= max;
        whole.then_some(Self { bytes, of: PhantomData })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / T::LEN
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        self.bytes.chunks_exact(T::LEN).map(T::read)
    }
}

/// A peer the sender has heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PeerRecord {
    pub(crate) uid: ShortUid,
    /// How long ago; [`u32::MAX`] microseconds if it has not proven to be alive.
    pub(crate) age: Duration,
    /// The newest nonce heard of it.
    pub(crate) echo: u64,
}

impl Record for PeerRecord {
    const LEN: usize = 20;

    fn read(bytes: &[u8]) -> Self {
        Self {
            uid: ShortUid(u64::from_be_bytes(array(bytes, 0))),
            age: read_age(bytes, 8),
            echo: u64::from_be_bytes(array(bytes, 12)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.uid.0.to_be_bytes());
        out.extend_from_slice(&micros(self.age).to_be_bytes());
        out.extend_from_slice(&self.echo.to_be_bytes());
    }
}

/// A peer that dies again and again, and for how much longer the sender lets it come last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flap {
    pub(crate) uid: ShortUid,
    pub(crate) left: Duration,
}

impl Record for Flap {
    const LEN: usize = 12;

    fn read(bytes: &[u8]) -> Self {
        Self { uid: ShortUid(u64::from_be_bytes(array(bytes, 0))), left: read_age(bytes, 8) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.uid.0.to_be_bytes());
        out.extend_from_slice(&micros(self.left).to_be_bytes());
    }
}

/// A claim of the sender itself; its uid completes the ballot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claim {
    pub(crate) vip: IpAddr,
    pub(crate) connected: bool,
    pub(crate) term: u64,
    /// Seconds since each of the VIP's last two voluntary moves.
    pub(crate) moves: [u8; 2],
}

impl Claim {
    pub(crate) fn ballot(&self, uid: ShortUid) -> Ballot {
        Ballot { connected: self.connected, term: self.term, uid }
    }
}

impl Record for Claim {
    const LEN: usize = STAKE_LEN + 2;

    fn read(bytes: &[u8]) -> Self {
        let (vip, connected, term) = read_stake(bytes);
        Self { vip, connected, term, moves: array(bytes, STAKE_LEN) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_stake(self.vip, self.connected, self.term, out);
        out.extend_from_slice(&self.moves);
    }
}

/// A ballot, and how long ago the sender heard, directly or through others, the speaker that cast it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct News {
    pub(crate) vip: IpAddr,
    pub(crate) ballot: Ballot,
    pub(crate) age: Duration,
}

impl Record for News {
    const LEN: usize = Loss::LEN + 4;

    fn read(bytes: &[u8]) -> Self {
        let Loss { vip, ballot } = Loss::read(bytes);
        Self { vip, ballot, age: read_age(bytes, Loss::LEN) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        Loss { vip: self.vip, ballot: self.ballot }.write(out);
        out.extend_from_slice(&micros(self.age).to_be_bytes());
    }
}

/// A ballot that lost, or is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loss {
    pub(crate) vip: IpAddr,
    pub(crate) ballot: Ballot,
}

impl Record for Loss {
    const LEN: usize = STAKE_LEN + 8;

    fn read(bytes: &[u8]) -> Self {
        let (vip, connected, term) = read_stake(bytes);
        let uid = ShortUid(u64::from_be_bytes(array(bytes, STAKE_LEN)));
        Self { vip, ballot: Ballot { connected, term, uid } }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_stake(self.vip, self.ballot.connected, self.ballot.term, out);
        out.extend_from_slice(&self.ballot.uid.0.to_be_bytes());
    }
}

/// The version of one page.
impl Record for u32 {
    const LEN: usize = 4;

    fn read(bytes: &[u8]) -> Self {
        Self::from_be_bytes(array(bytes, 0))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

/// A VIP, whether the claimant was connected, and the term.
const STAKE_LEN: usize = 16 + 1 + 8;

fn read_stake(bytes: &[u8]) -> (IpAddr, bool, u64) {
    (read_vip(bytes), bytes[16] & 1 == 1, u64::from_be_bytes(array(bytes, 17)))
}

fn write_stake(vip: IpAddr, connected: bool, term: u64, out: &mut Vec<u8>) {
    write_vip(vip, out);
    out.push(u8::from(connected));
    out.extend_from_slice(&term.to_be_bytes());
}

/// IPv4 addresses travel mapped into IPv6 (RFC 4291 §2.5.5.2).
fn read_vip(bytes: &[u8]) -> IpAddr {
    Ipv6Addr::from(array::<16>(bytes, 0)).to_canonical()
}

fn write_vip(vip: IpAddr, out: &mut Vec<u8>) {
    let octets = match vip {
        IpAddr::V4(vip) => vip.to_ipv6_mapped().octets(),
        IpAddr::V6(vip) => vip.octets(),
    };
    out.extend_from_slice(&octets);
}

fn read_age(bytes: &[u8], at: usize) -> Duration {
    match u32::from_be_bytes(array(bytes, at)) {
        u32::MAX => Duration::MAX,
        micros => Duration::from_micros(micros.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_the_wire_in_both_families() {
        for vip in ["192.0.2.7", "2001:db8::7"] {
            let ballot = Ballot { connected: true, term: 77, uid: ShortUid(5) };
            for age in [Duration::from_micros(1_500), Duration::MAX] {
                let news = News { vip: vip.parse().unwrap(), ballot, age };
                let mut out = Vec::new();
                news.write(&mut out);
                assert_eq!(out.len(), News::LEN);
                assert_eq!(News::read(&out), news);
            }
        }
    }

    #[test]
    fn the_longest_penalty_survives_the_wire() {
        let flap = Flap { uid: ShortUid(5), left: Duration::from_secs(32 * 60) };
        let mut out = Vec::new();
        flap.write(&mut out);
        assert_eq!((out.len(), Flap::read(&out)), (Flap::LEN, flap));
    }

    #[test]
    fn broken_and_endless_lists_are_refused() {
        assert!(Records::<u32>::new(&[0; 7], 10).is_none());
        assert!(Records::<u32>::new(&[0; 44], 10).is_none());
        assert_eq!(Records::<u32>::new(&[0; 40], 10).map(|list| list.iter().count()), Some(10));
    }
}
