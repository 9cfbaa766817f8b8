//! The lab's network: one switch, everybody's cable to it, a router, and a client behind that.
//!
//! ```text
//!   cp   n1 … n7   r1 … r9   client                 client-routed
//!    |    |         |         |                          |
//!  [====== sw, 192.0.2.0/24 ===========]--router--[ 198.51.100.0/24 ]
//! ```
//! Every name is a network namespace; the port of the switch has the name of who is at its other end. Where a second
//! segment is asked for, the nodes' `eth1` and one more client are at `br1` of the same switch: 203.0.113.0/24.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::plan::{
    CLIENT, CLIENT_ROUTED, CLIENT_SECOND, CONTROL_PLANE, Families, Host, NodePlan, Options, POD_V4, POD_V6,
    ROUTER, ROUTER_FAR, RouterPlan, SWITCH,
};
use crate::world::in_netns;

/// Where the network namespace `name` is, inside the lab.
pub(crate) fn netns(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

/// Makes all namespaces and links.
pub(crate) fn make(nodes: &[NodePlan], routers: &[RouterPlan], options: &Options) -> Result<()> {
    let families = options.families;
    let mut hosts = vec![CONTROL_PLANE, CLIENT, ROUTER, CLIENT_ROUTED];
    hosts.extend(options.second_segment.then_some(CLIENT_SECOND));
    let machines = nodes.iter().map(|node| node.name.as_str());
    let machines = machines.chain(routers.iter().map(|router| router.name.as_str()));
    let mut batch = format!("netns add {SWITCH}\n");
    for name in hosts.iter().map(|host| host.name).chain(machines) {
        writeln!(batch, "netns add {name}")?;
    }
    ip(&batch)?;
    in_netns(&netns(SWITCH), || switch(nodes, routers))?;
    in_netns(&netns(CONTROL_PLANE.name), || {
        on_segment((CONTROL_PLANE.v4, CONTROL_PLANE.v6), families)?;
        pod_routes(nodes, None, families)
    })?;
    in_netns(&netns(CLIENT.name), || on_segment((CLIENT.v4, CLIENT.v6), families))?;
    in_netns(&netns(ROUTER.name), || gateway(families))?;
    for router in routers {
        in_netns(&netns(&router.name), || {
            on_segment((router.v4, router.v6), families)?;
            sysctls(&FORWARDS)
        })?;
    }
    in_netns(&netns(CLIENT_ROUTED.name), || {
        plain_sysctls()?;
        ip(&addresses("eth0", (CLIENT_ROUTED.v4, CLIENT_ROUTED.v6), families))?;
        ip(&routes("default", "default", (ROUTER_FAR.v4, ROUTER_FAR.v6), families))
    })?;
    nodes.iter().try_for_each(|node| in_netns(&netns(&node.name), || node_network(node, nodes, families)))?;
    if options.second_segment { second_segment(nodes, families) } else { Ok(()) }
}

fn second_segment(nodes: &[NodePlan], families: Families) -> Result<()> {
    let mut batch = String::from("link add br1 type bridge stp_state 0 mcast_snooping 0\nlink set br1 up\n");
    let (client, mac) = (CLIENT_SECOND.name, CLIENT_SECOND.mac());
    writeln!(batch, "link add {client} type veth peer name eth0 address {mac} netns {client}")?;
    writeln!(batch, "link set {client} master br1 up")?;
    for node in nodes {
        let (port, name, mac) = (&node.second.port, &node.name, &node.second.mac);
        writeln!(batch, "link add {port} type veth peer name eth1 address {mac} netns {name}")?;
        writeln!(batch, "link set {port} master br1 up")?;
    }
    in_netns(&netns(SWITCH), || ip(&batch))?;
    in_netns(&netns(client), || {
        plain_sysctls()?;
        ip(&addresses("eth0", (CLIENT_SECOND.v4, CLIENT_SECOND.v6), families))
    })?;
    nodes.iter().try_for_each(|node| {
        in_netns(&netns(&node.name), || {
            sysctls(&[("ipv6/conf/eth1/accept_dad", "0")])?;
            ip(&addresses("eth1", (node.second.v4, node.second.v6), families))
        })
    })
}

fn switch(nodes: &[NodePlan], routers: &[RouterPlan]) -> Result<()> {
    // A switch has no addresses and does not route: nothing of its own on the wire, no packet through hooks
    // other than the bridge's.
    sysctls(&[("ipv6/conf/default/disable_ipv6", "1"), ("ipv6/conf/all/disable_ipv6", "1")])?;
    for name in ["iptables", "ip6tables", "arptables"] {
        let file = format!("/proc/sys/net/bridge/bridge-nf-call-{name}");
        if Path::new(&file).exists() {
            std::fs::write(&file, "0").with_context(|| format!("cannot write {file}"))?;
        }
    }
    let mut batch = String::from("link set lo up\n");
    writeln!(batch, "link add br0 type bridge stp_state 0 mcast_snooping 0\nlink set br0 up")?;
    let hosts = [CONTROL_PLANE, CLIENT, ROUTER];
    let on_segment = hosts.iter().map(|host| (host.name, host.mac()));
    let nodes = nodes.iter().map(|node| (node.name.as_str(), node.mac.clone()));
    let routers = routers.iter().map(|router| (router.name.as_str(), router.mac.clone()));
    for (name, mac) in on_segment.chain(nodes).chain(routers) {
        writeln!(batch, "link add {name} type veth peer name eth0 address {mac} netns {name}")?;
        writeln!(batch, "link set {name} master br0 up")?;
    }
    let (far, router) = (ROUTER_FAR.mac(), ROUTER.name);
    let (client, client_mac) = (CLIENT_ROUTED.name, CLIENT_ROUTED.mac());
    // Made here, then both ends moved: the cable between router and far client does not pass the switch.
    writeln!(
        batch,
        "link add far address {far} type veth peer name eth0 address {client_mac} netns {client}"
    )?;
    writeln!(batch, "link set far netns {router} name eth1")?;
    ip(&batch)?;
    nft(RULES)
}

/// What ports do to frames on purpose; `crate::switch` fills the sets. From and to `silent` ports nothing passes, though they
/// keep their carrier; `filtered_from` and `filtered_to` keep frames of one group from passing one port; `capped` leads to the
/// port's limit; `lossy` says by two ports what happens to frames from one to the other.
const RULES: &str = "table bridge lab {
  set silent { type ifname; }
  set filtered_from { type ifname . ether_addr; }
  set filtered_to { type ifname . ether_addr; }
  map capped { type ifname : verdict; }
  map lossy { type ifname . ifname : verdict; }
  chain from {
    type filter hook prerouting priority -300;
    iifname @silent drop
    iifname . ether daddr @filtered_from drop
    iifname vmap @capped
  }
  chain between {
    type filter hook forward priority 0;
    iifname . oifname vmap @lossy
    oifname . ether daddr @filtered_to drop
  }
  chain to { type filter hook postrouting priority 300; oifname @silent drop; }
}
";

