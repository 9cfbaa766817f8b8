//! What a running lab tells the host: `.lab/NAME/state.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::plan::Options;
use crate::process;

/// Written by the keeper once the lab's namespaces exist, removed when they are gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// What was asked for.
    pub options: Options,
    /// The process on the host that waits for the lab's end.
    pub keeper: i32,
    /// Process 1 of the lab, by its number on the host.
    pub supervisor: i32,
    /// Name of the lab's group in every cgroup hierarchy.
    pub cgroup: String,
    /// TCP port on 127.0.0.1 that leads to the API server.
    pub port: u16,
    /// For the host's kubectl.
    pub kubeconfig: PathBuf,
}

impl State {
    /// The state of the lab in `folder`; `None` when there is none.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let file = Self::file(folder);
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).with_context(|| {
                format!("{} is damaged: run ferrolb-lab down, or remove it", file.display())
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let unfinished = folder.join("state.json.new");
        std::fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&unfinished, Self::file(folder))?;
        Ok(())
    }

    pub(crate) fn remove(folder: &Path) -> Result<()> {
        match std::fs::remove_file(Self::file(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Whether the processes are those that were written down (numbers come round again).
    pub fn is_running(&self) -> bool {
        process::runs_lab(self.supervisor)
    }

    pub(crate) fn keeper_is_running(&self) -> bool {
        process::runs_lab(self.keeper)
    }

    fn file(folder: &Path) -> PathBuf {
        folder.join("state.json")
    }
}
