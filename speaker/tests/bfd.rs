//! BFD against BIRD, on a real switch: it comes up over every kind of path, silence is found out in time, and who switches a
//! session off is not taken for dead.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bird;
mod rig;

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::num::NonZeroU32;
use std::time::Duration;

use bird::Bird;
use ferrolb_bfd::{Change, Event, Hops, Path, Profile, State};
use ferrolb_ownership::{ClusterId, Key, Keys, NodeName, Settings, Timing, Uid};
use ferrolb_speaker::sys;
use ferrolb_speaker::wire::{BfdReport, Command, Identity, Output, Report, Wire};
use nix::sys::signal::Signal;
use rig::Rig;
use tokio::sync::mpsc::Receiver;

const OURS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 11));
const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 12));
const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 2));
const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

/// The wire thread of node 0, and what it tells.
struct Speaker {
    wire: Wire,
    outputs: Receiver<Output>,
    /// What could not be, in words.
    problems: Vec<String>,
}

impl Speaker {
    fn start() -> Self {
        let settings = Settings {
            cluster: ClusterId::of("bfd"),
            keys: Keys::new(Key::new(&[1; 32]).unwrap(), None),
            node: NodeName::new("node-0").unwrap(),
            uid: Uid([3; 16]),
            timing: Timing::ORDINARY,
            gratuitous_rate: 100,
            stale_for: Settings::DEFAULT_STALE_FOR,
        };
        let identity = Identity { settings, acquainted: BTreeSet::new(), seed: 7 };
        let (wire, outputs) = Wire::start(identity).unwrap();
        Self { wire, outputs, problems: Vec::new() }
    }

    async fn want(&self, path: Path, interval: u64) {
        let interval = Duration::from_millis(interval);
        let profile = Profile::new(interval, interval, 3).unwrap();
        self.wire.send(Command::Bfd { path, profile }).await.unwrap();
    }

    /// The next event of this session within a time.
    async fn event(&mut self, path: Path, limit: Duration) -> Option<Event> {
        let until = tokio::time::Instant::now() + limit;
        loop {
            match tokio::time::timeout_at(until, self.outputs.recv()).await.ok()?? {
                Output::Bfd(event) if event.path == path => return Some(event),
                Output::BfdUnusable { problem, .. } => self.problems.push(problem.to_string()),
                Output::Bfd(_) | Output::Event { .. } | Output::Unusable { .. } | Output::Report(_) => {}
            }
        }
    }

    async fn expect_up(&mut self, path: Path) {
        let event = self.event(path, Duration::from_secs(15)).await;
        assert_eq!(event.map(|event| event.change), Some(Change::Up), "{path:?}: {:?}", self.problems);
    }

    async fn report(&mut self) -> BfdReport {
        self.wire.send(Command::Report(Report::default())).await.unwrap();
        loop {
            if let Output::Report(report) = self.outputs.recv().await.unwrap() {
                return report.bfd;
            }
        }
    }
}

fn single(peer: IpAddr, interface: Option<u32>) -> Path {
    Path::new(Hops::Single, peer, None, interface.and_then(NonZeroU32::new)).unwrap()
}

/// Does something on node 0, where speaker and runtime are.
fn at_node<T: Send>(rig: &Rig, work: impl AsyncFnOnce() -> T + Send) -> T {
    rig.within("0", || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(work())
    })
}

fn link_local(rig: &Rig, node: usize) -> IpAddr {
    let text = rig.ip(node, &["-o", "-6", "addr", "show", "dev", "eth0", "scope", "link"]);
    let address = text.split_whitespace().skip_while(|word| *word != "inet6").nth(1).unwrap();
    address.split('/').next().unwrap().parse().unwrap()
}

#[test]
fn a_silent_peer_is_found_out_in_time() {
    let rig = Rig::new("bfd", 2);
    for (interval, slack) in [(300, 30), (50, 15), (10, 10)] {
        let bird = Bird::start(&rig, 1, interval, "neighbor 192.0.2.11 dev \"eth0\";");
        let mut silences = at_node(&rig, async || {
            let (mut speaker, path) = (Speaker::start(), single(V4, None));
            speaker.want(path, interval).await;
            speaker.expect_up(path).await;
            let mut silences = Vec::new();
            for _ in 0..10 {
                // Both ends agree on the fast pace by a poll sequence first.
                tokio::time::sleep(Duration::from_millis(interval * 4 + 100)).await;
                bird.signal(Signal::SIGSTOP);
                let stopped = sys::now();
                let down = speaker.event(path, Duration::from_secs(3)).await.unwrap();
                bird.signal(Signal::SIGCONT);
                assert!(matches!(down.change, Change::Down(_)), "{:?}", down.change);
                silences.push(down.at.since(stopped));
                speaker.expect_up(path).await;
            }
            speaker.wire.stop().await;
            silences
        });
        silences.sort_unstable();
        println!("{interval} ms x 3: found out after {silences:?}");
        let bounds = Duration::from_millis(interval * 2)..=Duration::from_millis(interval * 3 + slack);
        let median = silences[silences.len() / 2];
        assert!(bounds.contains(&median), "{interval} ms: {median:?} is not within {bounds:?}");
    }
}

