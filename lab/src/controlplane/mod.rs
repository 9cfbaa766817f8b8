//! etcd, API server, controller manager and scheduler, in the namespace `cp`.

pub(crate) mod credentials;
pub(crate) mod kubeconfig;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, setns};

use crate::network::netns;
use crate::plan::{CONTROL_PLANE, Families, Options, SERVICE_V4, SERVICE_V6};
use crate::world::daemon::Daemon;
use crate::world::in_netns;

/// How long the API server may take from start to ready.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The running control plane, by program.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    daemons: BTreeMap<&'static str, Daemon>,
}

impl ControlPlane {
    /// Starts all four programs and returns when the API server is ready.
    pub(crate) fn start(options: &Options) -> Result<Self> {
        let mut daemons = BTreeMap::new();
        for (name, arguments) in [("etcd", etcd()), ("kube-apiserver", apiserver(options)?)] {
            daemons.insert(name, start(name, &arguments)?);
        }
        wait_until_ready_near(options.families)?;
        for (name, arguments) in
            [("kube-controller-manager", controller_manager()), ("kube-scheduler", scheduler())]
        {
            daemons.insert(name, start(name, &arguments)?);
        }
        Ok(Self { daemons })
    }

    /// The program called `name`.
    pub(crate) fn program(&self, name: &str) -> Result<&Daemon> {
        self.daemons.get(name).with_context(|| {
            let known: Vec<&str> = self.daemons.keys().copied().collect();
            format!("no control-plane program is called {name}: take one of {}", known.join(", "))
        })
    }
}

/// Where the API server listens.
fn address(families: Families) -> SocketAddr {
    SocketAddr::new(families.first(CONTROL_PLANE.v4, CONTROL_PLANE.v6), 6443)
}

fn start(name: &str, arguments: &[String]) -> Result<Daemon> {
    let mut command = Command::new(Path::new("/kube").join(name));
    command.args(arguments);
    let log = Path::new("/lab/log").join(format!("{name}.log"));
    let enter = || {
        let namespace = File::open(netns(CONTROL_PLANE.name))?;
        setns(namespace, CloneFlags::CLONE_NEWNET).context("cannot enter the control plane's network")
    };
    Daemon::start(name, &log, enter, command)
}

/// Asks the API server, in the caller's network namespace, as a load balancer would: without credentials.
pub(crate) fn wait_until_ready(families: Families) -> Result<()> {
    let url = format!("https://{}/readyz", address(families));
    let give_up = Instant::now() + READY_WITHIN;
    loop {
        let asked = Command::new("curl")
            .args(["-skfg", "--max-time", "2", &url])
            .stdout(Stdio::null())
            .status()
            .context("cannot start curl")?;
        if asked.success() {
            return Ok(());
        }
        ensure!(
            Instant::now() < give_up,
            "the API server is not ready after {} s: read log/kube-apiserver.log and log/etcd.log",
            READY_WITHIN.as_secs()
        );
        sleep(Duration::from_millis(50));
    }
}

/// The same from anywhere inside the lab.
pub(crate) fn wait_until_ready_near(families: Families) -> Result<()> {
    in_netns(&netns(CONTROL_PLANE.name), || wait_until_ready(families))
}

fn etcd() -> Vec<String> {
    flags(&[
        ("data-dir", "/lab/etcd"),
        ("unsafe-no-fsync", "true"),
        ("log-level", "warn"),
        ("quota-backend-bytes", "4294967296"),
    ])
}

fn apiserver(options: &Options) -> Result<Vec<String>> {
    let families = options.families;
    let mut arguments = flags(&[
        ("etcd-servers", "http://127.0.0.1:2379"),
        ("cert-dir", credentials::FOLDER),
        ("secure-port", "6443"),
        ("advertise-address", &families.first(CONTROL_PLANE.v4, CONTROL_PLANE.v6).to_string()),
        ("service-cluster-ip-range", &families.list(SERVICE_V4, SERVICE_V6)),
        ("service-account-issuer", "https://kubernetes.default.svc"),
        ("service-account-key-file", credentials::SERVICE_ACCOUNT_KEY),
        ("service-account-signing-key-file", credentials::SERVICE_ACCOUNT_KEY),
        ("token-auth-file", credentials::TOKENS),
        ("authorization-mode", "Node,RBAC"),
        ("enable-admission-plugins", "NodeRestriction"),
        ("allow-privileged", "true"),
        // Without it exec and logs look node names up in DNS, and there is none.
        ("kubelet-preferred-address-types", "InternalIP"),
    ]);
    if options.audit {
        let policy = "/lab/pki/audit-policy.yaml";
        fs::write(policy, AUDIT_POLICY).with_context(|| format!("cannot write {policy}"))?;
        arguments.extend(flags(&[("audit-policy-file", policy), ("audit-log-path", "/lab/log/audit.log")]));
    }
    Ok(arguments)
}

/// What pods change, with the bodies of patches; neither reads nor what Kubernetes' own programs do.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, userGroups: ['system:serviceaccounts:kube-system']}
- {level: Request, userGroups: ['system:serviceaccounts'], verbs: [create, update, patch, delete, deletecollection]}
- {level: None}
";

fn controller_manager() -> Vec<String> {
    flags(&[
        ("kubeconfig", &kubeconfig::inside("kube-controller-manager")),
        ("leader-elect", "false"),
        ("use-service-account-credentials", "true"),
        ("service-account-private-key-file", credentials::SERVICE_ACCOUNT_KEY),
        ("root-ca-file", credentials::SERVER_CERTIFICATE),
    ])
}

fn scheduler() -> Vec<String> {
    flags(&[("kubeconfig", &kubeconfig::inside("kube-scheduler")), ("leader-elect", "false")])
}

fn flags(values: &[(&str, &str)]) -> Vec<String> {
    values.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}
