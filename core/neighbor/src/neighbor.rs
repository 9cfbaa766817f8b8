use std::net::IpAddr;

use ferrolb_sansio::{BoundedQueue, Instant, Rng};

use crate::announcer::{Announcer, Due, Step};
use crate::askers::Askers;
use crate::duplicates::Duplicates;
use crate::frame::{write_answer, write_gratuitous};
use crate::limit::PerStation;
use crate::{Mac, Request};

/// Answers for VIPs on one interface and announces them; whoever decides which VIPs are ours tells it so.
#[derive(Clone, Debug)]
pub struct Neighbor {
    mac: Mac,
    answers: BoundedQueue<Request>,
    answer_limit: PerStation,
    askers: Askers,
    announcer: Announcer,
    duplicates: Duplicates,
    witnesses: Vec<Mac>,
    /// How many of the unicast frames for the announcer's front were sent.
    unicast: usize,
    rng: Rng,
}

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answered {
    /// An answer waits to be sent.
    Queued,
    /// Its sender asks too often.
    Throttled,
    /// Too many answers wait.
    Dropped,
}

/// What [`Neighbor::poll_transmit`] wrote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// An answer to a request.
    Answer,
    /// A gratuitous frame.
    Gratuitous,
}

impl Neighbor {
    /// Answers a second that one station gets, and at once; a router that asks for thousands of VIPs is served.
    const ANSWERS_PER_SECOND: u32 = 2_000;
    const ANSWER_BURST: u32 = 2_000;
    const ANSWER_QUEUE: usize = 1_024;

    /// Answers with `mac`, announces with at most `gratuitous_rate` frames a second.
    pub fn new(mac: Mac, gratuitous_rate: u32, seed: u64) -> Self {
        Self {
            mac,
            answers: BoundedQueue::new(Self::ANSWER_QUEUE),
            answer_limit: PerStation::new(Self::ANSWERS_PER_SECOND, Self::ANSWER_BURST),
            askers: Askers::new(),
            announcer: Announcer::new(gratuitous_rate),
            duplicates: Duplicates::default(),
            witnesses: Vec::new(),
            unicast: 0,
            rng: Rng::new(seed),
        }
    }

    /// The interface has another address now.
    pub fn set_mac(&mut self, mac: Mac) {
        self.mac = mac;
    }

    /// Stations that are told of every VIP by unicast first: the gateways, as far as their address is known.
    pub fn set_witnesses(&mut self, witnesses: Vec<Mac>) {
        self.witnesses = witnesses;
    }

    /// Starts to announce a VIP that is ours from now on.
    pub fn start(&mut self, now: Instant, vip: IpAddr) {
        self.announcer.start(vip, now);
    }

    /// Announces an own VIP again, from the start of the schedule; delayed rather than dropped.
    pub fn announce_again(&mut self, now: Instant, vip: IpAddr) {
        self.announcer.again(vip, now);
    }

    /// The VIP is ours no longer: nothing more is sent for it, waiting answers neither.
    pub fn stop(&mut self, vip: IpAddr) {
        self.announcer.stop(vip);
        self.duplicates.forget(vip);
        self.answers.retain(|answer| answer.target != vip);
    }

    /// Notes a client's request for any VIP, so that it can be told first when the VIP moves.
    pub fn note_asker(&mut self, request: &Request) {
        if request.asker.is_some() {
            self.askers.note(request.target, request.mac);
        }
    }

    /// Answers a request for a VIP of ours.
    pub fn answer(&mut self, now: Instant, request: Request) -> Answered {
        if !self.answer_limit.take(now, request.sender) {
            return Answered::Throttled;
        }
        if self.answers.push(request) { Answered::Queued } else { Answered::Dropped }
    }

    /// A station that is no speaker uses a VIP of ours. Returns whether it is news: then the VIP is defended by a single
    /// announcement to all (RFC 5227 §2.4 (c)), at most once in ten seconds.
    pub fn duplicate(&mut self, now: Instant, vip: IpAddr, mac: Mac) -> bool {
        let news = self.duplicates.note(now, vip, mac);
        if news {
            self.announcer.defend(vip);
        }
        news
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.announcer.handle_timeout(now, &mut self.rng);
    }

