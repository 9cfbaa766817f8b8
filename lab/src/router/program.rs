//! The routing programs of the root file system, and how each is run. They are started as on any machine, with the paths that
//! their packages give them: a router has files of its own.

use nix::sys::signal::Signal;

/// A routing program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouterProgram {
    /// BIRD 2; asked with `birdc`.
    Bird,
    /// FRR: zebra, bgpd and bfdd; asked with `vtysh`.
    Frr,
    /// GoBGP, configured in YAML; asked with `gobgp`.
    GoBgp,
    /// OpenBGPD; asked with `bgpctl`.
    OpenBgpd,
    /// ExaBGP, which has no routing table of its own; asked with `exabgpcli`.
    ExaBgp,
}

/// How one is run. Commands run on the router.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe {
    /// Where its configuration is.
    pub(super) file: &'static str,
    /// What a shell does before each start.
    pub(super) prepare: &'static str,
    /// Its daemons, in the order of their start; they stay in the foreground and log to their standard streams.
    pub(super) daemons: &'static [&'static [&'static str]],
    /// What the first of them is told beside, when it comes back after it was killed.
    pub(super) recover: &'static [&'static str],
    /// What a shell can do once all of them answer.
    pub(super) ready: &'static str,
    /// Makes them read the configuration, where they do not by themselves.
    pub(super) load: Option<&'static [&'static str]>,
    /// Tells them that the configuration changed.
    pub(super) reload: Reload,
    /// The control tool.
    pub(super) control: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Reload {
    Command(&'static [&'static str]),
    Signal(Signal),
}

impl RouterProgram {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bird, Self::Frr, Self::GoBgp, Self::OpenBgpd, Self::ExaBgp];

    /// Its name in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bird => "bird",
            Self::Frr => "frr",
            Self::GoBgp => "gobgp",
            Self::OpenBgpd => "openbgpd",
            Self::ExaBgp => "exabgp",
        }
    }

    pub(super) fn recipe(self) -> Recipe {
        match self {
            Self::Bird => BIRD,
            Self::Frr => FRR,
            Self::GoBgp => GOBGP,
            Self::OpenBgpd => OPENBGPD,
            Self::ExaBgp => EXABGP,
        }
    }
}

const BIRD: Recipe = Recipe {
    file: "/etc/bird/bird.conf",
    prepare: "mkdir -p /run/bird",
    daemons: &[&["bird", "-f"]],
    // Its peers then keep what it announced (RFC 4724), where that was agreed.
    recover: &["-R"],
    ready: "birdc show status",
    load: None,
    reload: Reload::Command(&["birdc", "configure"]),
    control: &["birdc"],
};

/// The daemons take their configuration from vtysh, as the package's service does it.
const FRR: Recipe = Recipe {
    file: "/etc/frr/frr.conf",
    prepare: "install -d -o frr -g frr /run/frr; rm -f /run/frr/zserv.api; touch /etc/frr/vtysh.conf",
    daemons: &[
        &["/usr/lib/frr/zebra", "--log", "stdout", "-A", "127.0.0.1"],
        &["sh", "-ec", AFTER_ZEBRA, "/usr/lib/frr/bfdd", "--log", "stdout", "-A", "127.0.0.1"],
        &["sh", "-ec", AFTER_ZEBRA, "/usr/lib/frr/bgpd", "--log", "stdout", "-A", "127.0.0.1"],
    ],
    recover: &[],
    ready: "for daemon in zebra bfdd bgpd; do vtysh -d $daemon -c 'show version'; done",
    load: Some(&["vtysh", "-b"]),
    reload: Reload::Command(&["/usr/lib/frr/frr-reload"]),
    control: &["vtysh", "-c"],
};

/// A daemon that finds no zebra tries again after ten seconds, and is configured without it meanwhile.
const AFTER_ZEBRA: &str = r#"until [ -S /run/frr/zserv.api ]; do sleep 0.02; done; exec "$0" "$@""#;

const GOBGP: Recipe = Recipe {
    file: "/etc/gobgpd.yaml",
    prepare: "",
    daemons: &[&["gobgpd", "-t", "yaml", "-f", "/etc/gobgpd.yaml", "--pprof-disable"]],
    recover: &[],
    ready: "gobgp global",
    load: None,
    reload: Reload::Signal(Signal::SIGHUP),
    control: &["gobgp"],
};

/// It puts its control socket there and makes it its root.
const OPENBGPD: Recipe = Recipe {
    file: "/etc/bgpd.conf",
    prepare: "mkdir -p /run/openbgpd",
    daemons: &[&["bgpd", "-d", "-f", "/etc/bgpd.conf"]],
    recover: &[],
    ready: "bgpctl show",
    load: None,
    reload: Reload::Command(&["bgpctl", "reload"]),
    control: &["bgpctl"],
};

/// Its control tool talks through two pipes, which ExaBGP expects to find; the tool waits five seconds where nobody has opened them. At its start it asks for the name of its host, and waits
/// five seconds for a DNS server where /etc/hosts does not have it.
const EXABGP: Recipe = Recipe {
    file: "/etc/exabgp/exabgp.conf",
    prepare: "echo 127.0.0.1 $(hostname) > /etc/hosts
mkdir -p /run/exabgp
for way in in out; do test -p /run/exabgp/exabgp.$way || mkfifo -m 600 /run/exabgp/exabgp.$way; done",
    daemons: &[&[
        "env",
        "exabgp.daemon.user=root",
        "exabgp.daemon.daemonize=false",
        "exabgp.log.destination=stdout",
        "exabgp",
        "/etc/exabgp/exabgp.conf",
    ]],
    recover: &[],
    ready: "ls -l /proc/[0-9]*/fd | grep -q /run/exabgp/exabgp.in && exabgpcli version",
    load: None,
    reload: Reload::Signal(Signal::SIGUSR1),
    control: &["exabgpcli"],
};
