//! A lab with a speaker and an echo server on each node, and the VIPs on the nodes' loopback interfaces.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::Duration;

use ferrolb_lab::probe::{Probe, Target, Witness};
use ferrolb_lab::{Checkout, Families, Lab, Options, Running, Space, wait};
use ferrolb_tests::arp::Asker;
use ferrolb_tests::mac_text;
use ferrolb_tests::metrics::Metrics;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 128);
pub(crate) const VIP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x1000);

/// For what takes the protocol a tenth of a second to have happened, on a machine that builds something meanwhile.
pub(crate) const SOON: Duration = Duration::from_secs(1);
/// No longer than this may it take on such a machine, with the commands that bring it about.
pub(crate) const LIMIT: Duration = Duration::from_secs(5);
/// How long two may answer at once: three heartbeats (75 ms, 150 ms without real-time scheduling), on such a machine.
pub(crate) const OVERLAP: Duration = Duration::from_millis(500);
/// For what happens before a test begins.
pub(crate) const SETTLED: Duration = Duration::from_secs(20);

const SPEAKER: &str = "ferrolb-speaker";
const PORT: u16 = 7777;
const ADMIN: u16 = 7473;

/// The lab and all that runs on it; it goes down with this value.
pub(crate) struct Rig {
    pub(crate) lab: Lab,
    vips: Vec<IpAddr>,
    servers: Vec<Running>,
    speakers: BTreeMap<String, Running>,
    /// Stalls that were counted before the story began.
    stalls_before: f64,
    /// Those of speakers that were killed.
    stalls_of_killed: f64,
    /// Those that the story brings about.
    stalls_wanted: f64,
}

thread_local! {
    /// Whether the machine stalled a speaker in the last rig of this thread that a failing story left.
    static STALLED: Cell<bool> = const { Cell::new(false) };
}

