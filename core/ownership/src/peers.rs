use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_neighbor::{Mac, Station};
use ferrolb_sansio::Instant;

use crate::join::TableParts;
use crate::pages::HeldPages;
use crate::replay::Window;
use crate::rest::PeerStanding;
use crate::wire::Flags;
use crate::{NodeName, ShortUid};

/// Another speaker: one that was heard, or one whose ballot or life others tell of.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) uid: ShortUid,
    pub(crate) node: Option<NodeName>,
    /// Where its frames come from; none if it was never heard directly.
    pub(crate) station: Option<Station>,
    /// Its newest nonce, echoed to it.
    pub(crate) nonce: u64,
    /// It echoed our nonce: its frames are no replay, and count.
    pub(crate) proven: bool,
    pub(crate) window: Window,
    /// The keys it accepts; of a version that does not tell, the one it signs with.
    pub(crate) keys: Vec<u32>,
    pub(crate) flags: Flags,
    /// Since when it has had the API; `None` while it has not.
    pub(crate) has_api: Option<Instant>,
    pub(crate) interval: Duration,
    pub(crate) revision: u64,
    pub(crate) pages: HeldPages,
    /// A page was taken since the last heartbeat.
    pub(crate) changed: bool,
    /// Its last frame, whether it counts or not.
    pub(crate) contact: Instant,
    pub(crate) life: Life,
    /// When it last heard us, by its own account.
    pub(crate) heard_us: Option<Instant>,
    /// Since when its heartbeats have not listed us, and the last that did not.
    pub(crate) unlisted: Option<(Instant, Instant)>,
    /// When its last heartbeat came.
    pub(crate) beat: Option<Instant>,
    /// When to ask for pages that are missing.
    pub(crate) ask_pages: Option<Instant>,
    /// When to correct claims of it that are too low, and when that was last done.
    pub(crate) correct: Option<Instant>,
    pub(crate) corrected: Instant,
    /// The generation of our ballots that its claims were last compared with.
    pub(crate) compared: u64,
    pub(crate) table: TableParts,
    /// When it was first heard joining.
    pub(crate) joining: Option<Instant>,
    /// What the rules last knew of it.
    pub(crate) standing: PeerStanding,
    /// How many of its VIPs are under suspicion, one of them, and the probes sent for it.
    pub(crate) suspects: u32,
    pub(crate) probe_vip: Option<IpAddr>,
    pub(crate) probing: Option<Probing>,
    /// It answers, but its heartbeats do not come through.
    pub(crate) filtered: bool,
}

/// What shows that a speaker lives; silence is counted from the latest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    /// Its last authentic frame.
    pub(crate) heard: Option<Instant>,
    /// What other speakers have heard of it.
    pub(crate) relayed: Option<Instant>,
    /// Its last answer to a probe.
    pub(crate) probed: Option<Instant>,
    /// Own lateness is added here: time that did not count as silence.
    pub(crate) clock: Instant,
}

impl Life {
    /// The moment from which silence counts.
    pub(crate) fn evidence(&self) -> Instant {
        [self.heard, self.relayed, self.probed].into_iter().flatten().fold(self.clock, Instant::max)
    }

    /// When it was last known to send speaker frames, by real frames only: what may be told to others.
    pub(crate) fn frames(&self) -> Option<Instant> {
        self.heard.max(self.relayed)
    }

    /// Time `late` before `now` does not count as silence.
    pub(crate) fn forgive(&mut self, late: Duration, now: Instant) {
        self.clock = (self.evidence() + late).min(now);
    }
}

/// Asking a silent owner's VIPs whether it still answers: at once, after half an interval, after a whole one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probing {
    pub(crate) sent: u8,
    pub(crate) next: Instant,
}

impl Peer {
    fn new(uid: ShortUid, interval: Duration) -> Self {
        Self {
            uid,
            node: None,
            station: None,
            nonce: 0,
            proven: false,
            window: Window::default(),
            keys: Vec::new(),
            flags: Flags::default(),
            has_api: None,
            interval,
            revision: 0,
            pages: HeldPages::default(),
            changed: false,
            contact: Instant::ZERO,
            life: Life::default(),
            heard_us: None,
            unlisted: None,
            beat: None,
            ask_pages: None,
            correct: None,
            corrected: Instant::ZERO,
            compared: 0,
            table: TableParts::default(),
            joining: None,
            standing: PeerStanding::default(),
            suspects: 0,
            probe_vip: None,
            probing: None,
            filtered: false,
        }
    }

    /// Whether it was heard directly within `silence`, which is D for its interval.
    pub(crate) fn fresh(&self, now: Instant, silence: Duration) -> bool {
        self.proven && self.life.heard.is_some_and(|heard| now.since(heard) < silence)
    }

