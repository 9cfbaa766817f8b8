//! Three nodes without a cluster, each with the VIP on its loopback interface, an echo server, and what is measured.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_bench::beside;
use ferrolb_lab::{Lab, Options, Running, Space, wait};
use ferrolb_tests::metrics::Metrics;
use nix::sys::signal::Signal;

use crate::vips::{VIP, Vips};

/// The port of the echo servers.
pub(crate) const PORT: u16 = 7777;
/// How many nodes there are.
pub(crate) const NODES: u8 = 3;

const NAME: &str = "bench-failover";
const SPEAKER: &str = "ferrolb-speaker";
/// Where speakers serve their metrics.
pub(crate) const ADMIN_PORT: u16 = 7473;
const SETTLED_WITHIN: Duration = Duration::from_secs(30);

/// How the speakers' wire threads are scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheduling {
    /// As `deploy/` permits.
    Realtime,
    /// Without CAP_SYS_NICE, as where it is not granted.
    Ordinary,
}

/// The lab with all that runs on it.
pub(crate) struct Rig {
    pub(crate) lab: Lab,
    /// Dropping one ends it.
    servers: Vec<Running>,
    /// What is measured, by node.
    daemons: RefCell<BTreeMap<String, Running>>,
}

impl Rig {
    pub(crate) fn up() -> Result<Self> {
        Lab::down_named(NAME)?;
        let lab =
            Lab::up(&Options { name: NAME.into(), nodes: NODES, cluster: false, ..Options::default() })?;
        let mut rig = Self { lab, servers: Vec::new(), daemons: RefCell::default() };
        if let Err(error) = rig.fill() {
            rig.down()?;
            return Err(error);
        }
        Ok(rig)
    }

    pub(crate) fn down(self) -> Result<()> {
        let Self { lab, servers, daemons } = self;
        drop((servers, daemons));
        lab.down()
    }

    fn fill(&mut self) -> Result<()> {
        let folder = self.lab.folder().to_path_buf();
        fs::copy(beside(SPEAKER)?, folder.join("bin").join(SPEAKER))?;
        let manifests = folder.join("manifests");
        fs::create_dir_all(&manifests)?;
        fs::write(manifests.join("heartbeat.key"), [7; 32])?;
        for node in self.lab.nodes() {
            prepare(&node)?;
            let mut command = node.command(["/lab/bin/ferrolb-lab", "serve", "--server", node.name()])?;
            self.servers.push(node.spawn(command.stdin(Stdio::null()))?);
        }
        Ok(())
    }

    /// The names of the nodes.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.lab.nodes().iter().map(|node| node.name().to_owned()).collect()
    }

    /// Starts speakers on all nodes in place of what runs there, and waits until each VIP has its owner.
    pub(crate) fn deploy(&self, scheduling: Scheduling, vips: &Vips) -> Result<()> {
        self.stop_all()?;
        fs::write(self.lab.folder().join("manifests/vips.yaml"), vips.manifest())?;
        self.nodes().iter().try_for_each(|node| self.start_speaker(node, scheduling))?;
        self.wait_for_owners(scheduling, vips.all().len())
    }

    /// Starts the speaker of a node, once the one before is gone.
    pub(crate) fn start_speaker(&self, node: &str, scheduling: Scheduling) -> Result<()> {
        let state = format!("/run/speaker-{node}");
        let ordinary = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"];
        let mut arguments = match scheduling {
            Scheduling::Realtime => Vec::new(),
            Scheduling::Ordinary => ordinary.to_vec(),
        };
        arguments.extend(["/lab/bin/ferrolb-speaker", "--node", node]);
        arguments.extend(["--standalone", "/lab/manifests", "--state-dir", &state]);
        self.start(node, "speaker", &arguments)
    }

    /// Starts what is to be measured on a node, once what ran there before is gone; its log is named by both.
    pub(crate) fn start(&self, node: &str, name: &str, arguments: &[&str]) -> Result<()> {
        let before = self.daemons.borrow_mut().remove(node);
        if let Some(mut before) = before {
            before.wait()?;
        }
        let space = self.lab.node(node);
        let log = self.lab.folder().join("log").join(format!("{node}-{name}.log"));
        let log = fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = space.command(arguments)?;
        let running = space.spawn(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))?;
        self.daemons.borrow_mut().insert(node.to_owned(), running);
        Ok(())
    }

    /// Asks what runs on a node to end, and waits until it has.
    pub(crate) fn stop(&self, node: &str) -> Result<()> {
        let daemon = self.daemons.borrow_mut().remove(node);
        let mut daemon = daemon.with_context(|| format!("nothing runs on {node}"))?;
        daemon.signal(Signal::SIGTERM)?;
        daemon.wait().map(drop)
    }

    /// The same on all nodes at a time; those that have ended already are passed over.
    pub(crate) fn stop_all(&self) -> Result<()> {
        let mut daemons = self.daemons.take();
        for daemon in daemons.values() {
            if daemon.pid().is_some() {
                daemon.signal(Signal::SIGTERM)?;
            }
        }
        daemons.values_mut().try_for_each(|daemon| daemon.wait().map(drop))
    }

    /// Has the speakers read that this node is cordoned, or that none is.
    pub(crate) fn cordon(&self, node: Option<&str>) -> Result<()> {
        let manifest = node.map_or_else(String::new, |name| {
            format!(
                "{{apiVersion: v1, kind: Node, metadata: {{name: {name}}}, spec: {{unschedulable: true}}}}"
            )
        });
        Ok(fs::write(self.lab.folder().join("manifests/nodes.yaml"), manifest)?)
    }

    /// The process number of a node's speaker.
    pub(crate) fn speaker(&self, node: &str) -> Result<i32> {
        let pids = self.lab.node(node).pids_of(SPEAKER)?;
        pids.first().copied().with_context(|| format!("no speaker runs on {node}"))
    }

    /// What a node's speaker counts.
    pub(crate) fn metrics(&self, node: &str) -> Result<Metrics> {
        Metrics::read(&self.lab, node, SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN_PORT)))
    }

    /// Waits until every VIP has one owner and all other speakers stand by for it.
    pub(crate) fn wait_for_owners(&self, scheduling: Scheduling, vips: usize) -> Result<()> {
        let mut last = Ok(());
        let settled = wait("every VIP has its owner", SETTLED_WITHIN, || {
            last = self.owners(scheduling, vips).map(drop);
            last.is_ok()
        });
        settled.map(drop).with_context(|| last.err().map_or_else(String::new, |error| error.to_string()))
    }

    /// How many VIPs each node owns, if all of them have one owner, and all other speakers stand by.
    pub(crate) fn owners(&self, scheduling: Scheduling, vips: usize) -> Result<BTreeMap<String, usize>> {
        let mut owners = BTreeMap::new();
        for node in self.nodes() {
            let metrics = self.metrics(&node)?;
            let realtime = metrics.sum("ferrolb_speaker_realtime", &[]) == 1.0;
            ensure!(
                realtime == (scheduling == Scheduling::Realtime),
                "{node}'s speaker is not scheduled as it should be"
            );
            let in_state =
                |state: &str| metrics.sum("ferrolb_speaker_vips", &[&format!("state=\"{state}\"")]) as usize;
            let (owned, backup) = (in_state("owner"), in_state("backup"));
            ensure!(owned + backup == vips, "{node} owns {owned} of {vips} VIPs and stands by for {backup}");
            owners.insert(node, owned);
        }
        ensure!(owners.values().sum::<usize>() == vips, "VIPs are owned thus: {owners:?}");
        Ok(owners)
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
