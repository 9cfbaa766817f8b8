//! Frames between speakers: a fixed header, blocks of type, length and value, and a signature over both.
//!
//! All numbers are big-endian. Blocks of unknown type are skipped, so that neighbouring versions understand each
//! other; a block of a known type that breaks its own framing condemns the whole frame.

mod block;
mod handover;
mod record;

use core::time::Duration;

pub(crate) use block::{Block, blocks, kind, limits};
pub(crate) use handover::{Evict, Offer};
pub(crate) use record::{Claim, Flap, Loss, News, PeerRecord, Record, Records};

use crate::keys::{Key, Keys, TAG_LEN};
use crate::{ClusterId, Uid};

/// The longest speaker frame: what fits into an Ethernet frame under an IPv6 and a UDP header.
pub(crate) const MAX_LEN: usize = 1500 - 40 - 8;
pub(crate) const MAX_UNSIGNED: usize = MAX_LEN - TAG_LEN;

const MAGIC: [u8; 4] = *b"FeLB";
const VERSION: u8 = 1;
const HEADER_LEN: usize = 76;

/// What every frame says of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) cluster: ClusterId,
    /// The id of the key that signs the frame.
    pub(crate) key: u32,
    pub(crate) flags: Flags,
    /// The interval between heartbeats that the sender keeps, or will keep in three beats if it is to grow.
    pub(crate) interval: Duration,
    pub(crate) uid: Uid,
    /// One more with every frame of this uid.
    pub(crate) sequence: u64,
    /// What must be echoed to the sender before it believes a frame.
    pub(crate) nonce: u64,
    /// The revision of the newest plan the sender knows.
    pub(crate) revision: u64,
    /// The sum of the versions of the sender's claim pages.
    pub(crate) page_version: u64,
    pub(crate) page_count: u16,
}

/// The sender's own condition, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Flags(pub(crate) u16);

impl Flags {
    /// At least one VIP of the plan could be served here.
    pub(crate) const READY: Self = Self(1);
    pub(crate) const JOINING: Self = Self(1 << 1);
    pub(crate) const DRAINING: Self = Self(1 << 2);
    /// The forwarding path has what the plan asks for.
    pub(crate) const IN_STEP: Self = Self(1 << 3);
    /// The API has not been heard for a while.
    pub(crate) const STALE: Self = Self(1 << 4);
    /// Nothing is received though something should be.
    pub(crate) const DEAF: Self = Self(1 << 5);
    /// Everything this uid ever claimed is given up.
    pub(crate) const RESIGN: Self = Self(1 << 6);
    /// Its node is about to be taken away: it is the last to own anything.
    pub(crate) const LEAVING: Self = Self(1 << 7);
    /// Others say that its speaker dies again and again: it comes last.
    pub(crate) const FLAPPING: Self = Self(1 << 8);

    pub(crate) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    pub(crate) fn with(self, flag: Self, on: bool) -> Self {
        if on { Self(self.0 | flag.0) } else { self }
    }
}

/// Why a frame is not believed, in the order of the checks, cheapest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    NotOurs,
    UnknownVersion,
    ForeignCluster,
    OwnFrame,
    UnknownKey,
    Throttled,
    BadSignature,
    Malformed,
}

/// Reads the header if the frame claims to be ours; nothing is authentic yet.
pub(crate) fn peek(frame: &[u8], cluster: ClusterId, own: Uid) -> Result<Header, Refused> {
    let Some((header, _)) = frame.split_at_checked(HEADER_LEN) else { return Err(Refused::NotOurs) };
    if header[..4] != MAGIC || frame.len() < HEADER_LEN + TAG_LEN {
        return Err(Refused::NotOurs);
    }
    if header[4] != VERSION {
        return Err(Refused::UnknownVersion);
    }
    let header = Header {
        flags: Flags(u16::from_be_bytes(array(header, 6))),
        cluster: ClusterId(u64::from_be_bytes(array(header, 8))),
        key: u32::from_be_bytes(array(header, 16)),
        interval: Duration::from_micros(u32::from_be_bytes(array(header, 20)).into()),
        uid: Uid(array(header, 24)),
        sequence: u64::from_be_bytes(array(header, 40)),
        nonce: u64::from_be_bytes(array(header, 48)),
        revision: u64::from_be_bytes(array(header, 56)),
        page_version: u64::from_be_bytes(array(header, 64)),
        page_count: u16::from_be_bytes(array(header, 72)),
    };
    if header.cluster != cluster {
        return Err(Refused::ForeignCluster);
    }
    if header.uid.short() == own.short() {
        return Err(Refused::OwnFrame);
    }
    Ok(header)
}

/// Verifies the signature of a frame that [`peek`] accepted and the framing of its blocks; returns those.
pub(crate) fn open<'a>(frame: &'a [u8], keys: &Keys) -> Result<&'a [u8], Refused> {
    let (signed, tag) = frame.split_at(frame.len() - TAG_LEN);
    let key = keys.find(u32::from_be_bytes(array(signed, 16))).ok_or(Refused::UnknownKey)?;
    if !key.verifies(signed, tag) {
        return Err(Refused::BadSignature);
    }
    let body = &signed[HEADER_LEN..];
    if blocks(body).any(|block| block.is_none()) {
        return Err(Refused::Malformed);
    }
    Ok(body)
}