    /// After this moment without a sign of life it is under suspicion.
    pub(crate) fn suspect_at(&self) -> Instant {
        self.life.evidence() + self.interval * 3 / 2
    }

    /// Whether it runs on `node`, as far as it was heard.
    pub(crate) fn is_of(&self, node: &NodeName) -> bool {
        self.node.as_ref() == Some(node)
    }

    /// Whether it has had the API for `long` since we lost it at `stale`. Speakers lose the API, and have it back, one after the
    /// other, also when all do.
    pub(crate) fn has_api_beside(&self, stale: Option<Instant>, now: Instant, long: Duration) -> bool {
        let both = stale.zip(self.has_api);
        both.is_some_and(|(lost, has)| now.since(lost.max(has)) >= long)
    }

    /// Whether it could own something, by its own account.
    pub(crate) fn able(&self) -> bool {
        let hindered =
            [Flags::JOINING, Flags::DRAINING, Flags::DEAF].into_iter().any(|flag| self.flags.has(flag));
        self.flags.has(Flags::READY) && !hindered
    }
}

/// All peers, a bounded number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    all: BTreeMap<ShortUid, Peer>,
    /// Which speaker was last heard from an Ethernet address.
    stations: BTreeMap<Mac, ShortUid>,
}

impl Peers {
    /// Twice and more the number of speakers a segment may have: restarts leave old uids behind.
    const LIMIT: usize = 256;

    pub(crate) fn get(&self, uid: ShortUid) -> Option<&Peer> {
        self.all.get(&uid)
    }

    pub(crate) fn get_mut(&mut self, uid: ShortUid) -> Option<&mut Peer> {
        self.all.get_mut(&uid)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.all.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.all.values_mut()
    }

    /// The peer, made if it is new; the longest silent one makes room. Returns whether one was forgotten.
    pub(crate) fn entry(&mut self, uid: ShortUid, interval: Duration) -> (&mut Peer, bool) {
        let crowded = self.all.len() >= Self::LIMIT && !self.all.contains_key(&uid);
        if crowded {
            let oldest = self.all.values().min_by_key(|peer| (peer.proven, peer.life.evidence(), peer.uid));
            if let Some(oldest) = oldest.map(|peer| peer.uid) {
                self.all.remove(&oldest);
            }
        }
        (self.all.entry(uid).or_insert_with(|| Peer::new(uid, interval)), crowded)
    }

    /// Forgets peers silent since `before`; returns whether there were any.
    pub(crate) fn forget(&mut self, before: Instant) -> bool {
        let known = self.all.len();
        self.all.retain(|_, peer| peer.life.evidence() >= before);
        self.all.len() != known
    }

    /// Notes that a proven speaker sends from an Ethernet address.
    pub(crate) fn locate(&mut self, uid: ShortUid, mac: Mac) {
        if self.stations.insert(mac, uid) != Some(uid) {
            let all = &self.all;
            self.stations.retain(|_, uid| all.contains_key(uid));
        }
    }

    /// The speaker at this Ethernet address that was heard last.
    pub(crate) fn at(&self, mac: Mac) -> Option<&Peer> {
        self.stations.get(&mac).and_then(|uid| self.all.get(uid))
    }

    /// Whether a live speaker's held pages claim `vip`.
    pub(crate) fn claimed(&self, vip: IpAddr, live: impl Fn(&Peer) -> bool) -> bool {
        self.all.values().any(|peer| peer.pages.claim(vip).is_some() && live(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silent_peer_makes_room() {
        let mut peers = Peers::default();
        for n in 0..1_000u64 {
            let (peer, forgot) = peers.entry(ShortUid(n), Duration::from_millis(25));
            peer.life.clock = Instant::from_millis(n + 1);
            peer.proven = n == 0;
            assert_eq!(forgot, n >= Peers::LIMIT as u64);
        }
        assert_eq!(peers.iter().count(), Peers::LIMIT);
        assert!(peers.get(ShortUid(0)).is_some(), "those that are proven stay longest");
    }

    #[test]
    fn forgiven_time_is_no_silence_and_never_lies_ahead() {
        let mut life = Life { heard: Some(Instant::from_millis(100)), ..Life::default() };
        life.forgive(Duration::from_millis(30), Instant::from_millis(160));
        assert_eq!(life.evidence(), Instant::from_millis(130));
        life.forgive(Duration::from_millis(300), Instant::from_millis(170));
        assert_eq!(life.evidence(), Instant::from_millis(170));
        assert_eq!(life.frames(), Some(Instant::from_millis(100)), "others are told of real frames only");
    }
}
