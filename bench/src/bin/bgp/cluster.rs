//! A cluster's API server with four routers beside it; controller and speaker run as they do in a cluster, in the API server's
//! own network.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use ferrolb_bench::{ApiServer, Resident, beside};
use ferrolb_lab::{Lab, Options};
use ferrolb_tests::inside;
use kube::Client;
use nix::sys::signal::Signal;

use crate::bird::Bird;
use crate::stage::{OURS, ROUTERS, router};

const NAME: &str = "bench-bgp-cluster";
/// The API server's network, and the node that it is.
const NETWORK: &str = "cp";
pub(crate) const NODE: &str = "n1";
/// The node's address, that of the API server's host.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The node is an object only: no kubelet. Addresses for benchmarks (RFC 2544).
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: ferrolb-system}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench}
spec: {addresses: [198.18.0.0/16]}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all}
spec: {}
";

pub(crate) struct Cluster {
    lab: Lab,
    server: ApiServer,
}

impl Cluster {
    pub(crate) fn up() -> Result<Self> {
        Lab::down_named(NAME)?;
        let lab = Lab::up(&Options { name: NAME.into(), nodes: 0, routers: 4, ..Options::default() })?;
        match fill(&lab) {
            Ok(server) => Ok(Self { lab, server }),
            Err(error) => {
                lab.down()?;
                Err(error)
            }
        }
    }

    pub(crate) fn down(self) -> Result<()> {
        self.lab.down()
    }

    /// A router that expects the speaker, and a BGPPeer for it.
    pub(crate) fn peer(&self, number: u8) -> Result<Bird> {
        let bird = Bird::start(&self.lab, number, &[ADDRESS])?;
        self.lab.apply(&format!(
            "{{apiVersion: ferrolb.io/v1beta1, kind: BGPPeer, metadata: {{name: r{number}}}, spec: {{myASN: {OURS}, peerASN: \
             {ROUTERS}, peerAddress: {}, connectTime: 1s}}}}",
            router(number)
        ))?;
        Ok(bird)
    }

    /// Ends what [`Self::peer`] made.
    pub(crate) fn without_peer(&self, number: u8) -> Result<()> {
        self.lab.kubectl(&["delete", "bgppeer", &format!("r{number}")]).map(drop)
    }

    pub(crate) async fn client(&self) -> Result<Client> {
        self.server.client().await
    }

    /// What `work` comes to in the API server's network.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        inside(&self.lab, NETWORK, work)
    }

    pub(crate) fn controller(&self) -> Result<Program> {
        let mut command = Command::new(beside("ferrolb-controller")?);
        command.args(["--admin-address", "127.0.0.1:7472", "--name", "bench"]);
        self.start("controller", command)
    }

    pub(crate) fn speaker(&self) -> Result<Program> {
        let keys = self.lab.folder().join("heartbeat");
        fs::create_dir_all(&keys)?;
        fs::write(keys.join("key-1"), [7; 32])?;
        let mut command = Command::new(beside("ferrolb-speaker")?);
        command.args(["--node", NODE, "--admin-address", "127.0.0.1:7473", "--heartbeat-keys"]).arg(keys);
        command.arg("--state-dir").arg(self.lab.folder().join("speaker"));
        self.start("speaker", command)
    }

    fn start(&self, name: &str, mut command: Command) -> Result<Program> {
        let log = File::create(self.lab.folder().join(format!("log/bench-{name}.log")))?;
        command.env("KUBECONFIG", self.server.kubeconfig());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = self.inside(|| command.spawn().with_context(|| format!("cannot start the {name}")))?;
        Ok(Program(child))
    }
}

fn fill(lab: &Lab) -> Result<ApiServer> {
    let server = ApiServer::prepare(lab, &[])?;
    lab.apply(OBJECTS)?;
    Ok(server)
}

/// A running program; dropping it kills it.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn resident(&self) -> Result<Resident> {
        Resident::of(self.pid())
    }

    /// Ends it as kubelet would.
    pub(crate) fn end(mut self) -> Result<()> {
        ferrolb_lab::kill_pid(self.pid(), Signal::SIGTERM)?;
        self.0.wait()?;
        Ok(())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("process ids fit in 31 bits")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended needs neither.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