/// Starts a frame in `out`, which is cleared; append blocks with [`append`], then [`sign`] it.
pub(crate) fn start(out: &mut Vec<u8>, header: &Header) {
    out.clear();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, 0]);
    out.extend_from_slice(&header.flags.0.to_be_bytes());
    out.extend_from_slice(&header.cluster.0.to_be_bytes());
    out.extend_from_slice(&header.key.to_be_bytes());
    out.extend_from_slice(&micros(header.interval).to_be_bytes());
    out.extend_from_slice(&header.uid.0);
    out.extend_from_slice(&header.sequence.to_be_bytes());
    out.extend_from_slice(&header.nonce.to_be_bytes());
    out.extend_from_slice(&header.revision.to_be_bytes());
    out.extend_from_slice(&header.page_version.to_be_bytes());
    out.extend_from_slice(&header.page_count.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    debug_assert_eq!(out.len(), HEADER_LEN);
}

/// Appends one block whose value `write` produces.
pub(crate) fn append(out: &mut Vec<u8>, kind: u16, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&kind.to_be_bytes());
    let at = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = u16::try_from(out.len() - at - 2).expect("a block is shorter than a frame");
    out[at..at + 2].copy_from_slice(&length.to_be_bytes());
}

/// Appends the signature.
pub(crate) fn sign(out: &mut Vec<u8>, key: &Key) {
    let tag = key.tag(out);
    out.extend_from_slice(&tag);
    debug_assert!(out.len() <= MAX_LEN);
}

/// Microseconds, saturating: the greatest number stands for "longer than can be said".
pub(crate) fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// The `N` bytes at `at`, which the caller knows to be there.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShortUid;

    const CLUSTER: ClusterId = ClusterId(7);
    const US: Uid = Uid([1; 16]);

    fn key(n: u8) -> Key {
        Key::new(&[n; 32]).unwrap()
    }

    fn keys(n: u8) -> Keys {
        Keys::new(key(n), None)
    }

    fn header() -> Header {
        Header {
            cluster: CLUSTER,
            key: key(1).id(),
            flags: Flags::default().with(Flags::READY, true),
            interval: Duration::from_millis(25),
            uid: Uid([2; 16]),
            sequence: 99,
            nonce: 0xABCD,
            revision: 4,
            page_version: 12,
            page_count: 2,
        }
    }

    fn frame() -> Vec<u8> {
        let mut out = Vec::new();
        start(&mut out, &header());
        append(&mut out, kind::NODE, |out| out.extend_from_slice(b"node-a"));
        let record = PeerRecord { uid: US.short(), age: Duration::from_millis(3), echo: 5 };
        append(&mut out, kind::PEERS, |out| record.write(out));
        append(&mut out, 999, |out| out.extend_from_slice(&[1, 2, 3]));
        sign(&mut out, &key(1));
        out
    }

    #[test]
    fn what_is_written_is_read_and_unknown_blocks_are_skipped() {
        let frame = frame();
        assert_eq!(peek(&frame, CLUSTER, US), Ok(header()));
        let body = open(&frame, &keys(1)).unwrap();
        let mut read = blocks(body).flatten();
        assert!(matches!(read.next(), Some(Block::Node("node-a"))));
        let Some(Block::Peers(peers)) = read.next() else { panic!("the peers block is lost") };
        let peer = peers.iter().next().unwrap();
        assert_eq!(
            (peer.uid, peer.age, peer.echo),
            (ShortUid(0x0101_0101_0101_0101), Duration::from_millis(3), 5)
        );
        assert!(matches!(read.next(), Some(Block::Unknown)));
        assert!(read.next().is_none());
    }

    #[test]
    fn each_refusal_has_its_cause() {
        let good = frame();
        assert_eq!(peek(&good[..50], CLUSTER, US), Err(Refused::NotOurs));
        assert_eq!(peek(&good, ClusterId(8), US), Err(Refused::ForeignCluster));
        assert_eq!(peek(&good, CLUSTER, Uid([2; 16])), Err(Refused::OwnFrame));
        assert_eq!(open(&good, &keys(2)), Err(Refused::UnknownKey));
        let mut future = good.clone();
        future[4] = 2;
        assert_eq!(peek(&future, CLUSTER, US), Err(Refused::UnknownVersion));
        for at in [6, 20, 30, 45, 80, good.len() - 1] {
            let mut forged = good.clone();
            forged[at] ^= 1;
            assert_eq!(open(&forged, &keys(1)), Err(Refused::BadSignature), "byte {at}");
        }
    }

    /// A frame of a peer that holds the key but writes nonsense: refused, never a panic.
    #[test]
    fn signed_nonsense_is_refused() {
        let mut rng = ferrolb_sansio::Rng::new(11);
        let mut refused = 0;
        for _ in 0..50_000 {
            let mut out = Vec::new();
            start(&mut out, &header());
            for _ in 0..rng.below(4) {
                let kind = u16::try_from(rng.below(13)).unwrap();
                let length = rng.below(200);
                append(&mut out, kind, |out| (0..length).for_each(|_| out.push(rng.next().to_le_bytes()[0])));
            }
            for _ in 0..rng.below(3) {
                out.push(rng.next().to_le_bytes()[0]);
            }
            sign(&mut out, &key(1));
            refused += u32::from(open(&out, &keys(1)) == Err(Refused::Malformed));
        }
        assert!(refused > 20_000, "only {refused} of 50,000 were refused");
    }
}
