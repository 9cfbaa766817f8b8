//! The cluster is a real one: pods, Services of both families, exec, tokens, real-time threads, and an API
//! server that can be away.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod common;

use std::time::Duration;

use common::Guard;
use ferrolb_lab::{Lab, wait};

const ECHO: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo}}
  template:
    metadata: {labels: {app: echo}}
    spec:
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: echo}}}
      containers:
      - name: echo
        image: registry.k8s.io/e2e-test-images/agnhost:2.59
        args: [netexec, --http-port=8080]
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
        securityContext:
          runAsNonRoot: true
          runAsUser: 65532
          readOnlyRootFilesystem: true
          allowPrivilegeEscalation: false
          seccompProfile: {type: RuntimeDefault}
          capabilities: {drop: [ALL]}
---
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {selector: {app: echo}, ipFamilyPolicy: RequireDualStack, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: realtime}
spec:
  hostNetwork: true
  nodeName: n2
  containers:
  - name: serve
    image: ghcr.io/ferrolb/lab:dev
    args: [serve]
    env: [{name: SERVER_NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
    securityContext: {seccompProfile: {type: RuntimeDefault}, capabilities: {drop: [ALL], add: [SYS_NICE]}}
";

#[test]
fn a_cluster_as_users_have_it() {
    let Guard(lab) = &Guard::up("t-cluster", &["--nodes", "2"]);
    lab.apply(ECHO).unwrap();
    for object in ["deployment/echo", "pod/realtime"] {
        let condition = if object.starts_with("pod") { "Ready" } else { "Available" };
        lab.kubectl(&["wait", &format!("--for=condition={condition}"), object, "--timeout=60s"]).unwrap();
    }
    let urls = service_urls(lab);
    assert_eq!(urls.len(), 2, "one address of each family: {urls:?}");
    for url in &urls {
        for node in lab.nodes() {
            wait(&format!("{url} answers on {}", node.name()), Duration::from_secs(10), || {
                fetches(&node, url)
            })
            .unwrap();
        }
    }
    exec_logs_and_rights(lab);
    a_container_with_sys_nice_may_run_in_real_time(lab);

    lab.stop_apiserver().unwrap();
    assert!(
        !lab.kubectl_run(&["get", "nodes", "--request-timeout=2s"]).unwrap().success,
        "the API server is away"
    );
    assert!(fetches(&lab.node("n1"), &urls[0]), "Services work on without it");
    lab.start_apiserver().unwrap();
    lab.kubectl(&["get", "deployment", "echo"]).unwrap();
}

fn service_urls(lab: &Lab) -> Vec<String> {
    let addresses = lab.kubectl(&["get", "service", "echo", "-o", "jsonpath={.spec.clusterIPs[*]}"]).unwrap();
    let bracket =
        |address: &str| if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    addresses.split(' ').map(|address| format!("http://{}/hostname", bracket(address))).collect()
}

fn fetches(node: &ferrolb_lab::Space, url: &str) -> bool {
    let output = node.run(["curl", "-sf", "--max-time", "2", url]).unwrap();
    output.success && output.stdout.starts_with("echo-")
}

fn exec_logs_and_rights(lab: &Lab) {
    let text = lab.kubectl(&["exec", "deployment/echo", "--", "/agnhost", "--help"]).unwrap();
    assert!(text.contains("netexec"), "{text}");
    assert!(lab.kubectl(&["logs", "deployment/echo"]).unwrap().contains("Started HTTP server on port 8080"));
    let account = "--as=system:serviceaccount:default:default";
    assert!(!lab.kubectl_run(&["auth", "can-i", "list", "secrets", account]).unwrap().success, "RBAC is on");
    assert_eq!(
        lab.kubectl(&["create", "token", "default"]).unwrap().matches('.').count(),
        2,
        "tokens are signed"
    );
}

fn a_container_with_sys_nice_may_run_in_real_time(lab: &Lab) {
    let node = lab.node("n2");
    let pids = node.pids_of("ferrolb-lab").unwrap();
    let serving =
        |pid: &&i32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap() == b"/ferrolb-lab\0serve\0";
    let pid = pids.iter().find(serving).expect("the pod's container runs on n2");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let inside = status.lines().find(|line| line.starts_with("NSpid:")).unwrap();
    // Host, lab, node, container: the third is what the node calls it.
    let on_node = inside.split_whitespace().nth(3).unwrap();
    node.check(["chrt", "--fifo", "--pid", "10", on_node]).unwrap();
    assert!(node.check(["chrt", "--pid", on_node]).unwrap().contains("SCHED_FIFO"));
}
