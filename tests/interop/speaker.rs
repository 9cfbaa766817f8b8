//! FerroLB's own speaker without a cluster, on a node beside the routers: it reads a folder of manifests.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;
use ferrolb_lab::{Checkout, Lab, Running, wait};
use ferrolb_tests::metrics::Metrics;
use ferrolb_tests::routing::SETTLED;
use nix::sys::signal::Signal;

const NAME: &str = "ferrolb-speaker";
const ADMIN: u16 = 7473;

/// A speaker of one node, with manifests of its own. When a test fails its log is printed.
pub(crate) struct Speaker {
    lab: Lab,
    node: String,
    running: Option<Running>,
}

impl Speaker {
    /// Starts one that reads these manifests, file name and text; returns once it answers.
    pub(crate) fn start(lab: &Lab, node: &str, manifests: &[(&str, &str)]) -> Self {
        let mut speaker = Self { lab: lab.clone(), node: node.to_owned(), running: None };
        lab.add_program(&Checkout::find().unwrap().bin().join(NAME)).unwrap();
        fs::create_dir_all(speaker.folder()).unwrap();
        for (name, text) in manifests {
            speaker.write(name, text);
        }
        speaker.start_again();
        speaker
    }

    /// Writes a manifest; it is read while the speaker runs.
    pub(crate) fn write(&self, name: &str, text: &str) {
        // A name that begins so is not read before it is whole.
        let unfinished = self.folder().join(format!(".{name}"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, self.folder().join(name)).unwrap();
    }

    /// Takes a manifest away.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.folder().join(name)).unwrap();
    }

    /// Starts it again after [`Speaker::stop`] or [`Speaker::kill`].
    pub(crate) fn start_again(&mut self) {
        assert!(self.running.is_none(), "the speaker of {} runs", self.node);
        let space = self.lab.space(&self.node).unwrap();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        let folder = format!("/lab/manifests-{}", self.node);
        let program = format!("/lab/bin/{NAME}");
        let mut command =
            space.command([program.as_str(), "--node", &self.node, "--standalone", &folder]).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.running = Some(space.spawn(&mut command).unwrap());
        wait("the speaker answers", SETTLED, || self.metrics().is_ok()).unwrap();
    }

    /// Asks it to end, as kubelet does, and waits for that.
    pub(crate) fn stop(&mut self) {
        let mut running = self.running.take().unwrap();
        running.signal(Signal::SIGTERM).unwrap();
        assert!(running.wait().unwrap(), "the speaker of {} ends badly:\n{}", self.node, self.log());
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        drop(self.running.take().unwrap());
    }

    pub(crate) fn freeze(&self) {
        self.lab.space(&self.node).unwrap().freeze(NAME).unwrap();
    }

    pub(crate) fn thaw(&self) {
        self.lab.space(&self.node).unwrap().thaw(NAME).unwrap();
    }

    /// What it counts.
    pub(crate) fn metrics(&self) -> Result<Metrics> {
        Metrics::read(&self.lab, &self.node, SocketAddr::from((Ipv4Addr::LOCALHOST, ADMIN)))
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn folder(&self) -> PathBuf {
        self.lab.folder().join(format!("manifests-{}", self.node))
    }

    fn log_file(&self) -> PathBuf {
        self.lab.folder().join("log").join(format!("{}-speaker.log", self.node))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- the speaker of {}\n{}", self.node, self.log());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::Rig;

    const VIP: &str = "192.0.2.128";

    /// The way to the speaker works in all its parts: manifests that come and go, its end and its return, a router that sees it.
    #[test]
    fn a_speaker_runs_beside_a_router() {
        let rig = Rig::up("speaker", 1, 1);
        let manifest = format!(
            "apiVersion: ferrolb.io/v1beta1\nkind: AnnouncementSlice\nmetadata: {{name: vips}}\n\
             spec: {{vips: [{{ip: '{VIP}', layer2: {{nodes: [n1], revision: 1}}}}]}}\n"
        );
        let mut speaker = Speaker::start(&rig, "n1", &[("vips.yaml", &manifest)]);
        let router = rig.space("r1").unwrap();
        let answered =
            || router.run(["arping", "-q", "-c", "1", "-w", "1", "-I", "eth0", VIP]).unwrap().success;
        wait("the VIP is answered for", SETTLED, answered).unwrap();
        speaker.remove("vips.yaml");
        wait("it is not", SETTLED, || !answered()).unwrap();
        speaker.write("vips.yaml", &manifest);
        wait("it is again", SETTLED, answered).unwrap();
        speaker.freeze();
        assert!(!answered());
        speaker.thaw();
        wait("it is again", SETTLED, answered).unwrap();
        for end in [Speaker::stop, Speaker::kill] {
            end(&mut speaker);
            assert!(!answered());
            speaker.start_again();
            wait("it is again", SETTLED, answered).unwrap();
        }
    }
}
