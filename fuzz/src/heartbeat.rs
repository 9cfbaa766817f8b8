//! Layer 2: a speaker that hears what others sign with the right key.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use ferrolb_neighbor::{Message, hear};
use ferrolb_ownership::{
    Ballot, ClusterId, Event, Interface, Key, Keys, Mac, NodeName, PORT, Plan, Segment, Settings, StateName,
    Timing, Uid, VipPlan,
};
use ferrolb_sansio::Instant;

use crate::speaker::{CLUSTER, MOST, Others, SECRET, Script, TAG, UIDS, tag, vips};

/// Where the speaker stands when the first frame comes, and the frames.
pub fn frames(bytes: &[u8]) {
    let [scene, script @ ..] = bytes else { return };
    let mut speaker = SCENES[usize::from(*scene) % SCENES.len()].clone();
    let mut script = Script(script);
    for _ in 0..FRAMES {
        if !script.is_over() {
            speaker.hear(&mut script);
            speaker.pass(Duration::from_millis(WAITS[usize::from(script.octet() & 7)]));
        }
    }
}

/// Joining beside one that owns, owning, not owning, handing over, and with a plan that the owner does not know yet.
static SCENES: LazyLock<[Speaker; 5]> = LazyLock::new(|| {
    let (ours, theirs) = (["node-a", "node-b"], ["node-b", "node-a"]);
    let mut ceding = Speaker::after(1_200, &ours);
    ceding.plan(&ours, 2, Some("node-b"));
    let mut evicting = Speaker::after(1_200, &theirs);
    evicting.plan(&["node-a"], 2, None);
    let scenes =
        [Speaker::joining(), Speaker::after(1_200, &ours), Speaker::after(1_200, &theirs), ceding, evicting];
    let states = scenes.each_ref().map(|speaker| speaker.states());
    let expected =
        [StateName::Joining, StateName::Owner, StateName::Backup, StateName::Ceding, StateName::Backup];
    assert_eq!(states, expected.map(|state| vec![state; 2]));
    scenes
});

/// How many frames one brings forth before time passes, and one more for each VIP known.
const MOST_FRAMES: usize = 32;
/// How often something is due again at one moment.
const MOST_TURNS: usize = 4;
/// The most frames of an input, and the milliseconds that pass after one: a heartbeat is due every 25, and after 89 of them
/// whoever is silent is dead.
const FRAMES: usize = 8;
const WAITS: [u64; 8] = [0, 0, 1, 5, 20, 25, 50, 100];

#[derive(Clone)]
struct Speaker {
    segment: Segment,
    uid: [u8; 16],
    others: Others,
    now: Instant,
    joined: bool,
    /// By what was told.
    owned: BTreeSet<IpAddr>,
    /// The term of the last claim to each VIP.
    claimed: BTreeMap<IpAddr, u64>,
    ballots: BTreeMap<IpAddr, Ballot>,
    sequence: u64,
}

impl Speaker {
    fn new(now: Instant, which: usize, candidates: &[&str]) -> Self {
        let node = ["node-a", "node-b"][which];
        let mut speaker = Self {
            segment: Segment::new(now, settings(node, UIDS[which]), interface(UIDS[which]), which as u64),
            uid: UIDS[which],
            others: Others { sequence: [0; 4], nonce: 0 },
            now,
            joined: false,
            owned: BTreeSet::new(),
            claimed: BTreeMap::new(),
            ballots: BTreeMap::new(),
            sequence: 0,
        };
        speaker.plan(candidates, 1, None);
        speaker
    }

    /// So many milliseconds after it and another one were started.
    fn after(millis: u64, candidates: &[&str]) -> Self {
        let now = Instant::from_millis(1);
        let mut ours = Self::new(now, 0, candidates);
        let mut theirs = Self::new(now, 1, candidates);
        ours.talk(&mut theirs, millis);
        ours
    }

    /// One that was restarted beside an owner.
    fn joining() -> Self {
        let candidates = ["node-b", "node-a"];
        let mut theirs = Self::new(Instant::from_millis(1), 1, &candidates);
        theirs.pass(Duration::from_millis(2_000));
        let mut ours = Self::new(theirs.now, 0, &candidates);
        ours.talk(&mut theirs, 100);
        ours
    }

    fn talk(&mut self, other: &mut Self, millis: u64) {
        for _ in 0..millis {
            let (ours, theirs) = (self.pass(Duration::from_millis(1)), other.pass(Duration::from_millis(1)));
            for frame in theirs {
                self.segment.handle_frame(self.now, self.now, &frame);
            }
            for frame in ours {
                other.segment.handle_frame(other.now, other.now, &frame);
            }
        }
        self.others.sequence[1] = other.sequence;
    }

    fn plan(&mut self, candidates: &[&str], revision: u64, move_to: Option<&str>) {
        let name = |node: &&str| NodeName::new(node).expect("it is a name");
        let plan = VipPlan {
            candidates: candidates.iter().map(name).collect(),
            move_to: move_to.as_ref().map(name),
            revision,
            ready: true,
        };
        let vips = vips().into_iter().map(|vip| (vip, plan.clone())).collect();
        self.segment.handle_plan(self.now, Plan { revision, vips });
        self.turn();
    }

