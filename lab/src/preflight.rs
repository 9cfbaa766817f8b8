//! What keeps this machine from running labs: every problem at once, each with what to do.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use nix::sys::statvfs::statvfs;

use crate::checkout::Checkout;
use crate::lab::Lab;
use crate::plan::Options;

/// What labs write while they run: container images, logs, etcd.
const LABS_GIB: u64 = 2;
/// What Cargo leaves in a checkout in which nothing was built yet.
const RUST_GIB: u64 = 6;
/// The root file system.
const ROOTFS_GIB: u64 = 1;
/// Kubernetes' programs, and what Go keeps from building them.
const KUBERNETES_GIB: u64 = 5;
const MEMORY_GIB: u64 = 4;
/// Counted on a running lab: five of kubelet, one of containerd; as many again for pods.
const INOTIFY_PER_NODE: u64 = 12;

/// Rules of the kinds that kube-proxy and the lab's switch use; the kernel is asked whether it would take them.
const RULES: &str = "table inet preflight {
  map backends { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  set seen { type ipv4_addr; flags dynamic,timeout; }
  chain nat { type nat hook prerouting priority dstnat; fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @backends; }
  chain post { type nat hook postrouting priority srcnat; ct state new masquerade fully-random; }
  chain one { update @seen { ip saddr timeout 10s }; }
  chain pick { numgen random mod 2 vmap { 0 : jump one, 1 : jump one }; }
}
";

/// Prints what it finds; fails when something is missing.
pub(crate) fn run(nodes: u8) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    let mut problems = Vec::new();
    programs(&mut problems);
    let root = nix::unistd::geteuid().is_root();
    if !root {
        problems.push("you are not root: labs make namespaces and mounts, so run this with sudo".to_owned());
    }
    disk(&checkout, &mut problems);
    memory(&mut problems);
    inotify(nodes, &mut problems);
    if root {
        kernel(&checkout, &mut problems);
    }
    if problems.is_empty() {
        println!("This machine can run labs of {nodes} nodes.");
        return Ok(ExitCode::SUCCESS);
    }
    problems.iter().for_each(|problem| println!("- {problem}"));
    Ok(ExitCode::FAILURE)
}

fn programs(problems: &mut Vec<String>) {
    for (program, remedy) in [
        ("cargo", "install Rust 1.95 or newer with rustup"),
        ("go", "install Go 1.26 or newer, or point KUBE_ASSETS at a folder with the built programs"),
    ] {
        let needed = program != "go" || std::env::var_os("KUBE_ASSETS").is_none();
        if needed && !installed(program) {
            problems.push(format!("{program} is not installed: {remedy}"));
        }
    }
    if !installed("mmdebstrap") && !installed("apt-get") {
        problems.push(
            "mmdebstrap is not installed and there is no apt-get to install it: install it by hand".into(),
        );
    }
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What is there already takes no more room: asked again after the build, only the labs' own need is left.
fn disk(checkout: &Checkout, problems: &mut Vec<String>) {
    let Some(cache) = Cache::of(checkout, &[]) else {
        problems
            .push("hack/cache.sh does not say where things are kept: bash and sha256sum are needed".into());
        return;
    };
    let built = checkout.bin().join("kubectl-ferrolb").exists();
    let unless = |there, gib| if there { 0 } else { gib };
    let wanted = [
        (checkout.root(), LABS_GIB + unless(built, RUST_GIB)),
        (
            &cache.folder,
            unless(cache.has_kubernetes(), KUBERNETES_GIB) + unless(cache.rootfs.is_dir(), ROOTFS_GIB),
        ),
    ];
    for (folder, needed, free) in short_of_room(&wanted) {
        problems.push(format!(
            "{} has {free} GiB free and {needed} are needed: make room, or set FERROLB_CACHE to a folder elsewhere",
            folder.display()
        ));
    }
}

/// Where `hack/prepare.sh` keeps what is slow to make.
#[derive(Debug)]
struct Cache {
    folder: PathBuf,
    /// What this checkout would take, whether it is there or not: entries of other checkouts are of no use to it.
    kubernetes: PathBuf,
    rootfs: PathBuf,
}

impl Cache {
    /// As hack/cache.sh says, in this process's environment and with these variables too.
    fn of(checkout: &Checkout, variables: &[(&str, &Path)]) -> Option<Self> {
        let script = r#"source hack/cache.sh && echo "$cache" && kube_dir && rootfs_dir"#;
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script]).current_dir(checkout.root());
        let output = bash.envs(variables.iter().copied()).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        let mut lines = text.lines().map(PathBuf::from);
        Some(Self { folder: lines.next()?, kubernetes: lines.next()?, rootfs: lines.next()? })
    }

    fn has_kubernetes(&self) -> bool {
        ["controlplane", "agnhost"].iter().all(|program| self.kubernetes.join(program).is_file())
    }
}

