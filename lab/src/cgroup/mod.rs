//! The lab's own subtree of every cgroup hierarchy, so that ending it is removing one folder.
//!
//! Machines differ: version 1 has one hierarchy a controller, version 2 one for all. Both are listed from
//! `/proc/self/mountinfo`, on the host as well as inside.

mod tree;
mod v1;
mod v2;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

pub(crate) use tree::remove;

/// The hierarchies that this mount namespace shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchies {
    /// One for each controller (or pair of them), also in the hybrid layout.
    V1(Vec<v1::Hierarchy>),
    /// The unified one.
    V2(PathBuf),
}

impl Hierarchies {
    /// Reads what is mounted.
    pub(crate) fn detect() -> Result<Self> {
        let text =
            std::fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
        Self::parse(&text).context("no cgroup file system is mounted: mount one below /sys/fs/cgroup")
    }

    fn parse(mountinfo: &str) -> Option<Self> {
        let v1 = v1::parse(mountinfo);
        if !v1.is_empty() {
            return Some(Self::V1(v1));
        }
        v2::parse(mountinfo).map(Self::V2)
    }

    /// Makes the group `name` at the top of every hierarchy. With RT group scheduling the real-time budget
    /// of a group starts at zero, so the lab's is raised.
    pub(crate) fn create(&self, name: &str) -> Result<()> {
        match self {
            Self::V1(hierarchies) => hierarchies.iter().try_for_each(|hierarchy| hierarchy.create(name)),
            Self::V2(root) => v2::create(root, name),
        }
    }

    /// Removes the top groups of labs that ended with no one left to clear up, as when all of a session is killed: they hold
    /// back memory and, worse, the real-time budget. `ended` says of a group's name whether its lab has.
    pub(crate) fn sweep(&self, ended: impl Fn(&str) -> bool) {
        for root in self.roots() {
            for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
                let ours = entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && entry.file_name().to_str().is_some_and(&ended);
                // Somebody else's group that cannot be removed must not keep this lab from starting.
                if ours && let Err(error) = tree::remove_deserted(&entry.path()) {
                    eprintln!("The cgroup {} of an ended lab stays: {error}.", entry.path().display());
                }
            }
        }
    }

    /// Makes the group of one node. The lab's real-time budget cannot be split finely, so in a hierarchy that
    /// keeps one all nodes stay in the lab's own group.
    pub(crate) fn create_node(&self, name: &str) -> Result<()> {
        match self {
            Self::V1(hierarchies) => hierarchies
                .iter()
                .filter(|hierarchy| !hierarchy.has_realtime_budget())
                .try_for_each(|hierarchy| hierarchy.create(name)),
            Self::V2(root) => v2::create(root, name),
        }
    }

    /// Removes the groups that a node's programs made, as a power cut does; those programs must be ending. A kubelet that
    /// starts and finds groups of dead containers waits three seconds for each.
    pub(crate) fn clear_node(&self, name: &str) -> Result<()> {
        // Where all nodes share one group, a node's part is what has the name of one elsewhere.
        let (own, shared): (Vec<_>, Vec<_>) =
            self.roots().into_iter().partition(|root| root.join(name).is_dir());
        let mut made = BTreeSet::new();
        for root in &own {
            made.extend(tree::leaves(&root.join(name)));
        }
        for root in &own {
            remove(&root.join(name))?;
        }
        for root in &shared {
            // Where its containers had ended before, what they had been in is a leaf here, and there it is the other nodes'.
            made.iter().try_for_each(|leaf| tree::remove_leaf(&root.join(leaf)))?;
        }
        self.create_node(name)
    }

    /// Moves the calling process into the group `name` wherever that exists.
    pub(crate) fn enter(&self, name: &str) -> Result<()> {
        self.roots().into_iter().map(|root| root.join(name)).filter(|group| group.is_dir()).try_for_each(
            |group| {
                let file = group.join("cgroup.procs");
                std::fs::write(&file, "0")
                    .with_context(|| format!("cannot join the cgroup {}", group.display()))
            },
        )
    }

    /// After entering a new cgroup namespace: on version 2 the processes leave the top of the subtree, which
    /// must hold none before controllers are handed down.
    pub(crate) fn delegate(&self) -> Result<()> {
        match self {
            Self::V1(_) => Ok(()),
            Self::V2(root) => v2::delegate(root),
        }
    }

    /// Where the hierarchies are mounted.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        match self {
            Self::V1(hierarchies) => hierarchies.iter().map(|hierarchy| hierarchy.mount.clone()).collect(),
            Self::V2(root) => vec![root.clone()],
        }
    }

    /// Mounts the same hierarchies below `target`, as the caller's cgroup namespace shows them.
    pub(crate) fn mount_at(&self, target: &Path) -> Result<()> {
        match self {
            Self::V1(hierarchies) => v1::mount_all(hierarchies, target),
            Self::V2(_) => v2::mount(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 25 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
39 30 0:35 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
40 30 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn hybrid_machines_are_taken_as_version_1() {
        let Some(Hierarchies::V1(found)) = Hierarchies::parse(HYBRID) else { panic!("not version 1") };
        let options: Vec<&str> = found.iter().map(|hierarchy| hierarchy.options.as_str()).collect();
        assert_eq!(options, ["cpu,cpuacct", "none,name=systemd"]);
    }

    #[test]
    fn a_lone_unified_hierarchy_is_version_2() {
        let text = "35 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(Hierarchies::parse(text), Some(Hierarchies::V2("/sys/fs/cgroup".into())));
        assert_eq!(Hierarchies::parse("35 25 0:30 / / rw - ext4 /dev/vda rw\n"), None);
    }
}
