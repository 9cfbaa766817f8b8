//! A lab's API server as benchmarks use it: nobody writes to it but who is measured.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Checkout, Lab, Options};
use ferrolb_tests::inside;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::processes::Process;

/// The API server's network.
const NETWORK: &str = "cp";
/// The API server's address in it.
const SERVER: &str = "https://192.0.2.1:6443";

/// What FerroLB needs in every cluster. The addresses are set aside for benchmarks (RFC 2544).
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: ferrolb-system}
---
apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: bench}
spec: {addresses: [198.18.0.0/16]}
";

/// FerroLB's kinds are known to it, and everything else that would write or take its share of the processors is stopped.
#[derive(Debug)]
pub struct ApiServer {
    lab: Lab,
    kubeconfig: PathBuf,
}

impl ApiServer {
    /// That of a new lab, with the CRDs in these folders beside FerroLB's own, and with these manifests of objects beside a pool
    /// of 198.18.0.0/16. A lab of the same name ends.
    ///
    /// # Errors
    /// The lab has no cluster, or its API server does not answer; it is ended then.
    pub fn up(options: &Options, more_crds: &[PathBuf], objects: &[&str]) -> Result<Self> {
        Lab::down_named(&options.name)?;
        let lab = Lab::up(options)?;
        match prepare(&lab, more_crds, objects) {
            Ok(kubeconfig) => Ok(Self { lab, kubeconfig }),
            Err(error) => {
                lab.down()?;
                Err(error)
            }
        }
    }

    /// Ends the lab.
    ///
    /// # Errors
    /// Something of it cannot be removed.
    pub fn down(self) -> Result<()> {
        self.lab.down()
    }

    /// The lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// What `work` comes to on a thread in the API server's network.
    ///
    /// # Errors
    /// The lab is down, or `work` fails.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        inside(&self.lab, NETWORK, work)
    }

    /// A client with connections of its own, for who is in that network.
    ///
    /// # Errors
    /// The kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig)?;
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        config.default_retry = false;
        Ok(Client::try_from(config)?)
    }

    /// Starts a program that works with the API server, in its network. Its log is called by `name`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, name: &str, mut command: Command) -> Result<Process> {
        command.env("KUBECONFIG", &self.kubeconfig);
        self.inside(|| Process::start(name, command, &self.lab.folder().join("log")))
    }
}

/// Returns where programs in the API server's network find it.
fn prepare(lab: &Lab, more_crds: &[PathBuf], objects: &[&str]) -> Result<PathBuf> {
    let own = Checkout::find()?.root().join("deploy/crds");
    for folder in more_crds.iter().chain([&own]) {
        lab.kubectl(&["apply", "-f", &folder.display().to_string()])?;
    }
    lab.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"])?;
    for program in ["kube-controller-manager", "kube-scheduler"] {
        lab.stop_control_plane(program)?;
    }
    let state = lab.state();
    let outside = fs::read_to_string(&state.kubeconfig)?;
    let inside = outside.replace(&format!("https://127.0.0.1:{}", state.port), SERVER);
    ensure!(inside.contains(SERVER), "the kubeconfig {} names another server", state.kubeconfig.display());
    let kubeconfig = lab.folder().join("bench.kubeconfig");
    fs::write(&kubeconfig, inside).context("cannot write a kubeconfig")?;
    [OBJECTS].iter().chain(objects).try_for_each(|manifest| lab.apply(manifest).map(drop))?;
    Ok(kubeconfig)
}
