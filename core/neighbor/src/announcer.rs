use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use ferrolb_sansio::{Instant, Rng, TokenBucket};

use crate::frame::Form;

/// When gratuitous frames go out, and in which order.
///
/// A VIP is announced when it is taken, 10 ms, 100 ms, 1 s and 5 s after that (ports come up late, frames get
/// lost), and every minute (a client cut off during a conflict must not wait for its own cache). In a round the
/// request form of all VIPs goes first, then the reply form; rounds are shuffled, and paced, because storm control
/// can shut a port. Pacing delays an announcement and never drops it. What is announced every minute gathers for a
/// moment, so that thousands of VIPs do not wake this speaker and everybody else one by one.
#[derive(Clone, Debug)]
pub(crate) struct Announcer {
    vips: BTreeMap<IpAddr, Schedule>,
    /// VIPs that another station uses; no part of their schedule.
    defences: VecDeque<IpAddr>,
    /// Request forms of VIPs that were just taken.
    urgent: VecDeque<IpAddr>,
    /// Everything else, round by round.
    rest: VecDeque<(IpAddr, Form)>,
    /// When the next round of each VIP is to be queued, unless one waits for its pace.
    due: BTreeSet<(Instant, IpAddr)>,
    interval: Duration,
    burst: u32,
    bucket: TokenBucket,
}

/// What to announce next, and as what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Due {
    pub(crate) vip: IpAddr,
    pub(crate) step: Step,
}

/// Why something is announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A round of the schedule begins with the request form.
    Request,
    /// And ends with the reply form.
    Reply,
    /// A single announcement against another station.
    Defence,
}

impl Due {
    pub(crate) fn form(&self) -> Form {
        match self.step {
            Step::Request | Step::Defence => Form::Request,
            Step::Reply => Form::Reply,
        }
    }
}

#[derive(Clone, Debug)]
struct Schedule {
    /// Rounds sent so far.
    round: usize,
    sent: Instant,
    /// When the next round may be queued; never while a round waits for its pace.
    next: Instant,
    queued: bool,
}

/// From one round to the next: 0, 10 ms, 100 ms, 1 s and 5 s after the VIP was taken.
const GAPS: [Duration; 4] = [
    Duration::from_millis(10),
    Duration::from_millis(90),
    Duration::from_millis(900),
    Duration::from_millis(4_000),
];
const REFRESH: Duration = Duration::from_secs(60);
/// Refreshes are due at multiples of this.
const GATHER: Duration = Duration::from_millis(50);
/// A VIP's burst starts over at most this often.
const RESTART: Duration = Duration::from_millis(10);

impl Announcer {
    pub(crate) fn new(frames_per_second: u32) -> Self {
        let rate = frames_per_second.max(1);
        Self {
            vips: BTreeMap::new(),
            defences: VecDeque::new(),
            urgent: VecDeque::new(),
            rest: VecDeque::new(),
            due: BTreeSet::new(),
            interval: Duration::from_secs(1) / rate,
            burst: (rate / 200).max(1),
            bucket: TokenBucket::full(),
        }
    }

    /// Starts the burst of a VIP that was just taken.
    pub(crate) fn start(&mut self, vip: IpAddr, now: Instant) {
        self.stop(vip);
        self.vips.insert(vip, Schedule { round: 0, sent: Instant::ZERO, next: now, queued: false });
        self.due.insert((now, vip));
    }

    /// Starts the burst over, now or as soon as one may start again; VIPs that are not announced are ignored.
    pub(crate) fn again(&mut self, vip: IpAddr, now: Instant) {
        self.reschedule(vip, |schedule| {
            schedule.round = 0;
            schedule.next = now.max(schedule.sent + RESTART);
        });
    }

    /// Announces a VIP once, beside its schedule.
    pub(crate) fn defend(&mut self, vip: IpAddr) {
        if self.vips.contains_key(&vip) && !self.defences.contains(&vip) {
            self.defences.push_back(vip);
        }
    }

    pub(crate) fn stop(&mut self, vip: IpAddr) {
        self.defences.retain(|contested| *contested != vip);
        if let Some(schedule) = self.vips.remove(&vip) {
            self.due.remove(&(schedule.next, vip));
        }
    }

