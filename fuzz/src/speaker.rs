//! Another speaker's frames (docs/layer2-protocol.md), written and signed a second time, apart from `core/ownership`.

use std::net::IpAddr;
use std::sync::LazyLock;

use ferrolb_neighbor::{Mac, Station, group_mac, write_datagram};
use hmac::{Hmac, Mac as _};
use sha2::{Digest, Sha256};

/// The secret and the cluster of all speakers.
pub const SECRET: [u8; 32] = [1; 32];
pub const CLUSTER: u64 = 1;
/// One run of each speaker: this one's, that of the one it talked with, and those of two that it has not met.
pub const UIDS: [[u8; 16]; 4] = [[1; 16], [2; 16], [3; 16], [4; 16]];

/// The VIPs of the plan.
pub fn vips() -> [IpAddr; 2] {
    [IpAddr::from([192, 0, 2, 100]), IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x100])]
}

/// What the octets of an input stand for: frames that are mostly well-formed, about things that both sides know. Nobody
/// would find a ballot of 33 octets by chance.
pub struct Script<'a>(pub &'a [u8]);

impl Script<'_> {
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet; zero at the end.
    pub fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Small, or the greatest that there is.
    fn number(&mut self) -> u64 {
        match self.octet() {
            u8::MAX => u64::MAX,
            small => small.into(),
        }
    }

    /// Milliseconds as microseconds, or all ones.
    fn age(&mut self) -> u32 {
        match self.octet() {
            u8::MAX => u32::MAX,
            millis => u32::from(millis) * 1_000,
        }
    }

    fn vip(&mut self) -> [u8; 16] {
        match self.octet() {
            planned @ (0 | 1) => match vips()[usize::from(planned)] {
                IpAddr::V4(vip) => vip.to_ipv6_mapped().octets(),
                IpAddr::V6(vip) => vip.octets(),
            },
            other => [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, other],
        }
    }

    /// A VIP, whether the claimant was connected, and the term.
    fn stake(&mut self, out: &mut Vec<u8>) -> u8 {
        out.extend(self.vip());
        let octet = self.octet();
        let term = match octet >> 4 {
            15 => u64::MAX,
            term => term.into(),
        };
        out.push(octet & 1);
        out.extend(term.to_be_bytes());
        octet
    }

    fn ballot(&mut self, out: &mut Vec<u8>) {
        let octet = self.stake(out);
        out.extend(short(octet >> 1));
    }
}

fn short(which: u8) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = UIDS[usize::from(which & 3)];
    [a, b, c, d, e, f, g, h]
}

/// What all those say whom a script speaks for.
#[derive(Clone)]
pub struct Others {
    /// The newest sequence number of each.
    pub sequence: [u64; 4],
    /// What each must echo to be believed.
    pub nonce: u64,
}

impl Others {
    /// The next frame of the script.
    pub fn frame(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let how = script.octet();
        let who = usize::from(how & 3);
        let sequence = match how >> 2 & 3 {
            0 | 1 => self.sequence[who] + 1,
            2 => self.sequence[who].saturating_sub(script.octet().into()),
            _ => self.sequence[who] + 300,
        };
        self.sequence[who] = self.sequence[who].max(sequence);
        let mut payload = b"FeLB\x01\0\0".to_vec();
        payload.push(script.octet());
        payload.extend(CLUSTER.to_be_bytes());
        payload.extend(KEY_ID.to_be_bytes());
        let interval = if how & 16 != 0 { script.age() } else { 25_000 };
        payload.extend(interval.to_be_bytes());
        payload.extend(UIDS[who]);
        payload.extend(sequence.to_be_bytes());
        payload.extend([0xaa; 8]);
        payload.extend(script.number().to_be_bytes());
        let (pages, version) = (script.octet(), script.number());
        payload.extend(version.to_be_bytes());
        payload.extend([if pages == u8::MAX { pages } else { 0 }, pages, 0, 0]);
        if how & 32 == 0 {
            self.blocks(script, &mut payload);
        } else {
            // Blocks may begin and end where they do not.
            (0..script.octet()).for_each(|_| payload.push(script.octet()));
        }
        let tag = tag(&payload);
        payload.extend(tag);
        let last = UIDS[who][0];
        let mac = Mac([2, 0, 0, 0, 0, if how & 64 != 0 { 9 } else { last }]);
        let mut frame = Vec::new();
        let (from, group): (_, IpAddr) = if how & 128 != 0 {
            ([0xfe80, 0, 0, 0, 0, 0, 0, u16::from(last)].into(), [0xff02, 0, 0, 0, 0, 0, 0, 0x114].into())
        } else {
            ([192, 0, 2, last].into(), [224, 0, 0, 254].into())
        };
        let to = Station { ip: group, mac: group_mac(group) };
        write_datagram(&mut frame, Station { ip: from, mac }, to, 7114, &payload);
        frame
    }

