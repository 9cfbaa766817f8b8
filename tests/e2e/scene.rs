//! What one test has to itself: a namespace, pools, addresses; and short ways to say what it wants.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Stdio;

use anyhow::{Result, ensure};
use ferrolb_lab::Output;

use crate::cluster::Cluster;
use crate::service::Service;
use crate::wait::{PATIENCE, wait_for};

/// A test's surroundings.
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a Cluster,
    /// The namespace; also a label of the cluster-scoped objects.
    pub(crate) namespace: String,
}

/// A pool with its addresses, and an advertisement for it.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) manifest: String,
    pub(crate) v4: Vec<Ipv4Addr>,
    pub(crate) v6: Vec<Ipv6Addr>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(cluster: &'a Cluster, test: &str) -> Result<Self> {
        let namespace = format!("e2e-{}", test.replace('_', "-").chars().take(50).collect::<String>());
        let namespace = namespace.trim_end_matches('-').to_owned();
        let scene = Self { cluster, namespace };
        scene.remove(true)?;
        scene.cluster.lab.kubectl(&["create", "namespace", &scene.namespace])?;
        Ok(scene)
    }

    /// A pool for this namespace, with `count` addresses of each family, announced by all nodes.
    pub(crate) fn pool(&self, suffix: &str, count: u8) -> Result<Pool> {
        let pool = self.planned_pool(suffix, count)?;
        self.cluster.lab.apply(&pool.manifest)?;
        Ok(pool)
    }

    /// A pool for this namespace that nobody announces.
    pub(crate) fn remote_pool(&self, suffix: &str, addresses: &str) -> Result<String> {
        let name = format!("{}-{suffix}", self.namespace);
        self.cluster.lab.apply(&format!(
            "apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{addresses: ['{addresses}'], serviceAllocation: {{namespaces: [{namespace}]}}}}
",
            namespace = self.namespace
        ))?;
        Ok(name)
    }

    /// The same as [`Scene::pool`], not made yet.
    pub(crate) fn planned_pool(&self, suffix: &str, count: u8) -> Result<Pool> {
        let first = self.cluster.take_addresses(count)?;
        let last = first + count - 1;
        let name = format!("{}-{suffix}", self.namespace);
        let manifest = format!(
            "apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec:
  addresses: [192.0.2.{first}-192.0.2.{last}, '2001:db8:1::1{first:03x}-2001:db8:1::1{last:03x}']
  serviceAllocation: {{namespaces: [{namespace}]}}
---
apiVersion: ferrolb.io/v1beta1
kind: L2Advertisement
metadata: {{name: {name}, labels: {{e2e: {namespace}}}}}
spec: {{ipAddressPools: [{name}]}}
",
            namespace = self.namespace
        );
        let bytes = first..=last;
        let v6 = |byte: u8| Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x1000 + u16::from(byte));
        Ok(Pool {
            name,
            manifest,
            v4: bytes.clone().map(|byte| Ipv4Addr::new(192, 0, 2, byte)).collect(),
            v6: bytes.map(v6).collect(),
        })
    }

    /// kubectl in this namespace, which must succeed.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        self.cluster.lab.kubectl(&self.here(arguments))
    }

    /// Applies manifests in this namespace.
    pub(crate) fn apply(&self, manifests: &str) -> Result<()> {
        let output = self.feed(&["apply", "-f", "-"], manifests)?;
        ensure!(output.success, "kubectl apply failed: {}", output.stderr);
        Ok(())
    }

    /// Creates what `manifests` say in this namespace, none of which is there yet.
    pub(crate) fn create(&self, manifests: &str) -> Result<()> {
        let output = self.feed(&["create", "--validate=false", "-f", "-"], manifests)?;
        ensure!(output.success, "kubectl create failed: {}", output.stderr);
        Ok(())
    }

    /// What the API server says to these manifests, of which none is kept.
    pub(crate) fn dry_run(&self, manifests: &str) -> Result<Output> {
        self.feed(&["create", "--dry-run=server", "-f", "-"], manifests)
    }

    fn feed(&self, arguments: &[&str], manifests: &str) -> Result<Output> {
        let mut kubectl = self.cluster.lab.kubectl_command();
        kubectl
            .args(self.here(arguments))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = kubectl.spawn()?;
        child.stdin.take().expect("the input was asked for").write_all(manifests.as_bytes())?;
        let output = child.wait_with_output()?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// A Service of type LoadBalancer for pods `app: web`, with more of its spec (`a: b, c: d`).
    pub(crate) fn load_balancer(&self, name: &str, spec: &str) -> Result<()> {
        self.annotated_load_balancer(name, "", spec)
    }

    /// The same with annotations (`a: b, c: d`).
    pub(crate) fn annotated_load_balancer(&self, name: &str, annotations: &str, spec: &str) -> Result<()> {
        let spec = if spec.is_empty() { String::new() } else { format!("{spec}, ") };
        self.apply(&format!(
            "apiVersion: v1
kind: Service
metadata: {{name: {name}, annotations: {{{annotations}}}}}
spec:
  {{type: LoadBalancer, {spec}selector: {{app: web}}, ports: [{{name: tcp, port: 80, targetPort: web-tcp}}, {{name: udp, port: 81, protocol: UDP, targetPort: web-udp}}]}}
"
        ))
    }

    pub(crate) fn service(&self, name: &str) -> Result<Service> {
        Service::parse(&self.kubectl(&["get", "service", name, "-o", "json"])?)
    }

    pub(crate) fn services(&self) -> Result<Vec<Service>> {
        Service::list(&self.kubectl(&["get", "services", "-o", "json"])?)
    }

    /// Waits until FerroLB says that the Service has its addresses; those.
    pub(crate) fn addresses(&self, name: &str) -> Result<Vec<IpAddr>> {
        wait_for(&format!("Service {name} has its addresses"), PATIENCE, || {
            let service = self.service(name)?;
            let allocated = service.allocated();
            ensure!(allocated.is_some_and(|(status, ..)| status == "True"), "its condition is {allocated:?}");
            ensure!(!service.addresses().is_empty(), "it has none");
            Ok(service.addresses())
        })
    }

    /// The one address of a Service of one family.
    pub(crate) fn address(&self, name: &str) -> Result<IpAddr> {
        let addresses = self.addresses(name)?;
        ensure!(addresses.len() == 1, "Service {name} has {addresses:?}, not one address");
        Ok(addresses[0])
    }

    /// Waits until FerroLB refuses the Service for this reason; the message.
    pub(crate) fn refusal(&self, name: &str, reason: &str) -> Result<String> {
        wait_for(&format!("Service {name} is refused"), PATIENCE, || self.service(name)?.refused(reason))
    }

    /// Waits until FerroLB says of the Service that it has no addresses, for whatever reason.
    pub(crate) fn waiting(&self, name: &str) -> Result<()> {
        wait_for(&format!("Service {name} waits"), PATIENCE, || {
            let service = self.service(name)?;
            let allocated = service.allocated();
            ensure!(
                allocated.is_some_and(|(status, ..)| status == "False"),
                "its condition is {allocated:?}"
            );
            Ok(())
        })
    }

    /// The nodes that the plan has for an address, in order.
    pub(crate) fn candidates(&self, address: IpAddr) -> Result<Vec<String>> {
        let nodes = format!("jsonpath={{.items[*].spec.vips[?(@.ip==\"{address}\")].layer2.nodes[*]}}");
        let nodes = self.kubectl(&["get", "announcementslices", "-o", &nodes])?;
        Ok(nodes.split_whitespace().map(str::to_owned).collect())
    }

    /// What is in the namespace, and how FerroLB is.
    pub(crate) fn diagnosis(&self) -> String {
        let namespace = self.namespace.as_str();
        let own: [&[&str]; 3] = [
            &["-n", namespace, "describe", "services"],
            &["-n", namespace, "get", "pods,endpointslices", "-o", "wide"],
            &["-n", namespace, "get", "events"],
        ];
        self.cluster.explain(&own) + &self.cluster.diagnosis()
    }

    /// Removes everything the test made.
    pub(crate) fn clear(&self) -> Result<()> {
        self.remove(false)
    }

    /// Services go before their pools: a pool's end takes no address from anybody.
    fn remove(&self, and_wait: bool) -> Result<()> {
        let lab = &self.cluster.lab;
        let namespace = self.namespace.as_str();
        lab.kubectl(&[
            "-n",
            namespace,
            "delete",
            "services",
            "--all",
            "--ignore-not-found",
            "--timeout=120s",
        ])?;
        let ours = [
            "delete",
            "ipaddresspools,l2advertisements,bgpadvertisements,bgppeers,bfdprofiles,communities",
            "-l",
            &format!("e2e={namespace}"),
            "--timeout=120s",
        ];
        lab.kubectl(&ours)?;
        let wait = format!("--wait={and_wait}");
        lab.kubectl(&["delete", "namespace", namespace, "--ignore-not-found", &wait]).map(drop)
    }

    fn here<'b>(&'b self, arguments: &[&'b str]) -> Vec<&'b str> {
        ["-n", self.namespace.as_str()].into_iter().chain(arguments.iter().copied()).collect()
    }
}
