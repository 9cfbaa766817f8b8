//! Three nodes without a cluster, each with the VIP on its loopback interface, an echo server, and a speaker.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_bench::{Resident, Samples, beside};
use ferrolb_lab::{Lab, Options, Running, Space};
use ferrolb_tests::metrics::Metrics;

use crate::clients::Clients;

pub(crate) const VIP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 128);
/// The port of the echo servers.
pub(crate) const PORT: u16 = 7777;
/// The address of the host that asks by ARP, `cp`.
pub(crate) const ASKER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

const NAME: &str = "bench-failover";
const NODES: u8 = 3;
const SPEAKER: &str = "ferrolb-speaker";
const ADMIN_PORT: u16 = 7473;
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// How long everything must have been as it should be.
const SETTLED_FOR: Duration = Duration::from_millis(300);

/// The lab with all that runs on it.
pub(crate) struct Rig {
    pub(crate) lab: Lab,
    /// Servers and speakers, by node; dropping one ends it.
    servers: Vec<Running>,
    speakers: Mutex<Vec<(String, Running)>>,
}

impl Rig {
    pub(crate) fn up() -> Result<Self> {
        Lab::down_named(NAME)?;
        let lab =
            Lab::up(&Options { name: NAME.into(), nodes: NODES, cluster: false, ..Options::default() })?;
        let mut rig = Self { lab, servers: Vec::new(), speakers: Mutex::default() };
        if let Err(error) = rig.fill() {
            rig.down()?;
            return Err(error);
        }
        Ok(rig)
    }

    pub(crate) fn down(self) -> Result<()> {
        let Self { lab, servers, speakers } = self;
        drop((servers, speakers));
        lab.down()
    }

    fn fill(&mut self) -> Result<()> {
        let folder = self.lab.folder().to_path_buf();
        fs::copy(beside(SPEAKER)?, folder.join("bin").join(SPEAKER))?;
        let manifests = folder.join("manifests");
        fs::create_dir_all(&manifests)?;
        fs::write(manifests.join("heartbeat.key"), [7; 32])?;
        fs::write(manifests.join("vip.yaml"), manifest())?;
        for node in self.lab.nodes() {
            prepare(&node)?;
            let mut command = node.command(["/lab/bin/ferrolb-lab", "serve", "--server", node.name()])?;
            self.servers.push(node.spawn(command.stdin(Stdio::null()))?);
            self.start_speaker(node.name())?;
        }
        Ok(())
    }

    /// Starts the speaker of a node, once the one that was killed there is gone.
    pub(crate) fn start_speaker(&self, node: &str) -> Result<()> {
        let mut speakers = self.speakers.lock().expect("no holder of this lock panics");
        if let Some(killed) = speakers.iter().position(|(name, _)| name == node) {
            speakers.remove(killed).1.wait()?;
        }
        let space = self.lab.node(node);
        let log = self.lab.folder().join("log").join(format!("{node}-speaker.log"));
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        let state = format!("/run/speaker-{node}");
        let mut command = space.command([
            "/lab/bin/ferrolb-speaker",
            "--node",
            node,
            "--standalone",
            "/lab/manifests",
            "--state-dir",
            &state,
        ])?;
        let running = space.spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))?;
        speakers.push((node.to_owned(), running));
        Ok(())
    }

    /// The process number of a node's speaker.
    pub(crate) fn speaker(&self, node: &str) -> Result<i32> {
        let pids = self.lab.node(node).pids_of(SPEAKER)?;
        pids.first().copied().with_context(|| format!("no speaker runs on {node}"))
    }

    /// Waits until both clients are served by one node, which owns the VIP while the others stand by; that node.
    pub(crate) fn settle(&self, clients: &Clients) -> Result<String> {
        let end = Instant::now() + SETTLED_WITHIN;
        let (mut last, mut since) = (None, Instant::now());
        loop {
            clients.mark();
            sleep(Duration::from_millis(100));
            let owner = self.one_owner().and_then(|owner| {
                let (warm, anew) = clients.answerers();
                let only = |nodes: &[String]| nodes == [owner.clone()];
                ensure!(only(&warm) && only(&anew), "the clients are answered by {warm:?} and {anew:?}");
                Ok(owner)
            });
            match owner {
                Ok(owner) if last.as_ref() == Some(&owner) => {
                    if since.elapsed() >= SETTLED_FOR {
                        return Ok(owner);
                    }
                }
                Ok(owner) => (last, since) = (Some(owner), Instant::now()),
                Err(error) if Instant::now() > end => return Err(error.context("the speakers do not settle")),
                Err(_) => last = None,
            }
        }
    }

    fn one_owner(&self) -> Result<String> {
        let mut owners = Vec::new();
        for number in 1..=NODES {
            let node = format!("n{number}");
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT));
            let metrics = Metrics::read(&self.lab, &node, address)?;
            ensure!(
                metrics.sum("ferrolb_speaker_realtime", &[]) == 1.0,
                "{node} has no real-time scheduling"
            );
            let vips = |state: &str| metrics.sum("ferrolb_speaker_vips", &[&format!("state=\"{state}\"")]);
            match (vips("owner"), vips("backup")) {
                (1.0, 0.0) => owners.push(node),
                (0.0, 1.0) => {}
                other => anyhow::bail!("{node} is owner and backup of {other:?} VIPs"),
            }
        }
        ensure!(owners.len() == 1, "the VIP is owned by {owners:?}");
        Ok(owners.remove(0))
    }

    /// The most that any speaker needs.
    pub(crate) fn speaker_mib(&self) -> Result<f64> {
        let sizes =
            self.lab.nodes().into_iter().map(|node| Ok(Resident::of(self.speaker(node.name())?)?.anonymous));
        Ok(sizes.collect::<Result<Samples>>()?.max())
    }
}

/// The VIP is served by the kernel, which must neither answer for it nor ask in its name: that is the speakers' part.
fn prepare(node: &Space) -> Result<()> {
    node.check(["ip", "address", "add", &format!("{VIP}/32"), "dev", "lo"])?;
    for setting in ["arp_ignore=1", "arp_announce=2"] {
        node.check(["sysctl", "--write", &format!("net.ipv4.conf.all.{setting}")])?;
    }
    Ok(())
}

fn manifest() -> String {
    let nodes: Vec<String> = (1..=NODES).map(|number| format!("n{number}")).collect();
    format!(
        "apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {{name: bench}}
spec:
  vips:
    - ip: {VIP}
      layer2: {{nodes: [{}], revision: 1}}
",
        nodes.join(", ")
    )
}
