//! What runs on a node: containerd, kubelet, kube-proxy.

mod containerd;
mod kubernetes;
pub(crate) mod realtime;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread;

use anyhow::{Context, Result};

use crate::controlplane;
use crate::plan::NodePlan;
use crate::world::daemon::Daemon;
use crate::world::manager;

/// A file that exists when the node's namespaces are made and programs can be run there.
pub(crate) fn marker(name: &str) -> PathBuf {
    Path::new("/lab/nodes").join(name).join("running")
}

/// Runs the node `name` in the namespaces that `enter` and `init` made for it.
pub(crate) fn run(name: &str) -> Result<ExitCode> {
    let node = NodePlan::named(name).with_context(|| format!("no node is called {name}"))?;
    let options = manager::read_options(Path::new("/lab"))?;
    std::fs::write(marker(name), "")?;
    if options.cluster {
        containerd::configure(&node, options.families)?;
        containerd::start(name)?;
        containerd::load_images(&images()?)?;
        controlplane::wait_until_ready(options.families)?;
        kubernetes::start(&node, &options)?;
    }
    println!("Node {name} runs.");
    loop {
        thread::park();
    }
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