/// Tells a story, and again if it fails while the machine kept a speaker from its processor for longer than the protocol bears
/// (D - T): that speaker then counts as dead, rightly, and the story is about something else. A speaker that stalls by itself fails
/// all three times.
pub(crate) fn tell(story: impl Fn()) {
    for left in (0..3).rev() {
        STALLED.set(false);
        match catch_unwind(AssertUnwindSafe(&story)) {
            Ok(()) => return,
            Err(_) if STALLED.get() && left > 0 => println!("the machine stalled a speaker: once more"),
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Rig {
    /// Three nodes, all with a speaker; n1 owns the VIPs of both families.
    pub(crate) fn three(name: &str) -> Self {
        let mut rig = Self::up(&options(name, 3), &[VIP.into(), VIP6.into()]);
        rig.start_all();
        rig
    }

    /// A lab whose VIPs have all nodes as candidates, in order; no speaker runs yet.
    pub(crate) fn up(options: &Options, vips: &[IpAddr]) -> Self {
        Lab::down_named(&options.name).unwrap();
        let lab = Lab::up(options).unwrap();
        let rig = Self {
            lab,
            vips: vips.to_vec(),
            servers: Vec::new(),
            speakers: BTreeMap::new(),
            stalls_before: 0.0,
            stalls_of_killed: 0.0,
            stalls_wanted: 0.0,
        };
        let folder = rig.lab.folder();
        rig.lab.add_program(&Checkout::find().unwrap().bin().join(SPEAKER)).unwrap();
        fs::create_dir_all(folder.join("manifests")).unwrap();
        fs::write(folder.join("manifests/heartbeat.key"), [7; 32]).unwrap();
        fs::write(folder.join("manifests/vips.yaml"), manifest(options.nodes, vips)).unwrap();
        rig.serve()
    }

    /// The VIPs are served by the kernel, which must neither answer for them nor ask in their name.
    fn serve(mut self) -> Self {
        for node in self.lab.nodes() {
            let add =
                |vip: &IpAddr| format!("address add {vip}/{} dev lo\n", if vip.is_ipv4() { 32 } else { 128 });
            let batch: String = self.vips.iter().map(add).collect();
            let set = "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2";
            node.check(["sh", "-c", &format!("echo '{batch}' | ip -batch - && {set}")]).unwrap();
            let mut command =
                node.command(["/lab/bin/ferrolb-lab", "serve", "--server", node.name()]).unwrap();
            self.servers.push(node.spawn(command.stdin(Stdio::null())).unwrap());
        }
        self
    }

    /// Starts every speaker; returns once all have joined and the first candidate answers for every VIP.
    pub(crate) fn start_all(&mut self) {
        for node in self.lab.nodes() {
            self.start(node.name());
        }
        self.joined();
        for vip in self.vips.clone() {
            self.settles(vip, "n1");
        }
    }

    pub(crate) fn start(&mut self, node: &str) {
        let space = self.lab.node(node);
        let log = fs::File::create(self.log_file(node)).unwrap();
        let speaker = format!("/lab/bin/{SPEAKER}");
        let mut command =
            space.command([speaker.as_str(), "--node", node, "--standalone", "/lab/manifests"]).unwrap();
        let running = space.spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log)).unwrap();
        self.speakers.insert(node.to_owned(), running);
    }

    /// Ends a speaker at once.
    pub(crate) fn kill(&mut self, node: &str) {
        self.stalls_of_killed += self.stalls_of(node);
        self.speakers.remove(node).unwrap();
    }

    /// Waits until no speaker that runs is joining.
    pub(crate) fn joined(&mut self) {
        for node in self.speakers.keys() {
            wait(&format!("the speaker of {node} joins"), SETTLED, || {
                self.metrics(node).is_some_and(|metrics| {
                    let vips = |labels: &[&str]| metrics.sum("ferrolb_speaker_vips", labels);
                    vips(&[]) > 0.0 && vips(&["state=\"joining\""]) == 0.0
                })
            })
            .unwrap();
        }
        self.stalls_before = self.stalls();
    }

    /// Lets the processors of `node` forget its speaker for a while.
    pub(crate) fn stall(&mut self, node: &str, time: Duration) {
        let space = self.lab.node(node);
        space.freeze(SPEAKER).unwrap();
        sleep(time);
        space.thaw(SPEAKER).unwrap();
        self.stalls_wanted += 1.0;
    }

    /// The same by a program that runs on: the speaker of `node` may use one processor only, and somebody of the highest priority
    /// there is has that. The machine goes on with the others.
    pub(crate) fn hog(&mut self, node: &str, time: Duration) {
        let processors = thread::available_parallelism().unwrap().get();
        let last = (processors - 1).to_string();
        let pid = self.lab.node(node).pids_of(SPEAKER).unwrap()[0].to_string();
        let may_use = |list: &str| {
            let status =
                Command::new("taskset").args(["-a", "-p", "-c", list, &pid]).stdout(Stdio::null()).status();
            assert!(status.unwrap().success(), "the speaker of {node} may not use {list}");
        };
        may_use(&last);
        // Whoever ends the hog does not wait for the processor that it has. It runs beside the lab, whose real-time budget is small.
        let time = time.as_secs_f64().to_string();
        let hog = ["taskset", "-c", &last, "chrt", "-f", "99", "sh", "-c", "while :; do :; done"];
        let status = Command::new("timeout").args(["-s", "KILL", &time]).args(hog).status().unwrap();
        assert_eq!(status.signal(), Some(9), "nobody had the processor for {time} s: {status}");
        may_use(&format!("0-{last}"));
        self.stalls_wanted += 1.0;
    }

    /// How often speakers saw by their clocks that they had stood still for too long.
    fn stalls(&self) -> f64 {
        self.stalls_of_killed + self.speakers.keys().map(|node| self.stalls_of(node)).sum::<f64>()
    }

    fn stalls_of(&self, node: &str) -> f64 {
        self.metrics(node).map_or(0.0, |metrics| {
            metrics.sum("ferrolb_speaker_late_wakeups_total", &["severity=\"stalled\""])
        })
    }

    /// Waits until `node`, and nobody else, answers for `vip`.
    pub(crate) fn settles(&self, vip: IpAddr, node: &str) {
        self.settles_within(SETTLED, vip, node);
    }

    /// The same, in time.
    pub(crate) fn settles_within(&self, limit: Duration, vip: IpAddr, node: &str) {
        let mut last = Vec::new();
        let settled = wait(&format!("{node} alone answers for {vip}"), limit, || {
            last = self.owners(vip);
            last == [node]
        });
        assert!(settled.is_ok(), "{vip} is answered for by {last:?}, not {node}\n{}", self.logs());
    }

    /// The one node that answers for `vip`.
    pub(crate) fn one_owner(&self, vip: IpAddr) -> String {
        let mut owners = self.owners(vip);
        assert_eq!(owners.len(), 1, "{vip} is answered for by {owners:?}\n{}", self.logs());
        owners.remove(0)
    }

    /// All nodes that answer on layer 2 for `vip`: by ARP asked from the control plane's host, by NDP from the client, each
    /// with nothing in a cache.
    pub(crate) fn owners(&self, vip: IpAddr) -> Vec<String> {
        let wait = Duration::from_millis(100);
        let macs: Vec<String> = match vip {
            IpAddr::V4(vip) => {
                let asker = Asker::open(&self.lab, "cp", Ipv4Addr::new(192, 0, 2, 1)).unwrap();
                asker.owners(vip, wait).unwrap().into_iter().map(mac_text).collect()
            }
            IpAddr::V6(vip) => ask_ndp(&self.lab.client(), vip),
        };
        let mut nodes: Vec<String> = macs.iter().map(|mac| self.node_with(mac)).collect();
        nodes.sort();
        // Who announces meanwhile is heard more than once.
        nodes.dedup();
        nodes
    }

    pub(crate) fn node_with(&self, mac: &str) -> String {
        self.lab.node_with_mac(mac).unwrap_or_else(|| mac.to_owned())
    }

    /// A client that asks the echo server at `vip` each millisecond, by way of its kernel's neighbour cache, once `node`
    /// answers it.
    pub(crate) fn probe(&self, from: &Space, vip: IpAddr, node: &str) -> Probe {
        let target = Target { address: vip, udp: Some(PORT), tcp: None, plain_tcp: None, seconds: None };
        let probe = from.probe(&target).unwrap();
        wait(&format!("{node} answers {}", from.name()), SETTLED, || {
            probe.so_far().servers(Witness::Datagram).last().is_some_and(|(_, name)| *name == node)
        })
        .unwrap();
        probe
    }

    /// What the speaker of a node counts, if it answers.
    pub(crate) fn metrics(&self, node: &str) -> Option<Metrics> {
        Metrics::read(&self.lab, node, SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN))).ok()
    }

    /// The sum of a metric at a node.
    pub(crate) fn counted(&self, node: &str, name: &str, labels: &[&str]) -> f64 {
        self.metrics(node).unwrap().sum(name, labels)
    }

    /// What the speaker of a node said.
    pub(crate) fn log(&self, node: &str) -> String {
        fs::read_to_string(self.log_file(node)).unwrap_or_default()
    }

    pub(crate) fn logs(&self) -> String {
        self.lab
            .nodes()
            .iter()
            .map(|node| format!("--- {}\n{}", node.name(), self.log(node.name())))
            .collect()
    }

    fn log_file(&self, node: &str) -> std::path::PathBuf {
        self.lab.folder().join("log").join(format!("{node}-speaker.log"))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}", self.logs());
            let stalls = self.stalls() - self.stalls_before - self.stalls_wanted;
            println!("stalls of speakers that the machine brought about: {stalls}");
            STALLED.set(stalls > 0.0);
        }
        self.speakers.clear();
        self.servers.clear();
        let down = self.lab.clone().down();
        if !thread::panicking() {
            down.unwrap();
        }
    }
}

