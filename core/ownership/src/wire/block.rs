use self::limits::{
    MAX_BALLOTS, MAX_CLAIMS, MAX_EVICTIONS, MAX_FLAPS, MAX_KEYS, MAX_OFFERS, MAX_PAGES, MAX_PARTS, MAX_PEERS,
};
use super::{Claim, Evict, Flap, Loss, News, Offer, PeerRecord, Records, array};

/// Numbers of the block types.
pub(crate) mod kind {
    /// The sender's node name, UTF-8.
    pub(crate) const NODE: u16 = 1;
    /// The peers the sender has heard; makes a frame a heartbeat.
    pub(crate) const PEERS: u16 = 2;
    /// One page of the sender's claims: index (u16), version (u32), claims.
    pub(crate) const PAGE: u16 = 3;
    /// Claims the sender lost in the last minute, with the ballots that won.
    pub(crate) const TOMBSTONES: u16 = 4;
    /// Asks for the pages whose versions differ from those listed.
    pub(crate) const PAGE_REQUEST: u16 = 5;
    /// Ballots higher than those the addressee claims.
    pub(crate) const NEWS: u16 = 6;
    /// Ballots that lost, told to the winner.
    pub(crate) const LOST: u16 = 7;
    /// Own ballots given up.
    pub(crate) const RESIGN: u16 = 8;
    /// Asks for all ballots the addressee knows.
    pub(crate) const TABLE_REQUEST: u16 = 9;
    /// A part of them: part (u16), number of parts (u16), ballots.
    pub(crate) const TABLE: u16 = 10;
    /// Own VIPs offered, each to one speaker.
    pub(crate) const OFFER: u16 = 11;
    /// VIPs whose owner has an old plan, told to that owner.
    pub(crate) const EVICT: u16 = 12;
    /// The ids of the keys the sender accepts.
    pub(crate) const KEYS: u16 = 13;
    /// The index of the interface the frame was sent by, for other interfaces of the same node.
    pub(crate) const INTERFACE: u16 = 14;
    /// Peers that die again and again, as the sender saw it; absent if there are none.
    pub(crate) const FLAPPING: u16 = 15;
}

/// How much of a thing a frame may name.
pub(crate) mod limits {
    /// The most peers a heartbeat lists; a list this long may have left some out.
    pub(crate) const MAX_PEERS: usize = 32;
    /// The most claims on a page.
    pub(crate) const MAX_CLAIMS: usize = 40;
    /// The most ballots in a block.
    pub(crate) const MAX_BALLOTS: usize = 35;
    /// The most keys a speaker accepts.
    pub(crate) const MAX_KEYS: usize = 2;
    /// The most offers in a block.
    pub(crate) const MAX_OFFERS: usize = 30;
    /// The most evictions in a block.
    pub(crate) const MAX_EVICTIONS: usize = 32;
    /// The most flapping peers a heartbeat tells of; more take turns, so that it stays a frame.
    pub(crate) const MAX_FLAPS: usize = 16;
    /// The most pages a speaker has.
    pub(crate) const MAX_PAGES: usize = 256;
    /// The most parts of a table of ballots.
    pub(crate) const MAX_PARTS: usize = 1024;
}

/// One block, its framing checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Block<'a> {
    Node(&'a str),
    Peers(Records<'a, PeerRecord>),
    Page { index: u16, version: u32, claims: Records<'a, Claim> },
    Tombstones(Records<'a, News>),
    PageRequest(Records<'a, u32>),
    News(Records<'a, News>),
    Lost(Records<'a, Loss>),
    Resign(Records<'a, Loss>),
    TableRequest,
    Table { part: u16, parts: u16, ballots: Records<'a, News> },
    Offer(Records<'a, Offer>),
    Evict(Records<'a, Evict>),
    Keys(Records<'a, u32>),
    Interface(u32),
    Flapping(Records<'a, Flap>),
    Unknown,
}

/// The blocks of a frame; `None` for one whose framing is broken, and then no more.
pub(crate) fn blocks(mut body: &[u8]) -> impl Iterator<Item = Option<Block<'_>>> {
    core::iter::from_fn(move || {
        if body.is_empty() {
            return None;
        }
        let block = take(&mut body);
        if block.is_none() {
            body = &[];
        }
        Some(block)
    })
}

fn take<'a>(body: &mut &'a [u8]) -> Option<Block<'a>> {
    let (head, rest) = body.split_at_checked(4)?;
    let length = u16::from_be_bytes(array(head, 2));
    let (value, rest) = rest.split_at_checked(length.into())?;
    *body = rest;
    read(u16::from_be_bytes(array(head, 0)), value)
}

fn read(kind: u16, value: &[u8]) -> Option<Block<'_>> {
    Some(match kind {
        kind::NODE => Block::Node(core::str::from_utf8(value).ok()?),
        kind::PEERS => Block::Peers(Records::new(value, MAX_PEERS)?),
        kind::PAGE => {
            let (head, claims) = value.split_at_checked(6)?;
            let index = u16::from_be_bytes(array(head, 0));
            let version = u32::from_be_bytes(array(head, 2));
            let claims = Records::new(claims, MAX_CLAIMS)?;
            (usize::from(index) < MAX_PAGES).then_some(Block::Page { index, version, claims })?
        }
        kind::TOMBSTONES => Block::Tombstones(Records::new(value, MAX_BALLOTS)?),
        kind::PAGE_REQUEST => Block::PageRequest(Records::new(value, MAX_PAGES)?),
        kind::NEWS => Block::News(Records::new(value, MAX_BALLOTS)?),
        kind::LOST => Block::Lost(Records::new(value, MAX_BALLOTS)?),
        kind::RESIGN => Block::Resign(Records::new(value, MAX_BALLOTS)?),
        kind::TABLE_REQUEST => Block::TableRequest,
        kind::TABLE => {
            let (head, ballots) = value.split_at_checked(4)?;
            let (part, parts) = (u16::from_be_bytes(array(head, 0)), u16::from_be_bytes(array(head, 2)));
            let ballots = Records::new(ballots, MAX_BALLOTS)?;
            let within = part < parts && usize::from(parts) <= MAX_PARTS;
            within.then_some(Block::Table { part, parts, ballots })?
        }
        kind::OFFER => Block::Offer(Records::new(value, MAX_OFFERS)?),
        kind::EVICT => Block::Evict(Records::new(value, MAX_EVICTIONS)?),
        kind::KEYS => Block::Keys(Records::new(value, MAX_KEYS)?),
        kind::INTERFACE => Block::Interface(u32::from_be_bytes(value.try_into().ok()?)),
        kind::FLAPPING => Block::Flapping(Records::new(value, MAX_FLAPS)?),
        _ => Block::Unknown,
    })
}
