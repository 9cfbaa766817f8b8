//! The lab that all tests share, with FerroLB on it.

use std::sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use ferrolb_lab::{Checkout, KubeProxy, Lab, Options};
use serde_json::Value;

use crate::leader::recall;
use crate::trial::Disturbs;
use crate::wait::{PATIENCE, wait_for};

static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();

/// FerroLB's namespace.
pub(crate) const NAMESPACE: &str = "ferrolb-system";
/// The nodes of the cluster that all tests share; kube-proxy makes iptables rules on the last, nftables rules on the others.
pub(crate) const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// Names a lab that is up and stays up.
const BORROWED: &str = "E2E_LAB";
/// The lab that is brought up otherwise.
const OWN: &str = "e2e";

/// A kubelet that starts for a Node that was deleted asks for that Node ever more rarely, at last after two minutes.
const NODES_READY: Duration = Duration::from_secs(300);

/// Kubernetes' own.
const CONTROLLERS: &str = "kube-controller-manager";

/// Routers for the tests of BGP.
const ROUTERS: u8 = 4;

/// The addresses of the segment that tests may use: from the client's to the routers', and from there to the gateway's.
const FIRST_ADDRESS: u8 = 101;
const FIRST_ROUTER: u8 = 201;
const LAST_ADDRESS: u8 = 253;

/// A cluster with FerroLB installed.
pub(crate) struct Cluster {
    pub(crate) lab: Lab,
    /// Whether the lab was up before and stays.
    borrowed: bool,
    /// Held for reading by tests that keep to themselves, for writing by those that do not.
    gate: RwLock<()>,
    next_address: Mutex<u8>,
}

