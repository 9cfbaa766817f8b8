use core::fmt;
use core::time::Duration;
use std::net::IpAddr;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::Instant;

use crate::{Ballot, NodeName};

/// Something the rest of the speaker should know; none of it waits for an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The wait after process start is over: this speaker may claim from now on.
    Joined,
    /// This speaker answers for the VIP from now on.
    Owned {
        /// Which one.
        vip: IpAddr,
        /// The term of its claim.
        term: u64,
        /// Whether it could exchange frames with anybody when it claimed.
        connected: bool,
    },
    /// This speaker answers for the VIP no longer.
    Lost {
        /// Which one.
        vip: IpAddr,
        /// Who owns it now, where that is known.
        to: Option<NodeName>,
        /// Why.
        cause: LostCause,
    },
    /// A station that is no speaker of this cluster uses a VIP this speaker owns, or was about to claim.
    Duplicate {
        /// Which one.
        vip: IpAddr,
        /// The station's address.
        mac: Mac,
    },
    /// A speaker answers probes but its heartbeats do not arrive: a switch filters multicast.
    MulticastFiltered {
        /// Whose heartbeats are missing.
        node: NodeName,
    },
    /// A witness answers, and no other speaker was ever heard: ports that are isolated from each other, or nobody else is
    /// there. VIPs are left to their first candidates.
    SegmentIsolated,
}

/// Why a VIP was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LostCause {
    /// Another speaker's claim is worth more.
    Outvoted,
    /// Given up on purpose, and taken by nobody yet: it left the plan, or this speaker ends.
    Resigned,
    /// Claimed while nobody held it, and given up because a station that is no speaker answered for it.
    Contested,
    /// Handed over: the new owner answered before this one fell silent.
    Ceded,
    /// This speaker was stalled for so long that others may have taken over.
    Stalled,
    /// The interface lost its carrier.
    NoCarrier,
    /// Another interface of this node is on the same segment and serves it.
    OtherInterface,
    /// Others are heard, but nobody hears this speaker.
    Unheard,
}

/// What a VIP is to this speaker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StateName {
    /// Waiting after process start; claims nothing.
    Joining,
    /// Another speaker owns it, or nobody does yet.
    Backup,
    /// Its owner has been silent for longer than a heartbeat may take.
    Suspect,
    /// This speaker answers for it.
    Owner,
    /// This speaker answers for it and offers it to another.
    Ceding,
    /// This speaker owned it, was cut off or stalled, and keeps quiet until it has listened.
    Mute,
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joining => "joining",
            Self::Backup => "backup",
            Self::Suspect => "suspect",
            Self::Owner => "owner",
            Self::Ceding => "ceding",
            Self::Mute => "mute",
        })
    }
}

/// One VIP as this speaker sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VipStatus {
    /// Which one.
    pub vip: IpAddr,
    /// What it is to this speaker.
    pub state: StateName,
    /// The node whose claim is the highest known, if any is, was not given up, and its node's name was heard.
    pub owner: Option<NodeName>,
    /// The term of that claim; zero without one.
    pub term: u64,
    /// That claim's whole ballot.
    pub ballot: Option<Ballot>,
    /// When `state` was entered.
    pub since: Instant,
    /// The station for whose silence a claim waits: it used the address, and is no speaker.
    pub contestant: Option<Mac>,
    /// Until when it is not handed over if nothing is wrong with its owner: it was, twice, not long ago.
    pub damped_until: Option<Instant>,
}

/// The other speakers of an interface's segment, as this one hears them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SegmentStatus {
    /// T: how often this speaker's heartbeats go out.
    pub interval: Duration,
    /// The nodes whose speakers are heard.
    pub heard: Vec<NodeName>,
    /// The nodes that answer, but whose heartbeats do not arrive.
    pub filtered: Vec<NodeName>,
    /// See [`Event::SegmentIsolated`].
    pub isolated: bool,
}
