//! Who is measured.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use ferrolb_bench::{ECHO_CLASS, beside};

use crate::stage::RIVAL_NAMESPACE;

/// Where FerroLB's controller serves what it says of itself.
pub(crate) const ADMIN: &str = "127.0.0.1:7472";
/// The name of the pod that MetalLB's controller is told it runs in.
pub(crate) const RIVAL_POD: &str = "controller";

/// A controller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// FerroLB's controller.
    Ferrolb,
    /// MetalLB's, built into this folder.
    Metallb(&'a Rival),
    /// The echo controller.
    Echo,
}

/// The folder that `hack/rivals/build.sh` printed.
#[derive(Debug, Clone)]
pub(crate) struct Rival(pub(crate) PathBuf);

impl Rival {
    /// The manifests of its CRDs.
    pub(crate) fn crds(&self) -> PathBuf {
        self.0.join("crds")
    }

    fn program(&self) -> PathBuf {
        self.0.join("metallb-controller")
    }
}

impl Subject<'_> {
    /// What its log is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ferrolb => "ferrolb",
            Self::Metallb(_) => "metallb",
            Self::Echo => "echo",
        }
    }

    /// The class of the Services that are made for it alone; `None`: it answers those without a class.
    pub(crate) fn class(self) -> Option<&'static str> {
        match self {
            Self::Ferrolb => Some("ferrolb.io/lb"),
            Self::Metallb(_) => None,
            Self::Echo => Some(ECHO_CLASS),
        }
    }

    /// How it is started: with its defaults, but for MetalLB's webhooks, which need a pod to be reached in.
    pub(crate) fn command(self) -> Result<Command> {
        Ok(match self {
            Self::Ferrolb => {
                let mut command = Command::new(beside("ferrolb-controller")?);
                command.args(["--admin-address", ADMIN, "--name", "bench"]);
                command
            }
            Self::Metallb(rival) => {
                let mut command = Command::new(rival.program());
                command.args([
                    "--webhook-mode=disabled",
                    "--namespace",
                    RIVAL_NAMESPACE,
                    "--pod-name",
                    RIVAL_POD,
                ]);
                command
            }
            Self::Echo => Command::new(beside("bench-echo")?),
        })
    }
}
