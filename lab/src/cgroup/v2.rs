//! Version 2: the unified hierarchy. Written from the kernel's documentation (cgroup-v2.rst), not yet run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount as mount_fs};

pub(super) fn parse(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        (right.split(' ').next()? == "cgroup2").then(|| left.split(' ').nth(4).map(PathBuf::from))?
    })
}

pub(super) fn create(root: &Path, name: &str) -> Result<()> {
    let group = root.join(name);
    std::fs::create_dir_all(&group).with_context(|| format!("cannot make the cgroup {}", group.display()))
}

/// A group either holds processes or hands controllers down ("no internal processes"): the caller's process
/// moves one level down and every available controller is handed on.
pub(super) fn delegate(root: &Path) -> Result<()> {
    let leaf = root.join("init");
    std::fs::create_dir_all(&leaf)?;
    std::fs::write(leaf.join("cgroup.procs"), "0").context("cannot move into the cgroup init")?;
    let available = std::fs::read_to_string(root.join("cgroup.controllers"))?;
    for controller in available.split_whitespace() {
        // Each on its own: one that cannot be handed down must not keep back the others.
        if let Err(error) = std::fs::write(root.join("cgroup.subtree_control"), format!("+{controller}")) {
            eprintln!("The cgroup controller {controller} cannot be handed to nodes: {error}.");
        }
    }
    Ok(())
}

pub(super) fn mount(target: &Path) -> Result<()> {
    mount_fs(Some("cgroup2"), target, Some("cgroup2"), MsFlags::empty(), None::<&str>)
        .context("cannot mount cgroup2")
}