/// A lab without a cluster.
pub(crate) fn options(name: &str, nodes: u8) -> Options {
    Options { name: format!("l2-{name}"), nodes, cluster: false, ..Options::default() }
}

/// The same without IPv4.
pub(crate) fn ipv6_options(name: &str, nodes: u8) -> Options {
    Options { families: Families::Ipv6, ..options(name, nodes) }
}

fn manifest(nodes: u8, vips: &[IpAddr]) -> String {
    let nodes: Vec<String> = (1..=nodes).map(|number| format!("n{number}")).collect();
    let nodes = nodes.join(", ");
    let mut text = String::from(
        "apiVersion: ferrolb.io/v1beta1\nkind: AnnouncementSlice\nmetadata: {name: vips}\nspec:\n  vips:\n",
    );
    for vip in vips {
        text += &format!("  - ip: '{vip}'\n    layer2: {{nodes: [{nodes}], revision: 1}}\n");
    }
    text
}

/// MAC addresses that answer one multicast solicitation.
fn ask_ndp(client: &Space, vip: Ipv6Addr) -> Vec<String> {
    let vip = vip.to_string();
    let asked = client.run(["ndisc6", "-m", "-q", "-r", "1", "-w", "100", &vip, "eth0"]).unwrap();
    asked.stdout.lines().map(|mac| mac.trim().to_lowercase()).filter(|mac| !mac.is_empty()).collect()
}