    pub(crate) fn stop_all(&mut self) {
        self.vips.clear();
        self.due.clear();
        self.defences.clear();
        self.urgent.clear();
        self.rest.clear();
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, rng: &mut Rng) {
        let mut urgent = Vec::new();
        let mut later = Vec::new();
        while let Some(&(at, vip)) = self.due.first()
            && at <= now
        {
            self.due.pop_first();
            let schedule = self.vips.get_mut(&vip).expect("what is due is announced");
            schedule.queued = true;
            if schedule.round == 0 { urgent.push(vip) } else { later.push(vip) }
        }
        rng.shuffle(&mut urgent);
        rng.shuffle(&mut later);
        self.urgent.extend(&urgent);
        self.rest.extend(later.iter().map(|&vip| (vip, Form::Request)));
        let arp_replies = urgent.into_iter().chain(later).filter(IpAddr::is_ipv4);
        self.rest.extend(arp_replies.map(|vip| (vip, Form::Reply)));
    }

    pub(crate) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let waits = !self.defences.is_empty() || !self.urgent.is_empty() || !self.rest.is_empty();
        let paced = waits.then(|| self.bucket.next(now, self.interval, self.burst));
        let round = self.due.first().map(|(at, _)| *at);
        round.into_iter().chain(paced).min()
    }

    /// What to announce next; the caller sends frames for it while [`Self::permit`] allows.
    pub(crate) fn front(&mut self) -> Option<Due> {
        if let Some(&vip) = self.defences.front() {
            return Some(Due { vip, step: Step::Defence });
        }
        while let Some(&vip) = self.urgent.front() {
            if self.vips.contains_key(&vip) {
                return Some(Due { vip, step: Step::Request });
            }
            self.urgent.pop_front();
        }
        while let Some(&(vip, form)) = self.rest.front() {
            if self.vips.contains_key(&vip) {
                let step = match form {
                    Form::Request => Step::Request,
                    Form::Reply => Step::Reply,
                };
                return Some(Due { vip, step });
            }
            self.rest.pop_front();
        }
        None
    }

    /// All frames of [`Self::front`], which is `due`, are sent.
    pub(crate) fn pop(&mut self, now: Instant, due: &Due, rng: &mut Rng) {
        match due.step {
            Step::Defence => drop(self.defences.pop_front()),
            Step::Request | Step::Reply => {
                if self.urgent.pop_front().is_none() {
                    self.rest.pop_front();
                }
            }
        }
        if due.step == Step::Request {
            self.reschedule(due.vip, |schedule| schedule.advance(now, rng));
        }
    }

    fn reschedule(&mut self, vip: IpAddr, change: impl FnOnce(&mut Schedule)) {
        let Some(schedule) = self.vips.get_mut(&vip) else { return };
        self.due.remove(&(schedule.next, vip));
        change(schedule);
        if !schedule.queued {
            self.due.insert((schedule.next, vip));
        }
    }

    /// Whether one more frame may be sent now; if so it is counted.
    pub(crate) fn permit(&mut self, now: Instant) -> bool {
        self.bucket.take(now, self.interval, self.burst)
    }
}

impl Schedule {
    fn advance(&mut self, now: Instant, rng: &mut Rng) {
        self.next = match GAPS.get(self.round) {
            Some(&gap) => now + gap,
            None if self.round == GAPS.len() => gathered(now + GATHER + rng.jitter(REFRESH)),
            None => gathered(now + REFRESH),
        };
        self.round += 1;
        self.sent = now;
        self.queued = false;
    }
}