#[test]
fn a_session_comes_up_over_every_kind_of_path() {
    let rig = Rig::new("bfdpath", 2);
    for (node, own, other, by) in [(0, NEAR, FAR, "192.0.2.12"), (1, FAR, NEAR, "192.0.2.11")] {
        rig.ip(node, &["addr", "add", &format!("{own}/32"), "dev", "lo"]);
        rig.ip(node, &["route", "add", &format!("{other}/32"), "via", by]);
    }
    let (ours, theirs) = (link_local(&rig, 0), link_local(&rig, 1));
    let neighbors = format!(
        "neighbor 192.0.2.11 dev \"eth0\"; neighbor 2001:db8::11 dev \"eth0\"; neighbor {ours} dev \"eth0\"; \
         neighbor {NEAR} local {FAR} multihop on;"
    );
    let _bird = Bird::start(&rig, 1, 100, &neighbors);
    at_node(&rig, async || {
        let index = nix::net::if_::if_nametoindex("eth0").unwrap();
        let paths = [
            single(V4, Some(index)),
            single("2001:db8::12".parse().unwrap(), None),
            single(theirs, Some(index)),
            Path::new(Hops::Multi, FAR, Some(NEAR), None).unwrap(),
        ];
        let mut speaker = Speaker::start();
        for path in paths {
            speaker.want(path, 100).await;
            speaker.expect_up(path).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let report = speaker.report().await;
        for path in paths {
            let status = report.sessions.iter().find(|session| session.path == path).unwrap();
            assert_eq!((status.state, status.downs), (State::Up, 0), "{status:?}");
            assert_eq!(status.transmit_interval, Some(Duration::from_millis(100)));
            assert_eq!(status.detection_time, Some(Duration::from_millis(300)));
        }
        assert!(report.unusable.is_empty() && report.socket.lost == 0, "{report:?}");
    });
}

/// BIRD does not say so when it is switched off, so the peer is another speaker.
#[test]
fn a_peer_that_leaves_is_not_taken_for_dead() {
    let rig = Rig::new("bfdoff", 2);
    let other = rig.within("1", Speaker::start);
    at_node(&rig, async || {
        let (mut speaker, path) = (Speaker::start(), single(V4, None));
        other.want(single(OURS, None), 300).await;
        speaker.want(path, 300).await;
        speaker.expect_up(path).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begin = sys::now();
        other.wire.stop().await;
        let took = sys::now().since(begin);
        let event = speaker.event(path, Duration::from_millis(300)).await.expect("it is told at once");
        assert_eq!(event.change, Change::PeerAdminDown);
        assert!(
            took < Duration::from_millis(300),
            "it left when it knew that this was heard, not after {took:?}"
        );
        speaker.wire.stop().await;
    });
}

#[test]
fn bird_knows_at_once_that_the_speaker_leaves() {
    let rig = Rig::new("bfdleave", 2);
    let bird = Bird::start(&rig, 1, 300, "neighbor 192.0.2.11 dev \"eth0\";");
    at_node(&rig, async || {
        let (mut speaker, path) = (Speaker::start(), single(V4, None));
        speaker.want(path, 300).await;
        speaker.expect_up(path).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begin = sys::now();
        speaker.wire.stop().await;
        let told = bird.ask("show bfd sessions");
        let took = sys::now().since(begin);
        assert!(told.lines().any(|line| line.contains("192.0.2.11") && line.contains("Down")), "{told}");
        assert!(took < Duration::from_millis(600), "less than its detection time, not {took:?}");
    });
}

#[test]
fn a_port_that_another_program_has_is_an_error_of_its_sessions_only() {
    let rig = Rig::new("bfdport", 2);
    let neighbors = "neighbor 192.0.2.11 dev \"eth0\"; neighbor 2001:db8::11 dev \"eth0\";";
    let _bird = Bird::start(&rig, 1, 300, neighbors);
    at_node(&rig, async || {
        let taken = UdpSocket::bind("0.0.0.0:3784").unwrap();
        let (mut speaker, v4) = (Speaker::start(), single(V4, None));
        let v6 = single("2001:db8::12".parse().unwrap(), None);
        speaker.want(v4, 300).await;
        speaker.want(v6, 300).await;
        speaker.expect_up(v6).await;
        let report = speaker.report().await;
        assert_eq!(report.unusable.iter().map(|unopened| unopened.path).collect::<Vec<_>>(), [v4]);
        assert!(report.unusable[0].problem.contains("UDP port 3784"), "{report:?}");
        assert_eq!(speaker.problems.len(), 1, "{:?}", speaker.problems);
        drop(taken);
        speaker.expect_up(v4).await;
        assert!(speaker.report().await.unusable.is_empty());
    });
}
