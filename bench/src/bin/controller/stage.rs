//! The API server, and what is there before anything is measured.

use anyhow::Result;
use ferrolb_bench::ApiServer;
use ferrolb_lab::Options;

use crate::subject::Rival;

const NAME: &str = "bench-controller";
/// Where the N Services are.
pub(crate) const NAMESPACE: &str = "bench";
/// Where those are that are made one at a time.
pub(crate) const SINGLES: &str = "bench-singles";
/// Where MetalLB's objects live.
pub(crate) const RIVAL_NAMESPACE: &str = "metallb-system";

/// The nodes are objects only: no kubelet, no speaker.
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
kind: L2Advertisement
metadata: {name: bench}
spec: {ipAddressPools: [bench]}
";

/// What MetalLB needs beside its CRDs, with a pool of the same addresses. Its controller wants to own what it writes, so it asks for its own pod.
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
pub(crate) fn up(rival: Option<&Rival>) -> Result<ApiServer> {
    let options = Options { name: NAME.into(), nodes: 0, ..Options::default() };
    match rival {
        Some(rival) => ApiServer::up(&options, &[rival.crds()], &[OBJECTS, RIVAL_OBJECTS]),
        None => ApiServer::up(&options, &[], &[OBJECTS]),
    }
}