    fn states(&self) -> Vec<StateName> {
        self.segment.vips().map(|status| status.state).collect()
    }

    /// A frame is answered at once or not, but never by a flood.
    fn hear(&mut self, script: &mut Script<'_>) {
        let frame = self.others.frame(script);
        self.segment.handle_frame(self.now, self.now, &frame);
        let said = self.turn();
        let known = self.segment.vips().count();
        assert!(said.len() <= MOST_FRAMES + known, "{} frames", said.len());
    }

    /// Returns what is said meanwhile. Nothing is due again and again.
    fn pass(&mut self, time: Duration) -> Vec<Vec<u8>> {
        let until = self.now + time;
        let (mut said, mut turns) = (Vec::new(), 0);
        while let Some(due) = self.segment.poll_timeout().filter(|due| *due <= until) {
            turns = if due > self.now { 0 } else { turns + 1 };
            assert!(turns <= MOST_TURNS);
            self.now = self.now.max(due);
            said.extend(self.turn());
        }
        self.now = until;
        said
    }

    fn turn(&mut self) -> Vec<Vec<u8>> {
        self.segment.handle_timeout(self.now);
        self.told();
        let mut said = Vec::new();
        let mut frame = Vec::new();
        while self.segment.poll_transmit(&mut frame) {
            self.said(&frame);
            said.push(frame.clone());
        }
        self.told();
        said
    }

    /// What is said is whole and signed, and nobody answers for what is another's.
    fn said(&mut self, frame: &[u8]) {
        match hear(frame, PORT).expect("what is said can be heard").message {
            Message::Datagram { payload, .. } => {
                assert!(payload.len() <= MOST);
                let (signed, signature) = payload.split_at(payload.len() - TAG);
                assert_eq!(signature, tag(signed));
                let number = |at: usize| u64::from_be_bytes(signed[at..at + 8].try_into().expect("8 octets"));
                assert!(number(40) > self.sequence);
                (self.sequence, self.others.nonce) = (number(40), number(48));
            }
            Message::Answer { address, .. } => assert!(self.owned.contains(&address)),
            Message::Request(request) => assert_eq!(request.mac, mac(self.uid)),
            Message::Other => panic!("nothing else is said"),
        }
    }

    /// What is told is what is so: nothing is owned before the speaker has joined, or without a plan, or under a ballot that
    /// is not its own; and of a VIP's ballots it keeps the highest, but for a claim of its own.
    fn told(&mut self) {
        while let Some(event) = self.segment.poll_event() {
            match event {
                Event::Joined => {
                    assert!(!self.joined);
                    self.joined = true;
                }
                Event::Owned { vip, term, connected: _ } => {
                    assert!(self.joined && vips().contains(&vip));
                    self.owned.insert(vip);
                    self.claimed.insert(vip, term);
                }
                Event::Lost { vip, to: _, cause: _ } => assert!(self.owned.remove(&vip)),
                Event::Duplicate { .. } => panic!("no stranger uses a VIP"),
                Event::MulticastFiltered { .. } | Event::SegmentIsolated => {}
            }
        }
        let ours = Uid(self.uid).short();
        let mut owned = BTreeSet::new();
        for status in self.segment.vips() {
            let is_owned = matches!(status.state, StateName::Owner | StateName::Ceding);
            if is_owned {
                owned.insert(status.vip);
            }
            assert_eq!(status.state == StateName::Joining, !self.joined);
            let Some(ballot) = status.ballot else { continue };
            let before = self.ballots.insert(status.vip, ballot);
            if ballot.uid == ours {
                assert_eq!(self.claimed.get(&status.vip), Some(&ballot.term));
            } else {
                assert!(!is_owned && before.is_none_or(|before| before <= ballot));
            }
        }
        assert_eq!(owned, self.owned);
    }
}

fn settings(node: &str, uid: [u8; 16]) -> Settings {
    Settings {
        cluster: ClusterId(CLUSTER),
        keys: Keys::new(Key::new(&SECRET).expect("it is long enough"), None),
        node: NodeName::new(node).expect("it is a name"),
        uid: Uid(uid),
        timing: Timing::REALTIME,
        gratuitous_rate: Settings::DEFAULT_GRATUITOUS_RATE,
        stale_for: Settings::DEFAULT_STALE_FOR,
    }
}

fn interface(uid: [u8; 16]) -> Interface {
    let [host, ..] = uid;
    let addresses = [format!("192.0.2.{host}/24"), format!("2001:db8::{host}/64")];
    Interface {
        index: 2,
        name: "eth0".into(),
        mac: mac(uid),
        addresses: addresses.map(|address| address.parse().expect("it is an address")).into(),
        gateways: Vec::new(),
        carrier: true,
    }
}

fn mac([last, ..]: [u8; 16]) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}
