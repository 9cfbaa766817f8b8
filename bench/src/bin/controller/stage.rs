//! The API server, and what is there before anything is measured.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Checkout, Lab, Options};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::subject::Rival;

const NAME: &str = "bench-controller";
/// Where the N Services are.
pub(crate) const NAMESPACE: &str = "bench";
/// Where those are that are made one at a time.
pub(crate) const SINGLES: &str = "bench-singles";
/// Where MetalLB's objects live.
pub(crate) const RIVAL_NAMESPACE: &str = "metallb-system";
/// The API server's address in its own network.
const SERVER: &str = "https://192.0.2.1:6443";

/// Addresses for benchmarks (RFC 2544); nothing is ever sent to them. The nodes are objects only: no kubelet, no speaker.
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: bench}
---
apiVersion: v1
kind: Namespace
metadata: {name: bench-singles}
---
apiVersion: v1
kind: Namespace
metadata: {name: ferrolb-system}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 192.0.2.11}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 192.0.2.12}]}
---
apiVersion: v1
kind: Node
metadata: {name: n3}
status: {conditions: [{type: Ready, status: 'True'}], addresses: [{type: InternalIP, address: 192.0.2.13}]}
---
apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench}
spec: {addresses: [198.18.0.0/16]}
---
apiVersion: ferrolb.io/v1beta1
kind: L2Advertisement
metadata: {name: bench}
spec: {ipAddressPools: [bench]}
";

/// The same for MetalLB. Its controller wants to own what it writes, so it asks for its own pod.
const RIVAL_OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: metallb-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: controller, namespace: metallb-system}
---
apiVersion: v1
kind: Pod
metadata: {name: controller, namespace: metallb-system}
spec:
  serviceAccountName: controller
  automountServiceAccountToken: false
  containers: [{name: controller, image: quay.io/metallb/controller:v0.16.1}]
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench, namespace: metallb-system}
spec: {addresses: [198.18.0.0/16]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: bench, namespace: metallb-system}
spec: {ipAddressPools: [bench]}
";

/// A control plane with CRDs, pools and nodes.
pub(crate) struct Stage {
    pub(crate) lab: Lab,
}

impl Stage {
    pub(crate) fn up(rival: Option<&Rival>) -> Result<Self> {
        Lab::down_named(NAME)?;
        let lab = Lab::up(&Options { name: NAME.into(), nodes: 0, ..Options::default() })?;
        let stage = Self { lab };
        if let Err(error) = stage.fill(rival) {
            stage.down()?;
            return Err(error);
        }
        Ok(stage)
    }

    pub(crate) fn down(self) -> Result<()> {
        self.lab.down()
    }

    /// Where controllers find the API server.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.lab.folder().join("bench.kubeconfig")
    }

    /// A client with connections of its own.
    pub(crate) async fn client(&self) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig())?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(Client::try_from(config)?)
    }

    fn fill(&self, rival: Option<&Rival>) -> Result<()> {
        let mut crds = vec![Checkout::find()?.root().join("deploy/crds")];
        crds.extend(rival.map(Rival::crds));
        for folder in crds {
            self.lab.kubectl(&["apply", "-f", &folder.display().to_string()])?;
        }
        self.lab.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"])?;
        // Whatever else writes would be counted, and takes its share of the processors.
        for program in ["kube-controller-manager", "kube-scheduler"] {
            self.lab.stop_control_plane(program)?;
        }
        self.lab.apply(OBJECTS)?;
        if rival.is_some() {
            self.lab.apply(RIVAL_OBJECTS)?;
        }
        let state = self.lab.state();
        let outside = fs::read_to_string(&state.kubeconfig)?;
        let inside = outside.replace(&format!("https://127.0.0.1:{}", state.port), SERVER);
        ensure!(
            inside.contains(SERVER),
            "the kubeconfig {} names another server",
            state.kubeconfig.display()
        );
        fs::write(self.kubeconfig(), inside).context("cannot write a kubeconfig")
    }
}