    /// As many as the script says and as there is room for.
    fn blocks(&self, script: &mut Script<'_>, payload: &mut Vec<u8>) {
        for _ in 0..script.octet() {
            let length = payload.len();
            self.block(script, payload);
            if payload.len() > MOST - TAG {
                return payload.truncate(length);
            }
        }
    }

    fn block(&self, script: &mut Script<'_>, out: &mut Vec<u8>) {
        let (kind, count) = (script.octet() & 15, script.octet() & 63);
        out.extend([0, kind]);
        let at = out.len();
        out.extend([0, 0]);
        match kind {
            NODE => out.extend([&b"node-a"[..], b"node-b", b"node-c", b"", b"\xff"][usize::from(count % 5)]),
            PAGE => out.extend([0, script.octet(), 0, 0, 0, script.octet()]),
            TABLE => out.extend([0, script.octet(), 0, script.octet()]),
            INTERFACE => out.extend([0, 0, 0, count]),
            _ => {}
        }
        for _ in 0..count {
            if script.is_over() {
                break;
            }
            match kind {
                NODE | INTERFACE | TABLE_REQUEST => break,
                PEERS => {
                    out.extend(short(script.octet()));
                    out.extend(script.age().to_be_bytes());
                    let echo = if script.octet() & 1 == 0 { self.nonce } else { 0 };
                    out.extend(echo.to_be_bytes());
                }
                PAGE => {
                    script.stake(out);
                    out.extend([script.octet(); 2]);
                }
                TOMBSTONES | NEWS | TABLE => {
                    script.ballot(out);
                    out.extend(script.age().to_be_bytes());
                }
                PAGE_REQUEST => out.extend([0, 0, 0, script.octet()]),
                LOST | RESIGN => script.ballot(out),
                OFFER => {
                    script.ballot(out);
                    let octet = script.octet();
                    out.extend(short(octet >> 1));
                    out.extend([octet & 1, octet, octet]);
                }
                EVICT => {
                    script.ballot(out);
                    out.extend(script.number().to_be_bytes());
                }
                KEYS => out.extend((*KEY_ID ^ u32::from(script.octet())).to_be_bytes()),
                _ => out.push(script.octet()),
            }
        }
        let [.., high, low] = (out.len() - at - 2).to_be_bytes();
        out[at..at + 2].copy_from_slice(&[high, low]);
    }
}

const NODE: u8 = 1;
const PEERS: u8 = 2;
const PAGE: u8 = 3;
const TOMBSTONES: u8 = 4;
const PAGE_REQUEST: u8 = 5;
const NEWS: u8 = 6;
const LOST: u8 = 7;
const RESIGN: u8 = 8;
const TABLE_REQUEST: u8 = 9;
const TABLE: u8 = 10;
const OFFER: u8 = 11;
const EVICT: u8 = 12;
const KEYS: u8 = 13;
const INTERFACE: u8 = 14;

/// The longest speaker frame, and its signature.
pub const MOST: usize = 1452;
pub const TAG: usize = 16;

static KEY_ID: LazyLock<u32> = LazyLock::new(|| {
    let digest = Sha256::new().chain_update(b"ferrolb heartbeat key id\0").chain_update(SECRET).finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
});
static KEYED: LazyLock<Hmac<Sha256>> =
    LazyLock::new(|| Hmac::new_from_slice(&SECRET).expect("HMAC takes a key of any length"));

/// What ends a frame.
pub fn tag(signed: &[u8]) -> [u8; TAG] {
    let full = KEYED.clone().chain_update(signed).finalize().into_bytes();
    let mut tag = [0; TAG];
    tag.copy_from_slice(&full[..TAG]);
    tag
}
