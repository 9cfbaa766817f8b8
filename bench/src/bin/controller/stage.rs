//! The API server, and what is there before anything is measured.

use std::path::Path;

use anyhow::Result;
use ferrolb_bench::ApiServer;
use ferrolb_lab::{Lab, Options};
use kube::Client;

use crate::subject::Rival;

const NAME: &str = "bench-controller";
/// Where the N Services are.
pub(crate) const NAMESPACE: &str = "bench";
/// Where those are that are made one at a time.
pub(crate) const SINGLES: &str = "bench-singles";
/// Where MetalLB's objects live.
pub(crate) const RIVAL_NAMESPACE: &str = "metallb-system";

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
    server: ApiServer,
}

impl Stage {
    pub(crate) fn up(rival: Option<&Rival>) -> Result<Self> {
        Lab::down_named(NAME)?;
        let lab = Lab::up(&Options { name: NAME.into(), nodes: 0, ..Options::default() })?;
        match fill(&lab, rival) {
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

    /// Where controllers find the API server.
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.server.kubeconfig()
    }

    /// A client with connections of its own.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.server.client().await
    }
}

fn fill(lab: &Lab, rival: Option<&Rival>) -> Result<ApiServer> {
    let crds: Vec<_> = rival.map(Rival::crds).into_iter().collect();
    let server = ApiServer::prepare(lab, &crds)?;
    lab.apply(OBJECTS)?;
    if rival.is_some() {
        lab.apply(RIVAL_OBJECTS)?;
    }
    Ok(server)
}
