//! A cluster's API server with four routers beside it; controller and speaker run as they do in a cluster, in the API server's
//! own network.

use std::fs;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::process::Command;

use anyhow::Result;
use ferrolb_bench::{ApiServer, Process, beside};
use ferrolb_lab::Options;

use crate::bird::Bird;
use crate::stage::{OURS, ROUTERS, router};

const NAME: &str = "bench-bgp-cluster";
/// The node that the API server's network is.
pub(crate) const NODE: &str = "n1";
/// The node's address, that of the API server's host.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The node is an object only: no kubelet.
const OBJECTS: &str = "
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all}
spec: {}
";

pub(crate) struct Cluster(ApiServer);

impl Cluster {
    pub(crate) fn up() -> Result<Self> {
        let options = Options { name: NAME.into(), nodes: 0, routers: 4, ..Options::default() };
        ApiServer::up(&options, &[], &[OBJECTS]).map(Self)
    }

    pub(crate) fn down(self) -> Result<()> {
        self.0.down()
    }

    /// A router that expects the speaker, and a BGPPeer for it.
    pub(crate) fn peer(&self, number: u8) -> Result<Bird> {
        let bird = Bird::start(self.lab(), number, &[ADDRESS])?;
        self.lab().apply(&format!(
            "{{apiVersion: ferrolb.io/v1beta1, kind: BGPPeer, metadata: {{name: r{number}}}, spec: {{myASN: {OURS}, peerASN: \
             {ROUTERS}, peerAddress: {}, connectTime: 1s}}}}",
            router(number)
        ))?;
        Ok(bird)
    }

    /// Ends what [`Self::peer`] made.
    pub(crate) fn without_peer(&self, number: u8) -> Result<()> {
        self.lab().kubectl(&["delete", "bgppeer", &format!("r{number}")]).map(drop)
    }

    pub(crate) fn controller(&self) -> Result<Process> {
        let mut command = Command::new(beside("ferrolb-controller")?);
        command.args(["--admin-address", "127.0.0.1:7472", "--name", "bench"]);
        self.start("controller", command)
    }

    pub(crate) fn speaker(&self) -> Result<Process> {
        let keys = self.lab().folder().join("heartbeat");
        fs::create_dir_all(&keys)?;
        fs::write(keys.join("key-1"), [7; 32])?;
        let mut command = Command::new(beside("ferrolb-speaker")?);
        command.args(["--node", NODE, "--admin-address", "127.0.0.1:7473", "--heartbeat-keys"]).arg(keys);
        command.arg("--state-dir").arg(self.lab().folder().join("speaker"));
        self.start("speaker", command)
    }
}

impl Deref for Cluster {
    type Target = ApiServer;

    fn deref(&self) -> &ApiServer {
        &self.0
    }
}
