//! What runs on a node: containerd, kubelet, kube-proxy; on a router nothing but what tests start.

mod containerd;
mod kubernetes;
pub(crate) mod realtime;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::controlplane;
use crate::plan::{NodePlan, RouterPlan};
use crate::world::daemon::Daemon;
use crate::world::manager;

/// A file that exists when the node's namespaces are made and programs can be run there.
pub(crate) fn marker(name: &str) -> PathBuf {
    Path::new("/lab/nodes").join(name).join("running")
}

/// Runs the node or router `name` in the namespaces that `enter` and `init` made for it.
pub(crate) fn run(name: &str) -> Result<ExitCode> {
    match (NodePlan::named(name), RouterPlan::named(name)) {
        (Some(node), _) => start(&node)?,
        (None, Some(_)) => std::fs::write(marker(name), "")?,
        (None, None) => bail!("neither a node nor a router is called {name}"),
    }
    println!("{name} runs.");
    loop {
        thread::park();
    }
}

fn start(node: &NodePlan) -> Result<()> {
    let name = node.name.as_str();
    let options = manager::read_options(Path::new("/lab"))?;
    std::fs::write(marker(name), "")?;
    if options.cluster {
        containerd::configure(node, options.families)?;
        containerd::start(name)?;
        containerd::load_images(&images()?)?;
        controlplane::wait_until_ready(options.families)?;
        kubernetes::start(node, &options)?;
    }
    Ok(())
}

/// A program of this node, with its log among the lab's.
fn daemon(node: &str, program: &str, command: Command) -> Result<Daemon> {
    let log = Path::new("/lab/log").join(format!("{node}-{program}.log"));
    Daemon::start(program, &log, || Ok(()), command)
}

fn images() -> Result<Vec<PathBuf>> {
    let mut images = Vec::new();
    for entry in std::fs::read_dir("/lab/images").context("cannot list /lab/images")? {
        images.push(entry?.path());
    }
    images.sort();
    Ok(images)
}
