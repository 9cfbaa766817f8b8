//! Machines on one switch, each a network namespace of its own, with real speakers in them.

#![allow(unreachable_pub, dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

pub mod client;
pub mod router;

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ferrolb_neighbor::Mac;
use nix::sched::{CloneFlags, setns};

pub use self::client::Client;
use self::client::mac_of;

/// Whether namespaces can be made; tests that need them say so and end where not.
pub fn permitted() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        println!("skipped: network namespaces need root");
    }
    root
}

/// A switch, one client and some nodes. Everything goes when it is dropped.
pub struct Rig {
    prefix: String,
    names: Vec<String>,
    folder: PathBuf,
    speakers: Vec<Option<Child>>,
}

impl Rig {
    /// Makes `nodes` machines 192.0.2.11, .12 … (2001:db8::11 …) and a client .100, all with an interface eth0.
    pub fn new(name: &str, nodes: usize) -> Self {
        let prefix = format!("flb{}{name}", std::process::id());
        let folder = std::env::temp_dir().join(format!("{prefix}-manifests"));
        std::fs::create_dir_all(&folder).unwrap();
        let mut rig = Self { prefix, names: Vec::new(), folder, speakers: Vec::new() };
        let switch = rig.namespace("sw");
        ip(&["-n", &switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0"]);
        ip(&["-n", &switch, "link", "set", "br0", "up"]);
        for node in 0..nodes {
            rig.machine(&node.to_string(), 11 + node, node + 1);
            rig.speakers.push(None);
        }
        rig.machine("client", 100, 100);
        rig
    }

    fn namespace(&mut self, name: &str) -> String {
        let name = format!("{}-{name}", self.prefix);
        ip(&["netns", "add", &name]);
        self.names.push(name.clone());
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        name
    }

    fn machine(&mut self, name: &str, host: usize, port: usize) {
        let switch = format!("{}-sw", self.prefix);
        let machine = self.namespace(name);
        let port = format!("port{port}");
        ip(&["-n", &machine, "link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &switch]);
        ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"]);
        ip(&["-n", &machine, "addr", "add", &format!("192.0.2.{host}/24"), "dev", "eth0"]);
        ip(&["-n", &machine, "addr", "add", &format!("2001:db8::{host}/64"), "dev", "eth0", "nodad"]);
        ip(&["-n", &machine, "link", "set", "eth0", "up"]);
    }

    /// The name of a node's network namespace.
    pub fn namespace_of(&self, node: usize) -> String {
        format!("{}-{node}", self.prefix)
    }

    /// The folder that all speakers work from.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a manifest that places `vips` on nodes in the given order; a name is the node's number.
    pub fn place(&self, revision: u32, vips: &[(IpAddr, &[usize])]) {
        let mut text = "apiVersion: ferrolb.io/v1beta1\nkind: AnnouncementSlice\nmetadata: {name: vips}\nspec:\n  vips:\n"
            .to_owned();
        for (vip, nodes) in vips {
            let nodes: Vec<_> = nodes.iter().map(|node| format!("node-{node}")).collect();
            let nodes = nodes.join(", ");
            text += &format!("  - ip: '{vip}'\n    layer2: {{nodes: [{nodes}], revision: {revision}}}\n");
        }
        let new = self.folder.join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.folder.join("vips.yaml")).unwrap();
    }

    /// Starts the speaker of a node.
    pub fn start(&mut self, node: usize) {
        let folder = self.folder.to_str().unwrap().to_owned();
        self.spawn(node, &["--standalone", &folder, "--admin-address", "127.0.0.1:7473"], &[]);
    }

    fn spawn(&mut self, node: usize, arguments: &[&str], environment: &[(&str, &str)]) {
        let log = File::create(self.folder.join(format!("node-{node}.log"))).unwrap();
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &format!("{}-{node}", self.prefix),
                env!("CARGO_BIN_EXE_ferrolb-speaker"),
            ])
            .args(["--node", &format!("node-{node}")])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.speakers[node] = Some(child);
    }

    /// Starts the speaker of a node in a cluster whose API server does not answer, with what its last run left in
    /// `state` and the keys in `keys`.
    pub fn start_without_api(&mut self, node: usize, state: &Path, keys: &Path) {
        let kubeconfig = self.folder.join("kubeconfig");
        let config = "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'http://192.0.2.99:6443'}}]\n\
            contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\ncurrent-context: c\n";
        std::fs::write(&kubeconfig, config).unwrap();
        let arguments = [
            ["--state-dir", state.to_str().unwrap()],
            ["--heartbeat-keys", keys.to_str().unwrap()],
            ["--admin-address", "127.0.0.1:7473"],
        ];
        self.spawn(node, arguments.as_flattened(), &[("KUBECONFIG", kubeconfig.to_str().unwrap())]);
    }

    /// Takes a node's cable out of the switch, or puts it back: `down`, `up`.
    pub fn set_port(&self, node: usize, state: &str) {
        ip(&["-n", &format!("{}-sw", self.prefix), "link", "set", &format!("port{}", node + 1), state]);
    }

    /// Calls `ip` at a node.
    pub fn ip(&self, node: usize, arguments: &[&str]) -> String {
        self.ip_at(&node.to_string(), arguments)
    }

    /// Calls `ip` at a node or the client; what it prints.
    pub fn ip_at(&self, machine: &str, arguments: &[&str]) -> String {
        let machine = format!("{}-{machine}", self.prefix);
        ip(&[&["-n", &machine], arguments].concat())
    }

    /// The same; whether `ip` could do it.
    pub fn try_ip_at(&self, machine: &str, arguments: &[&str]) -> bool {
        let machine = format!("{}-{machine}", self.prefix);
        let output = Command::new("ip").args(["-n", &machine]).args(arguments).output().unwrap();
        output.status.success()
    }

    /// The process of a node's speaker.
    pub fn pid(&self, node: usize) -> nix::unistd::Pid {
        let child = self.speakers[node].as_ref().expect("the speaker runs");
        nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap())
    }

