//! Real-time scheduling for containers that may ask for it.
//!
//! Kernels with RT group scheduling (cgroup v1) give every new group a real-time budget of zero, and runc makes
//! a group for each container: `sched_setscheduler` then fails although the container has CAP_SYS_NICE, as it
//! would not on most machines. This hook, run by runc before a container starts, takes those containers out of
//! their group of the cpu hierarchy, into the lab's own, which has a budget. Their CPU shares and limits go too.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

const CPU_HIERARCHY: &str = "/sys/fs/cgroup/cpu";

/// What runc tells hooks (OCI runtime specification, "State"); the parts used.
#[derive(Debug, Deserialize)]
struct ContainerState {
    pid: u32,
    bundle: PathBuf,
}

/// The parts of a bundle's `config.json` used.
#[derive(Debug, Deserialize)]
struct Spec {
    process: Process,
}

#[derive(Debug, Deserialize)]
struct Process {
    #[serde(default)]
    capabilities: Capabilities,
}

#[derive(Debug, Default, Deserialize)]
struct Capabilities {
    #[serde(default)]
    bounding: Vec<String>,
}

/// Reads the state from standard input and acts on it.
pub(crate) fn hook() -> Result<()> {
    let cpu = Path::new(CPU_HIERARCHY);
    if !cpu.join("cpu.rt_runtime_us").exists() {
        return Ok(());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let state: ContainerState = serde_json::from_str(&text).context("runc's state is not as specified")?;
    let spec: Spec = serde_json::from_slice(&fs::read(state.bundle.join("config.json"))?)?;
    if spec.process.capabilities.bounding.iter().any(|name| name == "CAP_SYS_NICE") {
        fs::write(cpu.join("cgroup.procs"), state.pid.to_string())?;
    }
    Ok(())
}