/// The last moment at or before `at` at which refreshes are due. Not the next one, to which they would drift apart.
fn gathered(at: Instant) -> Instant {
    let gather = u64::try_from(GATHER.as_nanos()).expect("it is a moment");
    Instant::from_nanos(at.as_nanos() / gather * gather)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(announcer: &mut Announcer, from: Instant, until: Instant) -> Vec<(Instant, IpAddr, Form)> {
        let mut rng = Rng::new(3);
        let (mut now, mut sent) = (from, Vec::new());
        while now <= until {
            announcer.handle_timeout(now, &mut rng);
            while let Some(due) = announcer.front() {
                if !announcer.permit(now) {
                    break;
                }
                announcer.pop(now, &due, &mut rng);
                sent.push((now, due.vip, due.form()));
            }
            let next = announcer.poll_timeout(now).expect("a VIP is always due some time");
            assert!(next > now, "the announcer asks for the same moment again: {now:?}");
            now = next;
        }
        sent
    }

    fn vip(n: u32) -> IpAddr {
        IpAddr::V4((0xc633_6400 + n).into())
    }

    #[test]
    fn a_taken_vip_is_announced_in_rounds_then_every_minute() {
        let mut announcer = Announcer::new(10_000);
        let start = Instant::from_millis(1_000);
        announcer.start(vip(1), start);
        let sent = run(&mut announcer, start, start + Duration::from_secs(240));
        let requests: Vec<_> =
            sent.iter().filter(|s| s.2 == Form::Request).map(|s| s.0.since(start).as_millis()).collect();
        assert_eq!(requests[..5], [0, 10, 100, 1_000, 5_000]);
        assert!(requests[5] < 65_000 && requests[6] - requests[5] == 60_000, "{requests:?}");
        assert_eq!(sent.iter().filter(|s| s.2 == Form::Reply).count(), requests.len());
    }

    #[test]
    fn many_vips_are_paced_requests_before_replies_and_none_is_dropped() {
        let mut announcer = Announcer::new(1_000);
        let start = Instant::from_millis(1_000);
        (0..200).for_each(|n| announcer.start(vip(n), start));
        let sent = run(&mut announcer, start, start + Duration::from_secs(4));
        let per_second =
            |s: u64| sent.iter().filter(|f| f.0.since(start).as_millis() as u64 / 1_000 == s).count();
        assert!(per_second(0) <= 1_005, "{}", per_second(0));
        assert!(sent[..200].iter().all(|s| s.2 == Form::Request), "requests of all VIPs go first");
        let mut first: Vec<_> = sent[..200].iter().map(|s| s.1).collect();
        assert!(!first.is_sorted(), "a round is shuffled");
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 200);
        for n in 0..200 {
            let forms = |form| sent.iter().filter(|s| s.1 == vip(n) && s.2 == form).count();
            assert_eq!(
                (forms(Form::Request), forms(Form::Reply)),
                (4, 4),
                "VIP {n}: rounds 0 to 1 s, both forms"
            );
        }
    }

    #[test]
    fn refreshes_gather_and_stay_a_minute_apart() {
        const VIPS: u32 = 5_000;
        let mut announcer = Announcer::new(10_000);
        let start = Instant::from_millis(1_000);
        (0..VIPS).for_each(|n| announcer.start(vip(n), start));
        let settled = start + Duration::from_secs(70);
        run(&mut announcer, start, settled);
        for minute in 0..3 {
            let from = settled + Duration::from_secs(60) * minute + Duration::from_millis(1);
            let sent = run(&mut announcer, from, from + Duration::from_millis(59_999));
            let mut vips: Vec<_> = sent.iter().map(|sent| sent.1).collect();
            vips.sort_unstable();
            assert!(vips.chunks(2).all(|both| both[0] == both[1]), "each is announced in both forms");
            vips.dedup();
            assert_eq!((vips.len(), sent.len()), (VIPS as usize, 2 * VIPS as usize));
            let mut moments: Vec<_> = sent.iter().map(|sent| sent.0).collect();
            moments.dedup();
            assert!(moments.len() <= 60 * 20 + 1, "{} wake-ups for a minute's refreshes", moments.len());
        }
    }

    #[test]
    fn starting_over_is_delayed_not_dropped() {
        let mut announcer = Announcer::new(10_000);
        let start = Instant::from_millis(1_000);
        announcer.start(vip(1), start);
        run(&mut announcer, start, start + Duration::from_millis(3));
        announcer.again(vip(1), start + Duration::from_millis(4));
        let sent = run(&mut announcer, start + Duration::from_millis(4), start + Duration::from_millis(50));
        let times: Vec<_> =
            sent.iter().filter(|s| s.2 == Form::Request).map(|s| s.0.since(start).as_millis()).collect();
        assert_eq!(times, [10, 20]);
    }
}
