//! A lab as its users see it: up, attached to, down.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::checkout::Checkout;
use crate::controlplane::{credentials, kubeconfig};
use crate::image::Image;
use crate::plan::{
    CLIENT, CLIENT_ROUTED, CLIENT_SECOND, CONTROL_PLANE, NodePlan, Options, ROUTER, RouterPlan, SWITCH,
};
use crate::space::Space;
use crate::state::State;
use crate::wait::wait;
use crate::world::control::{self, Order};
use crate::world::{keeper, manager};

/// How long the end of a lab may take.
const DOWN_WITHIN: Duration = Duration::from_secs(30);

/// The lab's copy of this program, in its folder.
const PROGRAM: &str = "bin/ferrolb-lab";

/// A running lab. Dropping it leaves it running; [`Lab::down`] ends it.
#[derive(Debug, Clone)]
pub struct Lab {
    folder: PathBuf,
    state: State,
    kube: PathBuf,
}

impl Lab {
    /// Brings a lab up and returns when all of it works: without a cluster in well under a second, with one
    /// when every node is Ready.
    ///
    /// # Errors
    /// When one of that name is up already, something was not prepared, or it does not come up.
    pub fn up(options: &Options) -> Result<Self> {
        Self::up_telling(options, |_| {})
    }

    /// The same, passing each line of progress to `tell`.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up_telling(options: &Options, mut tell: impl FnMut(&str)) -> Result<Self> {
        let checkout = Checkout::find()?;
        let folder = checkout.lab(&options.name);
        check_options(options)?;
        if let Some(state) = State::read(&folder)? {
            ensure!(!state.is_running(), "the lab {} is up already: take it down first", options.name);
            end(&folder, &state)?;
        }
        let assets = checkout.assets()?;
        lay_out(&checkout, &folder, options)?;
        let program = folder.join(PROGRAM);
        let log = folder.join("log/lab.log");
        let mut keeper = Command::new(&program)
            .args(["internal", "keeper"])
            .args([Path::new("--lab"), &folder, Path::new("--rootfs"), &assets.rootfs])
            .args([Path::new("--kube"), &assets.kube])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        for line in BufReader::new(keeper.stdout.take().expect("the output was asked for")).lines() {
            let line = line?;
            if line == manager::READY {
                return Self::attach(&options.name);
            }
            tell(&line);
        }
        let _ = keeper.wait()?;
        bail!("the lab ended while it started; {} says:\n{}", log.display(), fs::read_to_string(&log)?)
    }

    /// The running lab called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub fn attach(name: &str) -> Result<Self> {
        let checkout = Checkout::find()?;
        let folder = checkout.lab(name);
        let state = State::read(&folder)?.filter(State::is_running);
        let state =
            state.with_context(|| format!("no lab called {name} is up: run ferrolb-lab up --name {name}"))?;
        Ok(Self { folder, state, kube: checkout.assets()?.kube })
    }

    /// Ends the lab called `name` and removes all it left but its logs; that none is up is no error.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn down_named(name: &str) -> Result<()> {
        let folder = Checkout::find()?.lab(name);
        State::read(&folder)?.map_or(Ok(()), |state| end(&folder, &state))
    }

    /// Ends the lab and removes all it left but its logs.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub fn down(self) -> Result<()> {
        end(&self.folder, &self.state)
    }

    /// What is written down about it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Its folder: `log/`, `kubeconfig`, `state.json`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives all nodes and networks a program, `/lab/bin/NAME`.
    ///
    /// # Errors
    /// When it cannot be linked or copied.
    pub fn add_program(&self, program: &Path) -> Result<()> {
        let name = program.file_name().with_context(|| format!("{} has no name", program.display()))?;
        put(program, &self.folder.join("bin").join(name))
    }

    /// The node called `name`: `n1`, `n2`, …
    pub fn node(&self, name: &str) -> Space {
        Space::node(name, &self.folder.join(PROGRAM), self.state.supervisor)
    }

    /// All nodes, in order.
    pub fn nodes(&self) -> Vec<Space> {
        NodePlan::all(self.state.options.nodes).iter().map(|node| self.node(&node.name)).collect()
    }

    /// All hosts for routing programs, in order.
    pub fn routers(&self) -> Vec<Space> {
        RouterPlan::all(self.state.options.routers).iter().map(|router| self.node(&router.name)).collect()
    }

    /// The node, router, client or other place called `name`.
    ///
    /// # Errors
    /// When this lab has none of that name.
    pub fn space(&self, name: &str) -> Result<Space> {
        let mut places = self.nodes();
        places.extend(self.routers());
        places.extend([
            self.client(),
            self.client_routed(),
            self.router(),
            self.switch(),
            self.control_plane(),
        ]);
        places.extend(self.state.options.second_segment.then(|| self.client_second()));
        let names: Vec<String> = places.iter().map(|space| space.name().to_owned()).collect();
        let found = places.into_iter().find(|space| space.name() == name);
        found.with_context(|| format!("there is no {name} in this lab: take one of {}", names.join(", ")))
    }

    /// The client on the nodes' segment, 192.0.2.100 and 2001:db8:1::100.
    pub fn client(&self) -> Space {
        self.network(CLIENT.name)
    }

    /// The client behind the router, 198.51.100.10 and 2001:db8:2::10.
    pub fn client_routed(&self) -> Space {
        self.network(CLIENT_ROUTED.name)
    }

    /// The client on the second segment, 203.0.113.100 and 2001:db8:3::100, where there is one.
    pub fn client_second(&self) -> Space {
        self.network(CLIENT_SECOND.name)
    }

    /// The router between the two, which runs no routing program.
    pub fn router(&self) -> Space {
        self.network(ROUTER.name)
    }

    /// The switch: ports have the names of who is connected.
    pub fn switch(&self) -> Space {
        self.network(SWITCH)
    }

    /// The control plane's host.
    pub fn control_plane(&self) -> Space {
        self.network(CONTROL_PLANE.name)
    }

    /// The name of the node whose MAC address this is, on either segment.
    pub fn node_with_mac(&self, mac: &str) -> Option<String> {
        let nodes = NodePlan::all(self.state.options.nodes);
        nodes.into_iter().find(|node| node.mac == mac || node.second.mac == mac).map(|node| node.name)
    }

    /// kubectl as administrator, ready to be started on the host.
    pub fn kubectl_command(&self) -> Command {
        let mut command = Command::new(self.kube.join("kubectl"));
        command.env("KUBECONFIG", &self.state.kubeconfig);
        // kubectl looks for its plugins on the PATH; those built beside the lab come first.
        if let Ok(checkout) = Checkout::find() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(checkout.bin()).chain(std::env::split_paths(&path));
            if let Ok(path) = std::env::join_paths(folders) {
                command.env("PATH", path);
            }
        }
        command
    }

    /// Imports docker-archive tars into every node, all nodes at a time.
    ///
    /// # Errors
    /// When a node's containerd refuses one.
    pub fn load_images(&self, images: &[PathBuf]) -> Result<()> {
        let load = |node: &Space, image: &Path| {
            let file = File::open(image).with_context(|| format!("cannot read {}", image.display()))?;
            let mut command = node.command(["ctr", "--namespace", "k8s.io", "images", "import", "-"])?;
            let output = command.stdin(file).output().context("cannot start ferrolb-lab")?;
            let error = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "{} refused {}: {error}", node.name(), image.display());
            Ok(())
        };
        let nodes = self.nodes();
        thread::scope(|scope| {
            let threads: Vec<_> = nodes
                .iter()
                .map(|node| scope.spawn(move || images.iter().try_for_each(|image| load(node, image))))
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("loading does not panic"))
        })
    }

    pub(crate) fn order(&self, order: &Order) -> Result<()> {
        control::send(Path::new(&format!("/proc/{}/root", self.state.supervisor)), order)
    }

    fn network(&self, name: &str) -> Space {
        Space::network(name, &self.folder.join(PROGRAM), self.state.supervisor)
    }
}

