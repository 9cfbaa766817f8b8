//! Command line and environment.

use std::net::SocketAddr;

use clap::Parser;
use ferrolb_runtime::logs::LogFormat;

/// Gives addresses to Services of type LoadBalancer and tells the speakers who announces them.
#[derive(Clone, Debug, Parser)]
#[command(name = "ferrolb-controller", version)]
pub struct Args {
    /// FerroLB's namespace, where the lease and the heartbeat key live.
    #[arg(long, env = "POD_NAMESPACE", default_value = "ferrolb-system")]
    pub namespace: String,

    /// This process' name in the lease and in Events; the pod's name.
    #[arg(long, env = "POD_NAME", default_value = "ferrolb-controller")]
    pub name: String,

    /// Whether Services without a loadBalancerClass are served. Those of class ferrolb.io/lb always are.
    #[arg(long, env = "FERROLB_DEFAULT_CLASS", default_value_t = true, action = clap::ArgAction::Set)]
    pub default_class: bool,

    /// Whether a Service that is deleted stays until its addresses are announced nowhere any more. Needs the permission
    /// to patch Services: deploy/components/cleanup-finalizer.
    #[arg(long, env = "FERROLB_CLEANUP_FINALIZER", default_value_t = false, action = clap::ArgAction::Set,
        num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub cleanup_finalizer: bool,

    /// Where /metrics, /healthz and /readyz are served.
    #[arg(long, env = "FERROLB_ADMIN_ADDRESS", default_value = "[::]:7472")]
    pub admin_address: SocketAddr,

    /// How log lines look; RUST_LOG sets their level.
    #[arg(long, env = "FERROLB_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
}
