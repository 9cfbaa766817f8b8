//! The command line.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::checkout::Checkout;
use crate::image::Image;
use crate::inflict::Fault;
use crate::lab::Lab;
use crate::plan::{Families, KubeProxy, Options};
use crate::state::State;
use crate::world::{enter, init, join, keeper, manager};
use crate::{node, pause, preflight, probe, serve};

/// A real Kubernetes cluster in private namespaces of this machine.
#[derive(Debug, Parser)]
#[command(name = "ferrolb-lab", version)]
struct Cli {
    /// Which lab; several can run side by side.
    #[arg(long, global = true, default_value = "default")]
    name: String,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Bring a lab up and return when it works.
    Up {
        /// Number of nodes.
        #[arg(long, default_value_t = 3)]
        nodes: u8,
        /// Number of hosts for routing programs, r1…
        #[arg(long, default_value_t = 0)]
        routers: u8,
        /// Network, nodes and clients only, without Kubernetes.
        #[arg(long)]
        no_cluster: bool,
        /// Families of addresses.
        #[arg(long, value_enum, default_value_t)]
        families: Families,
        /// Write down what pods change through the API: log/audit.log.
        #[arg(long)]
        audit: bool,
        /// A second segment at every node's eth1, with client2.
        #[arg(long)]
        second_segment: bool,
        /// What kube-proxy makes its rules with.
        #[arg(long, value_enum, default_value_t)]
        kube_proxy: KubeProxy,
    },
    /// End the lab; only its logs stay.
    Down,
    /// Say what runs where.
    Status,
    /// Let something go wrong.
    #[command(subcommand)]
    Fault(Fault),
    /// A shell on n1…, r1…, client, client-routed, router, sw or cp.
    Shell {
        /// Where.
        place: String,
    },
    /// Run a command there.
    Exec {
        /// Where.
        place: String,
        /// What.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// kubectl as administrator of the lab's cluster.
    Kubectl {
        /// kubectl's arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Show the end of each log, or of those whose names begin so.
    Logs {
        /// Beginning of the logs' names: `n1`, `kube-apiserver`, …
        #[arg(default_value = "")]
        prefix: String,
        /// Lines of each.
        #[arg(long, default_value_t = 20)]
        tail: usize,
    },
    /// Import image tars into every node of the running lab.
    Load {
        /// docker-archive tars.
        #[arg(required = true)]
        images: Vec<PathBuf>,
    },
    /// Print all that keeps this machine from running labs, each with what to do.
    Preflight {
        /// Nodes that the lab is to have.
        #[arg(long, default_value_t = 3)]
        nodes: u8,
    },
    /// Watch a VIP from here to the millisecond; JSON lines on standard output. Run it in a client.
    Probe(probe::Target),
    /// Serve as the prober's counterpart: UDP and TCP echo.
    Serve(serve::Serve),
    /// Make a container image (a docker-archive tar) from a static binary.
    Image {
        /// The tar to write.
        #[arg(long)]
        out: PathBuf,
        /// Full name with tag; can be repeated.
        #[arg(long, required = true)]
        reference: Vec<String>,
        /// The binary; it becomes the entrypoint, in the top folder.
        binary: PathBuf,
    },
    /// The programs that a lab consists of.
    #[command(subcommand, hide = true)]
    Internal(Internal),
}

#[derive(Debug, Subcommand)]
enum Internal {
    Keeper(keeper::Keeper),
    Enter(enter::Enter),
    Init(init::Init),
    Join(join::Join),
    Run(join::Run),
    Manager,
    Node { name: String },
    RealtimeHook,
    Pause,
}

/// Does what the arguments say; errors go to standard error as one sentence.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ferrolb-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.action {
        Action::Up { nodes, routers, no_cluster, families, audit, second_segment, kube_proxy } => {
            let (name, cluster) = (cli.name, !no_cluster);
            up(&Options { name, nodes, routers, cluster, families, audit, second_segment, kube_proxy })?;
        }
        Action::Down => Lab::down_named(&cli.name)?,
        Action::Status => status(&cli.name)?,
        Action::Fault(fault) => fault.inflict(&Lab::attach(&cli.name)?)?,
        Action::Shell { place } => return exec(&cli.name, &place, &["bash".to_owned()]),
        Action::Exec { place, command } => return exec(&cli.name, &place, &command),
        Action::Kubectl { arguments } => {
            return pass(Lab::attach(&cli.name)?.kubectl_command().args(arguments));
        }
        Action::Logs { prefix, tail } => logs(&cli.name, &prefix, tail)?,
        Action::Load { images } => Lab::attach(&cli.name)?.load_images(&images)?,
        Action::Preflight { nodes } => return preflight::run(nodes),
        Action::Probe(target) => probe::run(&target)?,
        Action::Serve(args) => serve::run(&args)?,
        Action::Image { out, reference, binary } => image(&out, reference, &binary)?,
        Action::Internal(internal) => return run_internal(internal),
    }
    Ok(ExitCode::SUCCESS)
}

fn run_internal(internal: Internal) -> Result<ExitCode> {
    match internal {
        Internal::Keeper(args) => keeper::run(&args),
        Internal::Enter(args) => enter::run(&args),
        Internal::Init(args) => init::run(&args),
        Internal::Join(args) => join::join(&args),
        Internal::Run(args) => join::run(&args),
        Internal::Manager => manager::run(),
        Internal::Node { name } => node::run(&name),
        Internal::RealtimeHook => node::realtime::hook().map(|()| ExitCode::SUCCESS),
        Internal::Pause => pause::run().map(|()| ExitCode::SUCCESS),
    }
}

fn up(options: &Options) -> Result<()> {
    let lab = Lab::up_telling(options, |line| println!("{line}"))?;
    println!("The lab {} is up.", options.name);
    if options.cluster {
        println!("  export KUBECONFIG={}", lab.state().kubeconfig.display());
    }
    println!("  ferrolb-lab shell client     (or n1 … n{}, client-routed, router, sw, cp)", options.nodes);
    println!("  ferrolb-lab down");
    Ok(())
}

fn status(name: &str) -> Result<()> {
    let folder = Checkout::find()?.lab(name);
    let Some(state) = State::read(&folder)?.filter(State::is_running) else {
        println!("The lab {name} is not up.");
        return Ok(());
    };
    println!("The lab {name} is up: process {}, logs in {}.", state.supervisor, folder.join("log").display());
    if state.options.cluster {
        println!("  export KUBECONFIG={}", state.kubeconfig.display());
        pass(Lab::attach(name)?.kubectl_command().args(["get", "nodes", "-o", "wide"]))?;
    }
    Ok(())
}

fn exec(name: &str, place: &str, command: &[String]) -> Result<ExitCode> {
    pass(&mut Lab::attach(name)?.space(place)?.command(command)?)
}

fn pass(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

fn logs(name: &str, prefix: &str, tail: usize) -> Result<()> {
    let folder = Checkout::find()?.lab(name).join("log");
    let listed = std::fs::read_dir(&folder).with_context(|| format!("no logs in {}", folder.display()))?;
    let mut files: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)));
    files.sort();
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file)?).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        println!("==> {}", file.display());
        lines[lines.len().saturating_sub(tail)..].iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}

fn image(out: &std::path::Path, references: Vec<String>, binary: &std::path::Path) -> Result<()> {
    let name = binary.file_name().context("the binary is not a file")?.to_string_lossy();
    let inside = format!("/{name}");
    let files = vec![(binary.to_path_buf(), inside.clone())];
    Image { references, files, entrypoint: vec![inside], command: Vec::new() }.write(out)
}
