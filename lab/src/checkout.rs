//! Where things are: the checkout, its `.lab/` folder, and what was prepared for labs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The folder `.lab/` of the checkout that holds the current directory.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout around the current directory.
    ///
    /// # Errors
    /// When no parent folder is a FerroLB checkout.
    pub fn find() -> Result<Self> {
        let start = std::env::current_dir().context("the current directory is gone")?;
        let root = start
            .ancestors()
            .find(|folder| folder.join("hack/rootfs.sh").is_file())
            .with_context(|| format!("{} is not inside a FerroLB checkout: cd into one", start.display()))?;
        Ok(Self { root: root.to_path_buf() })
    }

    /// The checkout's top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `.lab/`, where labs keep their state.
    pub fn labs(&self) -> PathBuf {
        self.root.join(".lab")
    }

    /// `.lab/bin/`, the programs that `hack/prepare.sh` left for people and tests.
    pub fn bin(&self) -> PathBuf {
        self.labs().join("bin")
    }

    /// The folder of the lab called `name`.
    pub fn lab(&self, name: &str) -> PathBuf {
        self.labs().join(name)
    }

    /// Root file system and Kubernetes programs, as `hack/prepare.sh` left them.
    ///
    /// # Errors
    /// When they are not there.
    pub(crate) fn assets(&self) -> Result<Assets> {
        Ok(Assets { rootfs: self.prepared("rootfs")?, kube: self.prepared("kube")? })
    }

    /// Image tars to load into every node, sorted by name.
    pub(crate) fn images(&self) -> Result<Vec<PathBuf>> {
        let folder = self.labs().join("images");
        let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
        let mut images = Vec::new();
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            if path.extension().is_some_and(|extension| extension == "tar") {
                images.push(path);
            }
        }
        images.sort();
        Ok(images)
    }

    fn prepared(&self, name: &str) -> Result<PathBuf> {
        let path = self.labs().join(name);
        match path.canonicalize() {
            Ok(real) => Ok(real),
            Err(_) => bail!("{} is missing: run hack/prepare.sh", path.display()),
        }
    }
}

/// What every lab is made from; never written to.
#[derive(Debug, Clone)]
pub(crate) struct Assets {
    /// The Debian root file system.
    pub(crate) rootfs: PathBuf,
    /// Kubernetes programs and agnhost.
    pub(crate) kube: PathBuf,
}
