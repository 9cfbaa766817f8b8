//! A lab's API server as benchmarks use it: nobody writes to it but who is measured.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Checkout, Lab};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// The API server's address in its own network.
const SERVER: &str = "https://192.0.2.1:6443";

/// FerroLB's kinds are known to it, and everything else that would write or take its share of the processors is stopped.
#[derive(Debug)]
pub struct ApiServer {
    kubeconfig: PathBuf,
}

impl ApiServer {
    /// That of the lab, with the CRDs in these folders beside FerroLB's own.
    ///
    /// # Errors
    /// The lab has no cluster, or it does not answer.
    pub fn prepare(lab: &Lab, more_crds: &[PathBuf]) -> Result<Self> {
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
        ensure!(
            inside.contains(SERVER),
            "the kubeconfig {} names another server",
            state.kubeconfig.display()
        );
        let kubeconfig = lab.folder().join("bench.kubeconfig");
        fs::write(&kubeconfig, inside).context("cannot write a kubeconfig")?;
        Ok(Self { kubeconfig })
    }

    /// Where programs in the API server's network find it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
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
}