    /// Sends a signal to the speaker of a node.
    pub fn signal(&self, node: usize, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(self.pid(node), signal).unwrap();
    }

    /// Waits until the speaker of a node has ended; tells whether it was content.
    pub fn wait(&mut self, node: usize) -> bool {
        self.speakers[node].take().expect("the speaker runs").wait().unwrap().success()
    }

    /// What the speaker of a node answers to `GET path`.
    pub fn get(&self, node: usize, path: &str) -> String {
        let url = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.within(&node.to_string(), move || {
            use std::io::{Read as _, Write as _};
            let Ok(mut stream) = std::net::TcpStream::connect("127.0.0.1:7473") else { return String::new() };
            stream.write_all(url.as_bytes()).unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        })
    }

    /// Waits until the speaker of a node says that it is ready.
    pub fn wait_ready(&self, node: usize, limit: Duration) {
        let until = Instant::now() + limit;
        loop {
            let answer = self.get(node, "/readyz");
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            assert!(Instant::now() < until, "node {node} is not ready after {limit:?}: {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The node whose interface has this address.
    pub fn node_of(&self, mac: Mac) -> Option<usize> {
        (0..self.speakers.len()).find(|node| self.mac(*node) == mac)
    }

    /// The address of a node's interface.
    pub fn mac(&self, node: usize) -> Mac {
        self.within(&node.to_string(), || mac_of("eth0"))
    }

    /// Does something inside a machine, on a thread of its own.
    pub fn within<T: Send>(&self, machine: &str, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}-{machine}", self.prefix)).unwrap();
        std::thread::scope(|scope| {
            scope
                .spawn(move || {
                    setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
                    work()
                })
                .join()
                .unwrap()
        })
    }

    /// Does something at the client's interface.
    pub fn at_client<T: Send>(&self, work: impl FnOnce(&mut Client) -> T + Send) -> T {
        self.at_client_on("eth0", work)
    }

    /// The same at another interface of the client's.
    pub fn at_client_on<T: Send>(&self, interface: &str, work: impl FnOnce(&mut Client) -> T + Send) -> T {
        self.within("client", || work(&mut Client::new(interface)))
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for speaker in self.speakers.iter_mut().flatten() {
            let _ = speaker.kill();
            let _ = speaker.wait();
        }
        if std::thread::panicking() {
            for node in 0..self.speakers.len() {
                let log = self.folder.join(format!("node-{node}.log"));
                println!("--- node-{node}\n{}", std::fs::read_to_string(log).unwrap_or_default());
            }
        }
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