impl Cluster {
    /// The cluster; the first who asks brings it up.
    pub(crate) fn get() -> Result<&'static Self> {
        let cluster = CLUSTER.get_or_init(|| Self::up().map_err(|error| format!("{error:#}")));
        cluster.as_ref().map_err(|error| anyhow!("{error}"))
    }

    /// Takes the lab down, if one was brought up.
    pub(crate) fn end() -> Result<()> {
        match CLUSTER.get() {
            Some(Ok(cluster)) if !cluster.borrowed => cluster.lab.clone().down(),
            Some(Err(_)) if std::env::var_os(BORROWED).is_none() => Lab::down_named(OWN),
            Some(Ok(_) | Err(_)) | None => Ok(()),
        }
    }

    fn up() -> Result<Self> {
        match std::env::var(BORROWED) {
            Ok(name) => Self::on(Lab::attach(&name)?, true),
            Err(_) => Self::of(&Options {
                name: OWN.into(),
                audit: true,
                routers: ROUTERS,
                second_segment: true,
                kube_proxy: KubeProxy::Mixed,
                ..Options::default()
            }),
        }
    }

    /// A cluster on a lab of its own, for a test that needs another sort; whoever asks takes it down.
    pub(crate) fn of(options: &Options) -> Result<Self> {
        Lab::down_named(&options.name)?;
        Self::on(Lab::up(options)?, false)
    }

    fn on(lab: Lab, borrowed: bool) -> Result<Self> {
        let start = Instant::now();
        let cluster =
            Self { lab, borrowed, gate: RwLock::default(), next_address: Mutex::new(FIRST_ADDRESS) };
        cluster.install().map_err(|error| anyhow!("{}\n{error:#}", cluster.diagnosis()))?;
        println!("FerroLB is installed after {:.1} s.", start.elapsed().as_secs_f32());
        Ok(cluster)
    }

    /// The names of its nodes.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.lab.nodes().iter().map(|node| node.name().to_owned()).collect()
    }

    /// `kubectl apply -k deploy/`, until everything runs.
    pub(crate) fn install(&self) -> Result<()> {
        self.install_from(&deploy()?)
    }

    /// The same with a kustomization of the user's own.
    pub(crate) fn install_from(&self, kustomization: &str) -> Result<()> {
        self.lab.kubectl(&["apply", "-k", kustomization])?;
        self.wait_until_installed()
    }

    /// The controllers and their rights, without the kinds that they read.
    pub(crate) fn install_controllers(&self) -> Result<()> {
        let deploy = deploy()?;
        let namespace = format!("{deploy}/namespace.yaml");
        self.lab.kubectl(&["apply", "-f", &namespace])?;
        self.lab.kubectl(&["-n", NAMESPACE, "apply", "-f", &format!("{deploy}/controller")]).map(drop)
    }

    /// Every object of `deploy/` with the number that rises when it is changed: its generation, or for kinds that have
    /// none its version (the version of others rises with their status too).
    pub(crate) fn installed_versions(&self) -> Result<Vec<String>> {
        let list: Value =
            serde_json::from_str(&self.lab.kubectl(&["get", "-k", &deploy()?, "-o", "json"])?)?;
        let objects = list["items"].as_array().context("kubectl lists no objects")?;
        let version = |object: &Value| {
            let metadata = &object["metadata"];
            let number = if metadata["generation"].is_null() {
                &metadata["resourceVersion"]
            } else {
                &metadata["generation"]
            };
            format!("{} {} {number}", object["kind"], metadata["name"])
        };
        Ok(objects.iter().map(version).collect())
    }

    /// The namespace takes its time: while kinds are on their way out Kubernetes cannot list what is left in it, and tries
    /// again more and more rarely.
    pub(crate) fn uninstall(&self) -> Result<()> {
        self.lab.kubectl(&["delete", "-k", &deploy()?, "--timeout=180s"]).map(drop)
    }

    /// Waits until a test that disturbs so may run; it ends when the value is dropped.
    pub(crate) fn enter(&self, disturbs: Disturbs) -> Gate<'_> {
        // A test that panicked has left nothing half done behind this lock.
        match disturbs {
            Disturbs::Nobody => {
                Gate::Beside { _guard: self.gate.read().unwrap_or_else(PoisonError::into_inner) }
            }
            Disturbs::Everybody => {
                Gate::Alone { _guard: self.gate.write().unwrap_or_else(PoisonError::into_inner) }
            }
        }
    }

    /// `count` addresses that no other test has or had, by the last byte of the first.
    pub(crate) fn take_addresses(&self, count: u8) -> Result<u8> {
        let mut next = self.next_address.lock().unwrap();
        let after_routers = FIRST_ROUTER + ROUTERS;
        if *next < after_routers && *next + count > FIRST_ROUTER {
            *next = after_routers;
        }
        ensure!(
            *next + count <= LAST_ADDRESS + 1,
            "the segment has no {count} addresses left for another test"
        );
        let first = *next;
        *next += count;
        Ok(first)
    }

    /// Undoes every fault that a test may have left and waits until all is well again.
    pub(crate) fn mend(&self) -> Result<()> {
        let nodes = self.nodes();
        for node in &nodes {
            // Whatever was not so fails, and is not of interest.
            let _ = self.lab.unsilence(node);
            let _ = self.lab.link_up(node);
            let _ = self.lab.node(node).thaw("ferrolb-speaker");
            let _ = self.lab.node(node).thaw("ferrolb-control");
        }
        self.lab.heal()?;
        self.lab.start_apiserver()?;
        wait_for("the API server answers", PATIENCE, || self.lab.kubectl(&["get", "--raw", "/readyz"]))?;
        // After an API server that was away more than once its watches are behind for minutes: what has lost its owner stays meanwhile.
        self.lab.stop_control_plane(CONTROLLERS)?;
        self.lab.start_control_plane(CONTROLLERS)?;
        wait_for("every node is ready", NODES_READY, || {
            let ready =
                self.lab.kubectl(&["wait", "--for=condition=Ready", "nodes", "--all", "--timeout=30s"])?;
            ensure!(ready.lines().count() == nodes.len(), "only these are: {ready}");
            Ok(())
        })?;
        recall(self)?;
        self.wait_until_installed()
    }

    fn wait_until_installed(&self) -> Result<()> {
        for program in ["deployment/ferrolb-controller", "daemonset/ferrolb-speaker"] {
            let status = ["-n", NAMESPACE, "rollout", "status", program, "--timeout=180s"];
            self.lab.kubectl(&status).with_context(|| format!("{program} does not run"))?;
        }
        Ok(())
    }

    /// What FerroLB's own pods and objects look like.
    pub(crate) fn diagnosis(&self) -> String {
        let commands: [&[&str]; 5] = [
            &["get", "announcementslices,speakerstates", "-o", "yaml"],
            &["-n", NAMESPACE, "get", "pods,leases", "-o", "wide"],
            &["get", "announcementslices,speakerstates,ipaddresspools,l2advertisements", "-o", "wide"],
            &[
                "-n",
                NAMESPACE,
                "logs",
                "-l",
                "app.kubernetes.io/component=controller",
                "--tail=15",
                "--prefix",
            ],
            &["-n", NAMESPACE, "logs", "-l", "app.kubernetes.io/component=speaker", "--tail=10", "--prefix"],
        ];
        self.explain(&commands)
    }

    /// The output of each command under its name.
    pub(crate) fn explain(&self, commands: &[&[&str]]) -> String {
        let told = commands.iter().map(|command| {
            let limited: Vec<&str> = command.iter().copied().chain(["--request-timeout=10s"]).collect();
            let text = match self.lab.kubectl_run(&limited) {
                Ok(output) => output.stdout + &output.stderr,
                Err(error) => format!("{error:#}\n"),
            };
            format!("--- kubectl {}\n{text}", command.join(" "))
        });
        told.collect()
    }
}

/// A test's turn.
pub(crate) enum Gate<'a> {
    /// Others of its sort run too.
    Beside { _guard: RwLockReadGuard<'a, ()> },
    /// Nothing else runs.
    Alone { _guard: RwLockWriteGuard<'a, ()> },
}

fn deploy() -> Result<String> {
    Ok(Checkout::find()?.root().join("deploy").display().to_string())
}
