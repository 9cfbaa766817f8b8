//! A root file system of its own for the lab and for each node: Debian below, a layer in memory above, and
//! only those parts of the host's /dev, /proc and /sys that cannot be used to change the host.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use crate::cgroup::Hierarchies;

/// Folders of the outside that the new root is made from.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) rootfs: PathBuf,
    pub(crate) kube: PathBuf,
    pub(crate) lab: PathBuf,
}

impl Sources {
    /// The same folders as they are called inside a lab, for making the nodes' roots.
    /// Not `/rootfs`: kubelet takes that folder for the host's files.
    pub(crate) fn inside() -> Self {
        Self { rootfs: "/debian".into(), kube: "/kube".into(), lab: "/lab".into() }
    }
}

/// Devices that programs expect; none of them stores anything.
const DEVICES: [&str; 9] = ["null", "zero", "full", "random", "urandom", "tty", "kmsg", "fuse", "net/tun"];

/// What kubelet sets that no namespace has of its own. It finds these values and writes nothing.
const SYSCTLS: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Makes `/` of the calling process, which must be alone in new pid, mount and cgroup namespaces, the root of
/// a lab or node.
pub(crate) fn make(sources: &Sources) -> Result<()> {
    let cgroups = Hierarchies::detect()?;
    cgroups.delegate()?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let new = overlay(sources)?;
    bind(&sources.lab, &new.join("lab"))?;
    bind_read_only(&sources.rootfs, &new.join("debian"))?;
    bind_read_only(&sources.kube, &new.join("kube"))?;
    mount_fs("sysfs", &new.join("sys"), "")?;
    cgroups.mount_at(&new.join("sys/fs/cgroup"))?;
    proc(&new)?;
    dev(&new)?;
    for name in ["run", "tmp"] {
        mount_fs("tmpfs", &new.join(name), "mode=1777")?;
    }
    let old = new.join("old");
    fs::create_dir_all(&old)?;
    pivot_root(&new, &old).context("cannot change the root file system")?;
    std::env::set_current_dir("/")?;
    umount2("/old", MntFlags::MNT_DETACH)?;
    fs::remove_dir("/old")?;
    // kubelet hands mounts on to containers and expects theirs back.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SHARED, None::<&str>)?;
    Ok(())
}

fn overlay(sources: &Sources) -> Result<PathBuf> {
    let base = sources.lab.join("mnt");
    fs::create_dir_all(&base)?;
    mount_fs("tmpfs", &base, "mode=755")?;
    for name in ["upper", "work", "root"] {
        fs::create_dir(base.join(name))?;
    }
    let options = format!(
        "lowerdir={},upperdir={base}/upper,workdir={base}/work",
        sources.rootfs.display(),
        base = base.display()
    );
    let root = base.join("root");
    mount_fs("overlay", &root, &options).context("cannot put a layer over the root file system")?;
    Ok(root)
}

fn proc(new: &Path) -> Result<()> {
    let proc = new.join("proc");
    mount_fs("proc", &proc, "")?;
    let sys = proc.join("sys");
    bind(&sys, &sys)?;
    // Network sysctls are per namespace; those that are not are read-only there.
    let net = sys.join("net");
    bind(&net, &net)?;
    let values = new.join("lab-sysctl");
    fs::create_dir_all(&values)?;
    for (name, value) in SYSCTLS {
        let file = values.join(name.replace('/', "."));
        fs::write(&file, format!("{value}\n"))?;
        bind(&file, &sys.join(name))?;
    }
    read_only(&sys)
}

fn dev(new: &Path) -> Result<()> {
    let dev = new.join("dev");
    mount_fs("tmpfs", &dev, "mode=755")?;
    for name in DEVICES {
        let source = Path::new("/dev").join(name);
        if source.exists() {
            let target = dev.join(name);
            fs::create_dir_all(target.parent().expect("a device is below /dev"))?;
            fs::write(&target, "")?;
            bind(&source, &target)?;
        }
    }
    for name in ["pts", "shm", "mqueue"] {
        fs::create_dir(dev.join(name))?;
    }
    mount_fs("devpts", &dev.join("pts"), "newinstance,ptmxmode=0666,mode=0620")?;
    mount_fs("tmpfs", &dev.join("shm"), "mode=1777")?;
    mount_fs("mqueue", &dev.join("mqueue"), "")?;
    symlink("pts/ptmx", dev.join("ptmx"))?;
    for (number, name) in ["stdin", "stdout", "stderr"].into_iter().enumerate() {
        symlink(format!("/proc/self/fd/{number}"), dev.join(name))?;
    }
    symlink("/proc/self/fd", dev.join("fd"))?;
    Ok(())
}

/// Makes the contents of `source` appear at `target`, which is made if it is to be a folder.
pub(crate) fn bind(source: &Path, target: &Path) -> Result<()> {
    if source.is_dir() {
        fs::create_dir_all(target)?;
    }
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("cannot bind {} to {}", source.display(), target.display()))
}

fn bind_read_only(source: &Path, target: &Path) -> Result<()> {
    bind(source, target)?;
    read_only(target)
}

fn read_only(target: &Path) -> Result<()> {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
    mount(None::<&str>, target, None::<&str>, flags, None::<&str>)
        .with_context(|| format!("cannot make {} read-only", target.display()))
}

fn mount_fs(kind: &str, target: &Path, options: &str) -> Result<()> {
    mount(Some(kind), target, Some(kind), MsFlags::empty(), Some(options))
        .with_context(|| format!("cannot mount {kind} at {}", target.display()))
}