fn check_options(options: &Options) -> Result<()> {
    ensure!(
        options.nodes <= Options::MAX_NODES,
        "a lab has at most {} nodes, not {}",
        Options::MAX_NODES,
        options.nodes
    );
    ensure!(
        options.routers <= Options::MAX_ROUTERS,
        "a lab has at most {} routers, not {}",
        Options::MAX_ROUTERS,
        options.routers
    );
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let reserved = ["bin", "images", "kube", "log", "rootfs"].contains(&options.name.as_str());
    let fits = (1..=30).contains(&options.name.len()) && options.name.bytes().all(plain) && !reserved;
    ensure!(fits, "{:?} cannot name a lab: take 1 to 30 small letters, digits and hyphens", options.name);
    Ok(())
}

/// Everything the lab reads when it starts.
fn lay_out(checkout: &Checkout, folder: &Path, options: &Options) -> Result<()> {
    for name in ["log", "images", "pki"] {
        let part = folder.join(name);
        if part.exists() {
            fs::remove_dir_all(&part).with_context(|| format!("cannot clear {}", part.display()))?;
        }
    }
    for name in ["log", "images", "pki", "bin", "mnt"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let nodes = NodePlan::all(options.nodes);
    let tokens = credentials::write_tokens(&folder.join("pki"), &nodes)?;
    kubeconfig::write_all(&folder.join("pki"), &tokens, options.families)?;
    fs::write(folder.join("options.json"), serde_json::to_vec(options)?)?;
    let program = program()?;
    put(&program, &folder.join(PROGRAM))?;
    if options.cluster {
        own_image(&program).write(&folder.join("images/00-lab.tar"))?;
        for image in checkout.images()? {
            let name = image.file_name().expect("listed files have names");
            fs::hard_link(&image, folder.join("images").join(name))
                .with_context(|| format!("cannot link {}", image.display()))?;
        }
    }
    Ok(())
}

/// Puts a program there, as a link where that can be. A copy cannot be started while any process has it open for writing, and one
/// that another thread starts at that moment has, for a while.
fn put(program: &Path, at: &Path) -> Result<()> {
    if at.exists() {
        fs::remove_file(at).with_context(|| format!("cannot replace {}", at.display()))?;
    }
    if fs::hard_link(program, at).is_err() {
        fs::copy(program, at).with_context(|| format!("cannot copy {}", program.display()))?;
    }
    Ok(())
}

/// This program as an image: its echo server for tests, and what holds a pod's namespaces.
fn own_image(program: &Path) -> Image {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    Image {
        references: words(&["ghcr.io/ferrolb/lab:dev", "registry.k8s.io/pause:3.10"]),
        files: vec![(program.to_path_buf(), "/ferrolb-lab".into())],
        entrypoint: words(&["/ferrolb-lab"]),
        command: words(&["internal", "pause"]),
    }
}

/// The `ferrolb-lab` program: ourselves, or for a test what was prepared beside it.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    if own.file_name().is_some_and(|name| name == "ferrolb-lab") {
        return Ok(own);
    }
    if let Some(named) = std::env::var_os("FERROLB_LAB") {
        return Ok(named.into());
    }
    let prepared = Checkout::find()?.labs().join("bin/ferrolb-lab");
    ensure!(prepared.is_file(), "{} is missing: run hack/prepare.sh", prepared.display());
    Ok(prepared)
}

fn end(folder: &Path, state: &State) -> Result<()> {
    if state.is_running() {
        kill(Pid::from_raw(state.supervisor), Signal::SIGTERM)?;
    }
    wait("the lab's processes end", DOWN_WITHIN, || !state.is_running())?;
    // The keeper clears up; when it was killed, this does.
    wait("the lab's keeper ends", DOWN_WITHIN, || !state.keeper_is_running())?;
    keeper::clear(folder, &state.cgroup)
}