/// The file systems with less room than the folders on them want together: one of these folders, GiB needed, GiB free.
fn short_of_room<'a>(wanted: &[(&'a Path, u64)]) -> Vec<(&'a Path, u64, u64)> {
    let mut systems: BTreeMap<u64, (&Path, u64, u64)> = BTreeMap::new();
    for &(folder, gib) in wanted {
        let Some(existing) = folder.ancestors().find(|folder| folder.exists()) else { continue };
        let (Ok(metadata), Ok(stat)) = (existing.metadata(), statvfs(existing)) else { continue };
        let free = stat.blocks_available() * stat.fragment_size() / (1 << 30);
        systems.entry(metadata.dev()).or_insert((existing, 0, free)).1 += gib;
    }
    systems.into_values().filter(|(_, needed, free)| free < needed).collect()
}

fn memory(problems: &mut Vec<String>) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse::<u64>().ok());
    let gib = available.unwrap_or(0) / (1 << 20);
    if gib < MEMORY_GIB {
        problems.push(format!(
            "{gib} GiB of memory are free and {MEMORY_GIB} are needed: end something, or use fewer nodes"
        ));
    }
}

fn inotify(nodes: u8, problems: &mut Vec<String>) {
    let file = "/proc/sys/fs/inotify/max_user_instances";
    let limit = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let needed = INOTIFY_PER_NODE * u64::from(nodes) + in_use();
    if limit.is_some_and(|limit| limit < needed) {
        problems.push(format!(
            "root may have {} inotify instances and {nodes} nodes need {needed} in all: sysctl fs.inotify.max_user_instances={}",
            limit.unwrap_or(0),
            needed.next_multiple_of(128)
        ));
    }
}

/// Inotify instances on this machine now.
fn in_use() -> u64 {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let files =
        processes.filter_map(|process| std::fs::read_dir(process.path().join("fd")).ok()).flatten().flatten();
    let links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    links.filter(|link| link.as_os_str() == "anon_inode:inotify").count() as u64
}

/// Whether the kernel has what labs need is best found out by making a small one.
fn kernel(checkout: &Checkout, problems: &mut Vec<String>) {
    if checkout.assets().is_err() {
        println!("The kernel is tried out once the root file system is there (hack/prepare.sh).");
        return;
    }
    let options = Options { name: "preflight".into(), nodes: 1, cluster: false, ..Options::default() };
    let tried = Lab::up(&options).and_then(|lab| {
        let taken = takes_rules(&lab);
        lab.down()?;
        taken
    });
    if let Err(error) = tried {
        problems.push(format!(
            "a lab without a cluster does not come up: the kernel needs namespaces of all kinds, cgroups, overlayfs, \
             veth, bridge and nftables (inet and bridge families, nat, fib, numgen), as modules or built in: {error:#}"
        ));
    }
}

fn takes_rules(lab: &Lab) -> Result<()> {
    let mut command: Command = lab.client().command(["nft", "--check", "--file", "-"])?;
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    std::io::Write::write_all(child.stdin.as_mut().expect("the input was asked for"), RULES.as_bytes())?;
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_checkout_would_take_counts_as_built() {
        let folder = std::env::temp_dir().join(format!("ferrolb-preflight-{}", std::process::id()));
        let checkout = Checkout::find().unwrap();
        let look =
            || Cache::of(&checkout, &[("FERROLB_CACHE", &folder), ("KUBE_ASSETS", Path::new(""))]).unwrap();
        let make = |entry: &Path| {
            std::fs::create_dir_all(entry).unwrap();
            for program in ["controlplane", "agnhost"] {
                std::fs::write(entry.join(program), "").unwrap();
            }
        };
        for others in ["kube-0123456789ab", "kube-making.x1y2z3", "rootfs-0123456789ab"] {
            make(&folder.join(others));
        }
        let before = look();
        let had = before.has_kubernetes();
        let own = before.kubernetes.file_name().and_then(|name| name.to_str()).unwrap().to_owned();
        make(&before.kubernetes);
        let after = look();
        let found = [had, after.rootfs.is_dir(), after.has_kubernetes()];
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(before.folder, folder);
        assert!(own.starts_with("kube-") && own.len() == "kube-0123456789ab".len(), "{own}");
        assert_eq!(found, [false, false, true]);
    }

    #[test]
    fn folders_on_one_file_system_want_their_room_together() {
        let (folder, missing) = (Path::new("/"), Path::new("/is/not/there/yet"));
        assert_eq!(short_of_room(&[(folder, 0), (missing, 0)]), []);
        let short = short_of_room(&[(folder, 1 << 40), (missing, 1 << 40)]);
        assert!(matches!(short[..], [(_, needed, _)] if needed == 1 << 41), "{short:?}");
    }
}
