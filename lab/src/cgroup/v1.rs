//! Version 1: one hierarchy for each controller.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

/// Real-time budgets to ask for, in µs of each second and CPU: the most that the machine still has to give. All nodes of a
/// lab share one, and under a flood of frames they use it; the first leaves as much to a second lab as quiet ones need.
const REALTIME_BUDGETS: [&str; 5] = ["850000", "400000", "200000", "100000", "50000"];

/// One mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    pub(super) mount: PathBuf,
    /// What `mount -o` takes to mount it again.
    pub(super) options: String,
}

pub(super) fn parse(mountinfo: &str) -> Vec<Hierarchy> {
    mountinfo.lines().filter_map(parse_line).collect()
}

/// `ID PARENT DEV ROOT MOUNT OPTIONS... - TYPE SOURCE SUPER_OPTIONS`, see proc(5).
fn parse_line(line: &str) -> Option<Hierarchy> {
    let (left, right) = line.split_once(" - ")?;
    let mut right = right.split(' ');
    if right.next()? != "cgroup" {
        return None;
    }
    let super_options = right.nth(1)?;
    let mount = PathBuf::from(left.split(' ').nth(4)?);
    let named = |option: &&str| !matches!(*option, "rw" | "ro" | "xattr" | "clone_children" | "noprefix");
    let mut options: Vec<&str> = super_options.split(',').filter(named).collect();
    options.retain(|option| !option.starts_with("release_agent="));
    if options.iter().all(|option| option.starts_with("name=")) {
        options.insert(0, "none");
    }
    Some(Hierarchy { mount, options: options.join(",") })
}

impl Hierarchy {
    pub(super) fn has_realtime_budget(&self) -> bool {
        self.mount.join("cpu.rt_runtime_us").exists()
    }

    pub(super) fn create(&self, name: &str) -> Result<()> {
        let group = self.mount.join(name);
        std::fs::create_dir_all(&group)
            .with_context(|| format!("cannot make the cgroup {}", group.display()))?;
        self.inherit_cpuset(&group)?;
        if self.has_realtime_budget() {
            let file = group.join("cpu.rt_runtime_us");
            if !REALTIME_BUDGETS.iter().any(|budget| std::fs::write(&file, budget).is_ok()) {
                eprintln!(
                    "No real-time budget is left on this machine: real-time threads will not run in this lab."
                );
            }
        }
        Ok(())
    }

    /// A new cpuset is empty and takes no process until it has CPUs and memory nodes.
    fn inherit_cpuset(&self, group: &Path) -> Result<()> {
        for name in ["cpuset.cpus", "cpuset.mems"] {
            let own = group.join(name);
            if own.exists() {
                let parents = std::fs::read(self.mount.join(name))?;
                std::fs::write(&own, parents).with_context(|| format!("cannot set {}", own.display()))?;
            }
        }
        Ok(())
    }

    /// Folder name below /sys/fs/cgroup.
    fn folder(&self) -> &str {
        self.options.strip_prefix("none,name=").unwrap_or(&self.options)
    }
}

pub(super) fn mount_all(hierarchies: &[Hierarchy], target: &Path) -> Result<()> {
    mount(Some("tmpfs"), target, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))?;
    for hierarchy in hierarchies {
        let folder = target.join(hierarchy.folder());
        std::fs::create_dir(&folder)?;
        mount(Some("cgroup"), &folder, Some("cgroup"), MsFlags::empty(), Some(hierarchy.options.as_str()))
            .with_context(|| format!("cannot mount the cgroup hierarchy {}", hierarchy.options))?;
        for controller in hierarchy.folder().split(',').filter(|name| *name != hierarchy.folder()) {
            symlink(hierarchy.folder(), target.join(controller))?;
        }
    }
    Ok(())
}