fn gateway(families: Families) -> Result<()> {
    plain_sysctls()?;
    sysctls(&FORWARDS)?;
    let leg = |device: &str, host: &Host| addresses(device, (host.v4, host.v6), families);
    ip(&(leg("eth0", &ROUTER) + &leg("eth1", &ROUTER_FAR)))
}

fn on_segment(own: (Ipv4Addr, Ipv6Addr), families: Families) -> Result<()> {
    plain_sysctls()?;
    let gateway = routes("default", "default", (ROUTER.v4, ROUTER.v6), families);
    ip(&(addresses("eth0", own, families) + &gateway))
}

fn node_network(node: &NodePlan, nodes: &[NodePlan], families: Families) -> Result<()> {
    on_segment((node.v4, node.v6), families)?;
    sysctls(&FORWARDS)?;
    pod_routes(nodes, Some(node), families)?;
    // Pods reach the world under their node's address.
    nft(&format!(
        "table inet lab {{
  chain post {{
    type nat hook postrouting priority 110;
    ip saddr {} ip daddr != {{ {POD_V4}, 192.0.2.0/24 }} masquerade
    ip6 saddr {} ip6 daddr != {{ {POD_V6}, 2001:db8:1::/64 }} masquerade
  }}
}}
",
        node.pod_v4, node.pod_v6
    ))
}

fn pod_routes(nodes: &[NodePlan], without: Option<&NodePlan>, families: Families) -> Result<()> {
    let others = nodes.iter().filter(|node| without.is_none_or(|own| own.name != node.name));
    let batch = others.map(|node| routes(&node.pod_v4, &node.pod_v6, (node.v4, node.v6), families));
    ip(&batch.collect::<String>())
}

fn addresses(device: &str, (v4, v6): (Ipv4Addr, Ipv6Addr), families: Families) -> String {
    let mut batch = format!("link set lo up\nlink set {device} up\naddr add {v6}/64 dev {device} nodad\n");
    if families.has_v4() {
        batch += &format!("addr add {v4}/24 dev {device}\n");
    }
    batch
}

fn routes(to_v4: &str, to_v6: &str, (via_v4, via_v6): (Ipv4Addr, Ipv6Addr), families: Families) -> String {
    let mut batch = format!("route add {to_v6} via {via_v6}\n");
    if families.has_v4() {
        batch += &format!("route add {to_v4} via {via_v4}\n");
    }
    batch
}

const FORWARDS: [(&str, &str); 2] = [("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")];

/// Addresses are given by hand and hold at once.
fn plain_sysctls() -> Result<()> {
    sysctls(&[
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/eth0/accept_dad", "0"),
        ("ipv6/conf/all/accept_ra", "0"),
        ("ipv6/conf/default/accept_ra", "0"),
    ])
}

/// Writes `/proc/sys/net/NAME` of the calling thread's namespace.
fn sysctls(values: &[(&str, &str)]) -> Result<()> {
    values.iter().try_for_each(|(name, value)| {
        let file = format!("/proc/sys/net/{name}");
        std::fs::write(&file, value).with_context(|| format!("cannot write {file}"))
    })
}

fn ip(batch: &str) -> Result<()> {
    feed(Command::new("ip").args(["-batch", "-"]), batch)
}

fn nft(rules: &str) -> Result<()> {
    feed(Command::new("nft").args(["-f", "-"]), rules)
}

fn feed(command: &mut Command, input: &str) -> Result<()> {
    let mut child =
        command.stdin(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
    child.stdin.take().expect("the input was asked for").write_all(input.as_bytes())?;
    let status = child.wait()?;
    ensure!(status.success(), "{command:?} refused:\n{input}");
    Ok(())
}
