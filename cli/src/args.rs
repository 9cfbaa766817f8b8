//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::duration::Timeout;

/// Says why a Service has the address it has, or has none; what an edit of pools would change; whether FerroLB is well.
/// It reads; only drain and rebalance write, a label on a Node and an annotation on L2Advertisements.
///
/// Exit codes: 0 all is well, 1 it could not be found out (a misspelt name, no cluster, no permission), 2 it was found
/// out and something is broken, would change, or is refused.
#[derive(Clone, Debug, Parser)]
#[command(name = "kubectl-ferrolb", bin_name = "kubectl ferrolb", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The kubeconfig file; otherwise those that KUBECONFIG lists, ~/.kube/config, or the pod's own account.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The namespace of the Services named; otherwise the context's.
    #[arg(long, short = 'n', global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Services of every namespace.
    #[arg(long, short = 'A', global = true, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// The user to act as.
    #[arg(long = "as", global = true, value_name = "USER")]
    pub(crate) impersonate: Option<String>,
    /// A group to act as; may be repeated.
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "impersonate")]
    pub(crate) impersonate_groups: Vec<String>,
    /// How long to wait for one answer: 500ms, 5s, 1m; 0 waits for ever.
    #[arg(long, global = true, value_name = "DURATION", default_value = "10s")]
    pub(crate) request_timeout: Timeout,
    /// How to print.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// The namespace that FerroLB is installed in.
    #[arg(long, global = true, value_name = "NAME", default_value = FERROLB_NAMESPACE)]
    pub(crate) ferrolb_namespace: String,
}

/// The namespace that FerroLB is installed in, if nobody says otherwise.
pub(crate) const FERROLB_NAMESPACE: &str = "ferrolb-system";

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For people, with more columns.
    Wide,
    /// For programs; docs/cli.md describes the fields.
    Json,
    /// The same fields as YAML.
    Yaml,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Why a Service has the address it has, or has none: the chain from its class to the speaker that answers, its first
    /// broken link marked.
    Explain(Explain),
    /// Pools: how much of each is in use, by whom (-o wide), what is wrong with it.
    Pools(Pools),
    /// Layer 2: who answers for each VIP, and which speakers there are.
    #[command(subcommand)]
    L2(L2),
    /// BGP: the sessions of nodes with peers, and which prefixes peers should be told.
    #[command(subcommand)]
    Bgp(Bgp),
    /// Takes all VIPs off a node, and says when they are; --undo lets it have VIPs again.
    Drain(Drain),
    /// Moves VIPs, as few as can be, until every node has its share; --dry-run only says which.
    Rebalance(Rebalance),
    /// Which Services an edit of pools would change, and why, before it is applied.
    Plan(Plan),
    /// Whether manifests of FerroLB's kinds would be accepted, in the API server's words, and fit each other; needs no
    /// cluster.
    Validate(Validate),
    /// Whether FerroLB is well: controller, speakers, pools, Services, and what to do about what is not.
    Status,
    /// Versions of this program, the controller, the speakers and Kubernetes.
    Version(Version),
    /// A completion script for the shell, to standard output.
    Completion(Completion),
}

/// `explain`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Explain {
    /// Services: `svc/NAME`, `service/NAME`, `svc NAME...` or `NAME`. None: a line for each Service of type LoadBalancer.
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Only those with a broken link.
    #[arg(long)]
    pub(crate) broken: bool,
}

/// `pools`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Pools {
    /// Pools by name; none: every pool.
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// `l2`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum L2 {
    /// Who answers for each VIP, since when, and why, by what the speakers report.
    Owners(Owners),
    /// The nodes' speakers: their interfaces and segments, whom they hear, and what keeps them from answering.
    Members(Members),
}

/// `l2 owners`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Owners {
    /// VIPs by address, or Services: `svc/NAME`, `service/NAME` or `NAME`. None: every VIP, with -n those of the namespace's
    /// Services.
    #[arg(value_name = "ADDRESS|SERVICE")]
    pub(crate) names: Vec<String>,
}

/// `l2 members`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Members {
    /// Nodes by name; none: every node.
    #[arg(value_name = "NODE")]
    pub(crate) names: Vec<String>,
}

/// `bgp`.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Bgp {
    /// The session of every node with every BGPPeer that selects it: where it is, since when, and what is wrong with it.
    Peers(Peers),
    /// Which prefixes each BGPPeer should be told, by which nodes, with which attributes, and why.
    Routes(Routes),
}

/// `bgp peers`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Peers {
    /// BGPPeers by name; none: every one.
    #[arg(value_name = "BGPPEER")]
    pub(crate) names: Vec<String>,
    /// Sessions of this node only; may be repeated.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Vec<String>,
}

/// `bgp routes`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Routes {
    /// Prefixes, addresses (every prefix they lie in), or Services: `svc/NAME`, `service/NAME` or `NAME`. None: every prefix, with
    /// -n those of the namespace's Services.
    #[arg(value_name = "PREFIX|ADDRESS|SERVICE")]
    pub(crate) names: Vec<String>,
    /// What this BGPPeer is told only; may be repeated.
    #[arg(long, value_name = "BGPPEER")]
    pub(crate) peer: Vec<String>,
    /// What this node tells only; may be repeated.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Vec<String>,
}

/// `drain`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the node answers for nothing, 2 it does still, or is left as it is, 1 it could not be found out."
)]
pub(crate) struct Drain {
    /// The node, by name.
    #[arg(value_name = "NODE")]
    pub(crate) node: String,
    /// Take the label off again: the node may have VIPs.
    #[arg(long)]
    pub(crate) undo: bool,
    /// Drain it though there are VIPs that no other node may announce, which are then answered by nobody.
    #[arg(long, conflicts_with = "undo")]
    pub(crate) force: bool,
    /// How long to wait until its VIPs are elsewhere: 30s, 5m; 0 waits for ever.
    #[arg(long, value_name = "DURATION", default_value = "60s")]
    pub(crate) timeout: Timeout,
}

/// `rebalance`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Exit codes: 0 it was asked for, or nothing would move; 2 with --dry-run something would; 1 it could not be found out."
)]
pub(crate) struct Rebalance {
    /// L2Advertisements by name, whose VIPs may move; none: all of them.
    #[arg(value_name = "L2ADVERTISEMENT")]
    pub(crate) names: Vec<String>,
    /// Only say which VIPs would move.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `plan`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing would change, 2 something would, 1 it could not be found out.")]
pub(crate) struct Plan {
    /// A manifest, a folder of them (*.yaml, *.yml, *.json), or - for standard input; may be repeated. Pools count, and
    /// Services and Namespaces; other kinds do not touch addresses.
    #[arg(long, short, value_name = "FILE|DIR|-", required_unless_present = "delete")]
    pub(crate) filename: Vec<String>,
    /// A pool to be deleted, after the manifests are applied; may be repeated.
    #[arg(long, value_name = "pool/NAME")]
    pub(crate) delete: Vec<String>,
}

/// `validate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Exit codes: 0 all is accepted, 2 something is refused, 1 it could not be found out.")]
pub(crate) struct Validate {
    /// A manifest, a folder of them (*.yaml, *.yml, *.json), or - for standard input; may be repeated.
    #[arg(long, short, value_name = "FILE|DIR|-", required = true)]
    pub(crate) filename: Vec<String>,
    /// Whether they fit what is in the cluster too.
    #[arg(long)]
    pub(crate) server: bool,
}

/// `version`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Version {
    /// Of this program only.
    #[arg(long)]
    pub(crate) client: bool,
}

/// `completion`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Completion {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}