    /// When [`Self::handle_timeout`] wants to be called next; `now` is when it was called last.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.announcer.poll_timeout(now)
    }

    /// Writes the next answer that waits.
    pub fn poll_answer(&mut self, frame: &mut Vec<u8>) -> Option<Sent> {
        let answer = self.answers.pop()?;
        write_answer(frame, self.mac, answer.target, answer.mac, answer.asker);
        Some(Sent::Answer)
    }

    /// Writes the next gratuitous frame the pace permits at `now`.
    pub fn poll_gratuitous(&mut self, now: Instant, frame: &mut Vec<u8>) -> Option<Sent> {
        let due = self.announcer.front()?;
        if !self.announcer.permit(now) {
            return None;
        }
        let to = self.unicast_target(&due);
        write_gratuitous(frame, self.mac, due.vip, due.form(), to);
        if to.is_some() {
            self.unicast += 1;
        } else {
            if due.step != Step::Defence {
                self.unicast = 0;
            }
            self.announcer.pop(now, &due, &mut self.rng);
        }
        Some(Sent::Gratuitous)
    }

    /// Unicast first: to the gateways, then to recent askers; none when it is the broadcast's turn.
    fn unicast_target(&self, due: &Due) -> Option<Mac> {
        match due.step {
            Step::Request => self
                .witnesses
                .get(self.unicast)
                .copied()
                .or_else(|| self.askers.of(due.vip, self.unicast.checked_sub(self.witnesses.len())?)),
            Step::Reply | Step::Defence => None,
        }
    }

    /// The interface is down or this speaker must be quiet: nothing that waits is sent.
    pub fn silence(&mut self) {
        self.announcer.stop_all();
        self.answers.clear();
        self.unicast = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heard::{Message, hear};

    const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn request(n: u8) -> Request {
        Request {
            target: IpAddr::from([192, 0, 2, 7]),
            mac: Mac([2, 0, 0, 0, 1, n]),
            sender: Mac([2, 0, 0, 0, 1, n]),
            asker: Some(IpAddr::from([192, 0, 2, n])),
        }
    }

    #[test]
    fn the_gateway_and_recent_askers_are_told_before_the_broadcast() {
        let gateway = Mac([2, 0, 0, 0, 9, 9]);
        let mut neighbor = Neighbor::new(OURS, 10_000, 1);
        neighbor.set_witnesses(vec![gateway]);
        neighbor.note_asker(&request(5));
        let now = Instant::from_millis(5);
        neighbor.start(now, request(5).target);
        neighbor.handle_timeout(now);
        let mut frame = Vec::new();
        let mut to = Vec::new();
        while neighbor.poll_gratuitous(now, &mut frame).is_some() {
            to.push(frame[..6].to_vec());
        }
        let expected = [gateway.0, request(5).mac.0, [0xff; 6], [0xff; 6]];
        assert_eq!(to, expected.map(Vec::from), "gateway, asker, broadcast; then the reply form");
    }

    #[test]
    fn answers_that_wait_are_not_sent_once_the_vip_is_lost() {
        let mut neighbor = Neighbor::new(OURS, 10_000, 1);
        let now = Instant::from_millis(5);
        assert_eq!(neighbor.answer(now, request(5)), Answered::Queued);
        neighbor.stop(request(5).target);
        assert_eq!(neighbor.poll_answer(&mut Vec::new()), None);
        assert_eq!(neighbor.answer(now, request(5)), Answered::Queued);
        let mut frame = Vec::new();
        assert_eq!(neighbor.poll_answer(&mut frame), Some(Sent::Answer));
        let answer = Message::Answer { address: request(5).target, mac: OURS, gratuitous: false };
        assert_eq!(hear(&frame, 7114).unwrap().message, answer);
    }

    #[test]
    fn a_station_that_asks_too_often_is_throttled_alone() {
        let mut neighbor = Neighbor::new(OURS, 10_000, 1);
        let now = Instant::from_millis(5);
        let mut frame = Vec::new();
        let mut ask = |n| {
            let answered = neighbor.answer(now, request(n));
            neighbor.poll_answer(&mut frame);
            answered
        };
        let answered = (0..5_000).filter(|_| ask(1) == Answered::Queued).count();
        assert_eq!(answered, Neighbor::ANSWER_BURST as usize);
        assert_eq!(ask(2), Answered::Queued);
    }
}
