//! The manager: builds what the lab consists of, inside it, and carries out orders.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::getpid;

use super::control::{self, Order};
use super::daemon::Daemon;
use super::in_netns;
use super::init::Init;
use super::root::Sources;
use crate::cgroup::Hierarchies;
use crate::controlplane::{self, ControlPlane, credentials, kubeconfig};
use crate::plan::{CONTROL_PLANE, Families, NodePlan, Options, RouterPlan};
use crate::wait::wait;
use crate::{network, node};

/// Printed when everything that was asked for works.
pub(crate) const READY: &str = "ready";

/// How long a node may take to have its namespaces and root file system.
const NODE_WITHIN: Duration = Duration::from_secs(10);

pub(crate) fn read_options(lab: &Path) -> Result<Options> {
    let file = lab.join("options.json");
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))
}

pub(crate) fn run() -> Result<ExitCode> {
    // init is our parent and process 1 here; when it ends the kernel ends us.
    let options = read_options(Path::new("/lab"))?;
    let nodes = NodePlan::all(options.nodes);
    let routers = RouterPlan::all(options.routers);
    network::make(&nodes, &routers, &options)?;
    let mut world = World { families: options.families, control_plane: None, machines: Vec::new() };
    let machines: Vec<String> = nodes
        .iter()
        .map(|node| node.name.clone())
        .chain(routers.into_iter().map(|router| router.name))
        .collect();
    if options.cluster {
        credentials::make_service_account_key()?;
        println!("Network is up; the API server starts.");
        // Nodes start beside the control plane: containerd and the images need no API server.
        world.start_machines(&machines)?;
        world.control_plane = Some(ControlPlane::start(&options)?);
        println!("The API server is ready; waiting for {} nodes.", nodes.len());
    } else {
        world.start_machines(&machines)?;
    }
    let world = Mutex::new(world);
    control::serve(move |order| world.lock().expect("no order panics").carry_out(&order))?;
    if options.cluster {
        in_netns(&network::netns(CONTROL_PLANE.name), || {
            wait_for_nodes(nodes.len())?;
            wait_for_default_account()
        })?;
    }
    println!("{READY}");
    loop {
        thread::park();
    }
}

struct World {
    families: Families,
    control_plane: Option<ControlPlane>,
    /// Nodes and routers.
    machines: Vec<(String, Daemon)>,
}

impl World {
    /// Starts nodes and routers: both have processes and files of their own.
    fn start_machines(&mut self, names: &[String]) -> Result<()> {
        let cgroups = Hierarchies::detect()?;
        for name in names {
            cgroups.create_node(name)?;
            fs::create_dir_all(Path::new("/lab/nodes").join(name))?;
            self.machines.push((name.clone(), start_machine(name)?));
        }
        names.iter().try_for_each(|name| wait_for_machine(name))
    }

    fn carry_out(&mut self, order: &Order) -> Result<()> {
        match order {
            Order::Stop(name) => self.program(name)?.stop(),
            Order::Start(name) => {
                self.program(name)?.resume();
                if name == "kube-apiserver" {
                    controlplane::wait_until_ready_near(self.families)
                } else {
                    Ok(())
                }
            }
            Order::StopNode(name) => {
                self.machine(name)?.stop()?;
                fs::remove_file(node::marker(name))?;
                Hierarchies::detect()?.clear_node(name)
            }
            Order::StartNode(name) => {
                self.machine(name)?.resume();
                wait_for_machine(name)
            }
        }
    }

    fn program(&self, name: &str) -> Result<&Daemon> {
        self.control_plane.as_ref().context("this lab has no cluster")?.program(name)
    }

    fn machine(&self, name: &str) -> Result<&Daemon> {
        let found = self.machines.iter().find(|(own, _)| own == name);
        found
            .map(|(_, daemon)| daemon)
            .with_context(|| format!("this lab has neither a node nor a router {name}"))
    }
}

fn start_machine(name: &str) -> Result<Daemon> {
    let mut command = Command::new(super::PROGRAM);
    command
        .args(["internal", "enter", "--cgroup", name, "--parent", &getpid().to_string()])
        .arg("--netns")
        .arg(network::netns(name))
        .args(Init::new(name, &Sources::inside(), &["node", name]).to_args());
    Daemon::start(name, &Path::new("/lab/log").join(format!("{name}.log")), || Ok(()), command)
}

fn wait_for_machine(name: &str) -> Result<()> {
    let marker = node::marker(name);
    wait(&format!("{name} runs (log/{name}.log)"), NODE_WITHIN, || marker.exists()).map(drop)
}

/// Follows the API server's own news of nodes until `count` of them are ready.
fn wait_for_nodes(count: usize) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    let mut kubectl = kubectl()
        .args(["get", "nodes", "--watch", "--no-headers"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start kubectl")?;
    let lines = BufReader::new(kubectl.stdout.take().expect("the output was asked for")).lines();
    let mut ready = BTreeSet::new();
    for line in lines {
        let line = line?;
        let mut columns = line.split_whitespace();
        if let (Some(name), Some("Ready")) = (columns.next(), columns.next()) {
            ready.insert(name.to_owned());
        }
        if ready.len() == count {
            kubectl.kill()?;
            kubectl.wait()?;
            return Ok(());
        }
    }
    bail!("the watch on nodes ended with {} of {count} ready: read log/kube-apiserver.log", ready.len())
}

/// Without it no pod can be made; the controller manager makes it a little after its own start.
fn wait_for_default_account() -> Result<()> {
    let output = kubectl()
        .args(["wait", "--for=create", "serviceaccount/default", "--timeout=30s"])
        .output()
        .context("cannot start kubectl")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the default service account is not made: {error}");
    Ok(())
}

fn kubectl() -> Command {
    let mut command = Command::new("/kube/kubectl");
    command.args(["--kubeconfig", &kubeconfig::inside("admin")]);
    command
}
