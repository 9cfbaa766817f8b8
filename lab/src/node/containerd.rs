//! The container runtime and its network plugin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::daemon;
use crate::plan::{Families, NodePlan};
use crate::world::PROGRAM;

const SOCKET: &str = "/run/containerd/containerd.sock";
const CONFIG: &str = "/etc/containerd/config.toml";
const BASE_SPEC: &str = "/etc/containerd/base-spec.json";
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Writes all configuration files.
pub(super) fn configure(node: &NodePlan, families: Families) -> Result<()> {
    for folder in ["/etc/containerd", "/etc/cni/net.d", "/run/containerd"] {
        fs::create_dir_all(folder)?;
    }
    fs::write(CONFIG, config(node))?;
    fs::write(BASE_SPEC, base_spec()?)?;
    fs::write("/etc/cni/net.d/10-pods.conflist", cni(node, families).to_string())?;
    Ok(())
}

/// Starts it and returns when it answers.
pub(super) fn start(node: &str) -> Result<()> {
    let mut command = Command::new("containerd");
    command.args(["--config", CONFIG]);
    daemon(node, "containerd", command)?;
    let give_up = Instant::now() + READY_WITHIN;
    while !ctr(&["version"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?.success() {
        ensure!(Instant::now() < give_up, "containerd does not answer: read log/{node}-containerd.log");
        sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Imports the image tars.
pub(super) fn load_images(images: &[PathBuf]) -> Result<()> {
    images.iter().try_for_each(|image| load_image(image))
}

fn load_image(image: &Path) -> Result<()> {
    let output = ctr(&["--namespace", "k8s.io", "images", "import"]).arg(image).output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "containerd refused the image {}: {error}", image.display());
    Ok(())
}

fn ctr(arguments: &[&str]) -> Command {
    let mut command = Command::new("ctr");
    command.args(["--address", SOCKET]).args(arguments);
    command
}

/// The store is on disk and outlives the node's end; `restrict_oom_score_adj` because runc may not lower the
/// score below its own.
fn config(node: &NodePlan) -> String {
    format!(
        r#"version = 2
root = "/lab/nodes/{}/containerd"
state = "/run/containerd"
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.k8s.io/pause:3.10"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{BASE_SPEC}"
"#,
        node.name
    )
}

/// containerd's own default, with one hook more: see [`super::realtime`].
fn base_spec() -> Result<String> {
    let output = Command::new("ctr").args(["oci", "spec"]).output().context("cannot start ctr")?;
    ensure!(output.status.success(), "ctr cannot print a runtime specification");
    let mut spec: Value = serde_json::from_slice(&output.stdout).context("ctr printed no JSON")?;
    spec["hooks"] = json!({"createRuntime": [
        {"path": PROGRAM, "args": ["ferrolb-lab", "internal", "realtime-hook"], "timeout": 10}
    ]});
    Ok(spec.to_string())
}

fn cni(node: &NodePlan, families: Families) -> Value {
    let mut ranges = vec![json!([{"subnet": node.pod_v6}])];
    let mut routes = vec![json!({"dst": "::/0"})];
    if families.has_v4() {
        ranges.insert(0, json!([{"subnet": node.pod_v4}]));
        routes.insert(0, json!({"dst": "0.0.0.0/0"}));
    }
    json!({"cniVersion": "0.4.0", "name": "pods", "plugins": [{
        "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
        "ipam": {
            "type": "host-local",
            "ranges": ranges,
            "routes": routes,
        },
    }]})
}
