//! Removing a subtree.

use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How long the kernel may take to let go of groups whose last process was just killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removes the group and all below it. Its processes must be ending.
pub(crate) fn remove(group: &Path) -> Result<()> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match remove_once(group) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if Instant::now() > give_up => {
                return Err(error).with_context(|| format!("cannot remove the cgroup {}", group.display()));
            }
            Err(_) => sleep(Duration::from_millis(20)),
        }
    }
}

/// Removes the group unless there are groups below it: those are of somebody else.
pub(super) fn remove_leaf(group: &Path) -> Result<()> {
    if leaves(group).is_empty() { remove(group) } else { Ok(()) }
}

/// Removes the group and all below it, if no process is in any of them.
pub(super) fn remove_deserted(group: &Path) -> io::Result<()> {
    if has_processes(group)? { Ok(()) } else { remove_once(group) }
}

fn has_processes(group: &Path) -> io::Result<bool> {
    if !std::fs::read(group.join("cgroup.procs"))?.is_empty() {
        return Ok(true);
    }
    for entry in std::fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && has_processes(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The groups below `group` that have none below themselves, by their paths from there.
pub(super) fn leaves(group: &Path) -> Vec<PathBuf> {
    let mut leaves = Vec::new();
    gather_leaves(group, Path::new(""), &mut leaves);
    leaves
}

fn gather_leaves(group: &Path, relative: &Path, leaves: &mut Vec<PathBuf>) {
    // One that vanishes meanwhile is what the caller wants.
    for entry in std::fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let (path, relative) = (entry.path(), relative.join(entry.file_name()));
            let before = leaves.len();
            gather_leaves(&path, &relative, leaves);
            if leaves.len() == before {
                leaves.push(relative);
            }
        }
    }
}

fn remove_once(group: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(group)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_once(&entry.path())?;
        }
    }
    std::fs::remove_dir(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_what_nothing_is_below() {
        let top = std::env::temp_dir().join(format!("cgroup-tree-{}", std::process::id()));
        for folder in ["a/b/c", "a/d", "e"] {
            std::fs::create_dir_all(top.join(folder)).unwrap();
        }
        std::fs::write(top.join("a/tasks"), "").unwrap();
        let mut found = leaves(&top);
        found.sort();
        std::fs::remove_dir_all(&top).unwrap();
        assert_eq!(found, ["a/b/c", "a/d", "e"].map(PathBuf::from));
        assert!(leaves(&top).is_empty(), "a group that is gone has none");
    }

    #[test]
    fn a_leaf_that_is_none_any_more_stays() {
        let top = std::env::temp_dir().join(format!("cgroup-leaf-{}", std::process::id()));
        std::fs::create_dir_all(top.join("k8s.io/others")).unwrap();
        remove_leaf(&top.join("k8s.io")).unwrap();
        assert_eq!(leaves(&top), [PathBuf::from("k8s.io/others")]);
        remove_leaf(&top.join("k8s.io/others")).unwrap();
        assert_eq!(leaves(&top), [PathBuf::from("k8s.io")]);
        std::fs::remove_dir_all(&top).unwrap();
    }
}
