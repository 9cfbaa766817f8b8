//! A router with several paths to one prefix spreads over them what it forwards.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::probe::{Target, Witness};
use ferrolb_lab::{Lab, RouterProgram, Running, wait};
use ferrolb_tests::routing::{Instance, Peer, Route, SETTLED, Session};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, node_v4, router_v4};

const VIP: &str = "203.0.113.1";
const PORT: u16 = 7777;

/// FRR hears one prefix with two next hops, of machines that serve it, and new connections reach both; once one path is withdrawn, only
/// the other machine.
#[test]
fn routers_frr_spreads_connections_over_its_paths() {
    let rig = Rig::up("paths", 2, 3);
    let _servers: Vec<Running> = ["n1", "n2"].map(|node| serve(&rig, node)).into();
    let router = rig.space("r1").unwrap();
    // By ports too, and without telling the client of a shorter way.
    let settings = ["net.ipv4.fib_multipath_hash_policy=1", "net.ipv4.conf.all.send_redirects=0"];
    router
        .check(["sysctl", "-qw"].iter().chain(&settings).chain(&["net.ipv4.conf.eth0.send_redirects=0"]))
        .unwrap();
    rig.client().check(["ip", "route", "add", VIP, "via", &router_v4(1).to_string()]).unwrap();

    let sessions = [2, 3].map(|number| Session::new(router_v4(1), router_v4(number), OTHER));
    let _frr = Peer::start(&rig, "r1", RouterProgram::Frr, Instance::new(OWN, router_v4(1), &sessions));
    let prefix: IpNet = format!("{VIP}/32").parse().unwrap();
    let announcer = |number| {
        let session = Session::new(router_v4(number), router_v4(1), OWN);
        let route = Route::to(node_v4(number - 1).into());
        let instance = Instance::new(OTHER, router_v4(number), &[session]).announcing(&[(prefix, route)]);
        Peer::start(&rig, &format!("r{number}"), RouterProgram::Bird, instance)
    };
    let (_first, mut second) = (announcer(2), announcer(3));
    let paths = || router.check(["ip", "route", "show", VIP]).unwrap().matches("via 192.0.2.1").count();
    wait("both paths are in the kernel", SETTLED, || paths() == 2).unwrap();
    let counted = connections(&rig);
    println!("connections over two paths: {counted:?}");
    let least = counted.iter().sum::<u64>() / 4;
    assert!(least > 20 && counted.iter().all(|count| *count > least), "{counted:?}");

    let mut nothing = second.instance().clone();
    nothing.announced.clear();
    second.reconfigure(nothing);
    wait("one path is left", SETTLED, || {
        let shown = router.check(["ip", "route", "show", VIP]).unwrap();
        shown.contains("via 192.0.2.11") && !shown.contains("via 192.0.2.12")
    })
    .unwrap();
    let counted = connections(&rig);
    assert!(counted[0] > 80 && counted[1] == 0, "{counted:?}");
}

fn serve(lab: &Lab, node: &str) -> Running {
    let space = lab.node(node);
    space.check(["ip", "address", "add", VIP, "dev", "lo"]).unwrap();
    let mut command = space.command(["/lab/bin/ferrolb-lab", "serve", "--server", node]).unwrap();
    space.spawn(command.stdin(Stdio::null())).unwrap()
}

/// How many of about two hundred new connections each machine took, by its own kernel's count.
fn connections(lab: &Lab) -> [u64; 2] {
    let before = ["n1", "n2"].map(|node| taken(lab, node));
    let target = Target {
        address: VIP.parse().unwrap(),
        udp: None,
        tcp: Some(PORT),
        plain_tcp: None,
        seconds: Some(2),
    };
    let report = lab.client().probe(&target).unwrap();
    sleep(Duration::from_secs(2));
    let report = report.finish().unwrap();
    assert!(report.gaps(Witness::Connect).is_empty(), "{report:?}");
    let after = ["n1", "n2"].map(|node| taken(lab, node));
    [after[0] - before[0], after[1] - before[1]]
}

/// TCP connections that others opened, since the machine's start: `PassiveOpens`, in a line of names and one of values.
fn taken(lab: &Lab, node: &str) -> u64 {
    let text = lab.node(node).check(["cat", "/proc/net/snmp"]).unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(name, _)| *name == "PassiveOpens").unwrap().1.parse().unwrap()
}
