//! Pods behind Services.

use anyhow::Result;

use crate::scene::Scene;

/// agnhost, one pod on each node of `nodes`: TCP says `hostname`, `clientip`; the pods' names begin with their node's.
pub(crate) fn agnhost(scene: &Scene<'_>, nodes: &[&str]) -> Result<()> {
    agnhost_called(scene, nodes, "web")
}

/// The same, with pods whose names end otherwise.
pub(crate) fn agnhost_called(scene: &Scene<'_>, nodes: &[&str], name: &str) -> Result<()> {
    pods(scene, nodes, name, |_| {
        "image: registry.k8s.io/e2e-test-images/agnhost:2.59
    args: [netexec, --http-port=8080, --udp-port=8081]
    ports: [{name: web-tcp, containerPort: 8080}, {name: web-udp, containerPort: 8081, protocol: UDP}]"
            .to_owned()
    })
}

/// The prober's counterpart, one pod on each node of `nodes`: it says its node's name.
pub(crate) fn echo_on(scene: &Scene<'_>, nodes: &[&str]) -> Result<()> {
    pods(scene, nodes, "echo", |node| {
        format!(
            "image: ghcr.io/ferrolb/lab:dev
    args: [serve, --server, {node}]
    ports: [{{name: web-tcp, containerPort: 7777}}, {{name: web-udp, containerPort: 7777, protocol: UDP}}]"
        )
    })
}

/// A pod on each node of `nodes`, of one container; of that `container` says the rest.
fn pods(scene: &Scene<'_>, nodes: &[&str], name: &str, container: impl Fn(&str) -> String) -> Result<()> {
    let pod = |node: &&str| {
        format!(
            "---
apiVersion: v1
kind: Pod
metadata: {{name: {node}-{name}, labels: {{app: web}}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  containers:
  - name: {name}
    {}
",
            container(node)
        )
    };
    scene.apply(&nodes.iter().map(pod).collect::<String>())?;
    ready(scene)
}

/// The same on every node.
pub(crate) fn echo(scene: &Scene<'_>) -> Result<()> {
    scene.apply(
        "apiVersion: apps/v1
kind: DaemonSet
metadata: {name: echo}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      tolerations: [{operator: Exists}]
      containers:
      - name: echo
        image: ghcr.io/ferrolb/lab:dev
        args: [serve]
        env: [{name: SERVER_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        ports: [{name: web-tcp, containerPort: 7777}, {name: web-udp, containerPort: 7777, protocol: UDP}]
",
    )?;
    // After an outage of the API server Kubernetes' own scheduler tries again only each half minute or so.
    scene.kubectl(&["rollout", "status", "daemonset/echo", "--timeout=180s"])?;
    ready(scene)
}

fn ready(scene: &Scene<'_>) -> Result<()> {
    scene.kubectl(&["wait", "pods", "-l", "app=web", "--for=condition=Ready", "--timeout=180s"]).map(drop)
}
