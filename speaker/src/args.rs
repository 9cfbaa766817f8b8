use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ferrolb_ownership::{NodeName, Settings};
use ferrolb_runtime::logs::LogFormat;

use crate::interfaces::{DEFAULT_EXCLUDE, Globs};

/// Answers for VIPs on its node.
#[derive(Clone, Debug, Parser)]
#[command(version, about)]
pub struct Options {
    /// The name Kubernetes knows this node by; without a cluster, the name slices know this machine by.
    #[arg(long = "node", env = "NODE_NAME", value_parser = parse_node)]
    pub node: NodeName,

    /// Work without a cluster, from the AnnouncementSlices in this folder.
    ///
    /// Every *.yaml, *.yml and *.json file is read, and read again when it changes; a broken file keeps its last good
    /// version. A file `cluster` holds a name that all speakers of a segment share (`default` without one), a file
    /// `heartbeat.key` their secret: 16 bytes or more, or base64 of 32. Without one anybody on the segment can forge
    /// claims.
    #[arg(long, env = "FERROLB_STANDALONE", value_name = "DIR")]
    pub standalone: Option<PathBuf>,

    /// Where /metrics, /healthz and /readyz are served. Kubelet's probes come to the node's address.
    #[arg(long, env = "FERROLB_ADMIN_ADDRESS", default_value = "[::]:7473")]
    pub admin_address: SocketAddr,

    /// How log lines look; RUST_LOG chooses how many there are.
    #[arg(long, env = "FERROLB_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,

    /// The folder with the heartbeat keys, files key-1, key-2, …: the highest number signs, the one before is accepted
    /// too.
    #[arg(
        long,
        env = "FERROLB_HEARTBEAT_KEYS",
        value_name = "DIR",
        default_value = "/etc/ferrolb/heartbeat"
    )]
    pub heartbeat_keys: PathBuf,

    /// Where the last good configuration is kept for a restart while the API server is away.
    #[arg(long, env = "FERROLB_STATE_DIR", value_name = "DIR", default_value = "/run/ferrolb/speaker")]
    pub state_dir: PathBuf,

    /// The DaemonSet, in the speaker's namespace, that runs it: once that is gone or no longer selects the node, BGP peers are asked
    /// to leave it before the speaker ends. Without a name only the node is looked at.
    #[arg(long, env = "FERROLB_DAEMON_SET", value_name = "NAME")]
    pub daemon_set: Option<String>,

    /// Most gratuitous frames a second on an interface; storm control may shut a port that sends more.
    #[arg(long, env = "FERROLB_GRATUITOUS_RATE", value_name = "FRAMES",
          default_value_t = Settings::DEFAULT_GRATUITOUS_RATE, value_parser = clap::value_parser!(u32).range(1..))]
    pub gratuitous_rate: u32,

    /// How soon a speaker counts as silent, the same on all of a segment: after a tenth of a second, or after one whole second on
    /// networks and machines that stand still now and then, such as Wi-Fi and virtual machines that migrate live.
    #[arg(long, env = "FERROLB_TIMING", value_enum, default_value_t)]
    pub timing: TimingProfile,

    /// Interfaces that never serve a VIP: names or globs, separated by commas, in place of the default list.
    #[arg(long, env = "FERROLB_INTERFACE_EXCLUDE", value_name = "GLOBS", default_value = DEFAULT_EXCLUDE,
          value_parser = parse_globs)]
    pub interface_exclude: Globs,
}

/// How soon silence is found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TimingProfile {
    /// As soon as the wire thread's scheduling permits.
    #[default]
    Quick,
    /// Heartbeats each 200 ms, of which five may be missed.
    Relaxed,
}

fn parse_node(name: &str) -> Result<NodeName, String> {
    NodeName::new(name).map_err(|error| error.to_string())
}

fn parse_globs(list: &str) -> Result<Globs, std::convert::Infallible> {
    Ok(Globs::parse(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let options = Options::try_parse_from(["ferrolb-speaker", "--node", "a"]).unwrap();
        assert_eq!(options.admin_address.to_string(), "[::]:7473");
        assert!(options.interface_exclude.matches("veth1234") && !options.interface_exclude.matches("eth0"));
        assert_eq!(options.gratuitous_rate, 10_000);
        assert_eq!(options.timing, TimingProfile::Quick);
    }

    #[test]
    fn a_node_needs_a_name() {
        assert!(Options::try_parse_from(["ferrolb-speaker", "--node", ""]).is_err());
    }
}
