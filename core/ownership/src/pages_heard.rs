use core::time::Duration;

use ferrolb_sansio::Instant;

use crate::ShortUid;
use crate::damping::Moves;
use crate::machine::Machine;
use crate::outbox::Content;
use crate::wire::{Claim, News, Records, limits};

/// Other speakers' pages and tables, and those who ask for ours.
impl Machine {
    pub(crate) fn page(
        &mut self,
        received: Instant,
        from: ShortUid,
        index: u16,
        version: u32,
        claims: Records<'_, Claim>,
    ) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(from) else { return };
        if !peer.pages.take(index, version, claims.iter()) {
            return;
        }
        (peer.compared, peer.changed) = (0, true);
        if peer.pages.current() {
            peer.ask_pages = None;
        }
        for claim in claims.iter() {
            let ballot = claim.ballot(from);
            self.see(received, claim.vip, ballot, from, Duration::ZERO);
            if let Some(vip) = self.vips.get_mut(&claim.vip) {
                (vip.held, vip.backstop_probes, vip.named) = (now, 0, now);
                if let Some(best) = vip.best.as_mut().filter(|best| best.ballot == ballot) {
                    best.seen = true;
                    vip.moves = Moves::of_ages(claim.moves, received);
                }
            }
        }
        self.wake();
    }

    pub(crate) fn page_request(&mut self, from: ShortUid, held: Records<'_, u32>) {
        let held: Vec<u32> = held.iter().collect();
        for index in 0..self.pages.count() {
            let theirs = held.get(usize::from(index)).copied().unwrap_or(0);
            if self.pages.page(index).is_some_and(|(version, _)| version != theirs) {
                self.out.frame(Some(from), Content::Page(index));
            }
        }
    }

    pub(crate) fn table_request(&mut self, from: ShortUid) {
        let all: Vec<News> =
            self.vips.iter().filter_map(|(&vip, known)| self.news_of(vip, known.ballot()?)).collect();
        let parts = all.len().div_ceil(limits::MAX_BALLOTS).max(1);
        for part in 0..parts {
            let ballots = all.chunks(limits::MAX_BALLOTS).nth(part).unwrap_or(&[]).into();
            let (Ok(part), Ok(parts)) = (u16::try_from(part), u16::try_from(parts)) else { return };
            self.out.frame(Some(from), Content::Table { part, parts, ballots });
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_neighbor::{Mac, Station};

    use super::*;
    use crate::wire::{self, Flags, Header, PeerRecord, Record, kind};
    use crate::{ClusterId, Settings, Uid};

    /// Found by fuzzing: each of three hundred questions that fit into a frame was answered with all pages or the whole table.
    #[test]
    fn a_frame_full_of_questions_is_answered_once() {
        let now = Instant::from_millis(1);
        let mut machine = Machine::new(now, Settings::alone("node-a"), 2, true, 1);
        machine.pages.claim(Claim { vip: [192, 0, 2, 1].into(), connected: true, term: 1, moves: [0; 2] });
        let header = Header {
            cluster: ClusterId(1),
            key: 1,
            flags: Flags::READY,
            interval: Duration::from_millis(25),
            uid: Uid([2; 16]),
            sequence: 1,
            nonce: 1,
            revision: 1,
            page_version: 0,
            page_count: 0,
        };
        let mut body = Vec::new();
        let echo = PeerRecord { uid: machine.me, age: Duration::ZERO, echo: machine.nonce };
        wire::append(&mut body, kind::PEERS, |out| echo.write(out));
        for _ in 0..150 {
            wire::append(&mut body, kind::PAGE_REQUEST, |_| {});
            wire::append(&mut body, kind::TABLE_REQUEST, |_| {});
        }
        let from = Station { ip: [192, 0, 2, 2].into(), mac: Mac([2, 0, 0, 0, 0, 2]) };
        machine.speaker_frame(now, from, &header, &body);
        let answers: Vec<Content> =
            std::iter::from_fn(|| machine.out.take_frame()).map(|frame| frame.content).collect();
        assert!(matches!(answers[..], [Content::Page(0), Content::Table { part: 0, parts: 1, .. }]));
    }
}
