//! Each fault does what it says, and only that: on a lab without a cluster.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::Guard;
use ferrolb_lab::probe::{Target, Witness, monotonic_ns};
use ferrolb_lab::{Lab, Space, wait};

const N1: &str = "192.0.2.11";

fn pings(from: &Space, to: &str) -> bool {
    from.run(["ping", "-c1", "-W1", to]).unwrap().success
}

fn carrier(node: &Space) -> String {
    node.check(["cat", "/sys/class/net/eth0/carrier"]).unwrap()
}

fn serve(lab: &Lab, node: &str) -> ferrolb_lab::Running {
    let space = lab.node(node);
    let mut command = space.command(["/lab/bin/ferrolb-lab", "serve", "--server", node]).unwrap();
    space.spawn(command.stdin(Stdio::null())).unwrap()
}

#[test]
fn cables_and_silence() {
    let Guard(lab) = &Guard::up("t-cables", &["--no-cluster", "--nodes", "2"]);
    let (n1, client) = (lab.node("n1"), lab.client());
    for address in [N1, "2001:db8:1::11"] {
        assert!(
            pings(&client, address) && pings(&lab.client_routed(), address),
            "{address} answers at first"
        );
    }
    lab.link_down("n1").unwrap();
    assert_eq!(carrier(&n1), "0\n");
    assert!(!pings(&client, N1));
    lab.link_up("n1").unwrap();
    wait("n1 answers again", Duration::from_secs(3), || pings(&client, N1)).unwrap();

    lab.silence("n1").unwrap();
    assert_eq!(carrier(&n1), "1\n", "silence keeps the carrier");
    assert!(!pings(&client, N1), "nothing reaches a silent node");
    assert!(!pings(&n1, "192.0.2.12"), "nothing leaves a silent node");
    assert!(pings(&client, "192.0.2.12"), "others are not silenced with it");
    lab.unsilence("n1").unwrap();
    wait("n1 answers again", Duration::from_secs(3), || pings(&client, N1)).unwrap();
}

#[test]
fn processes_freeze_thaw_and_die() {
    let Guard(lab) = &Guard::up("t-processes", &["--no-cluster", "--nodes", "2"]);
    let n1 = lab.node("n1");
    let mut sleeper = n1.spawn(&mut n1.command(["sleep", "60"]).unwrap()).unwrap();
    wait("sleep runs", Duration::from_secs(2), || n1.pids_of("sleep").unwrap().len() == 1).unwrap();
    assert_eq!(n1.pids_of("sleep").unwrap(), [sleeper.pid().unwrap()]);
    assert!(lab.node("n2").pids_of("sleep").unwrap().is_empty(), "n2 has no such process");

    let state = || n1.check(["sh", "-c", "ps -o stat= -C sleep"]).unwrap();
    n1.freeze("sleep").unwrap();
    assert!(state().starts_with('T'), "{}", state());
    n1.thaw("sleep").unwrap();
    assert!(state().starts_with('S'), "{}", state());
    n1.kill("sleep").unwrap();
    assert!(!sleeper.wait().unwrap());
    assert!(n1.kill("sleep").is_err(), "killing nothing is an error");

    let _left = n1.spawn(&mut n1.command(["sleep", "60"]).unwrap()).unwrap();
    let groups = |command: &str| format!("for top in /sys/fs/cgroup/*/; do {command} $top/left/over; done");
    n1.check(["sh", "-c", &groups("mkdir -p")]).unwrap();
    lab.kill_node("n1").unwrap();
    assert!(n1.run(["true"]).is_err(), "a dead node runs nothing");
    assert!(lab.node("n2").run(["true"]).unwrap().success);
    lab.start_node("n1").unwrap();
    assert!(n1.pids_of("sleep").unwrap().is_empty());
    let left = n1.run(["sh", "-c", &groups("ls -d")]).unwrap().stdout;
    assert!(left.is_empty(), "cgroups outlive a power cut: {left}");
    assert!(pings(&lab.client(), N1), "its network is as it was");
}

/// It is large, so that the kernel takes milliseconds to clear it away; whoever starts it anew needs the port that it had.
#[test]
fn what_is_dropped_has_ended() {
    let Guard(lab) = &Guard::up("t-dropped", &["--no-cluster", "--nodes", "1"]);
    let n1 = lab.node("n1");
    let mut command = n1.command(["dd", "if=/dev/zero", "bs=400M", "count=1", "status=none"]).unwrap();
    for _ in 0..3 {
        let large = n1.spawn(command.stdout(Stdio::piped())).unwrap();
        let waits = || large.pid().is_some_and(|pid| wchan(pid).contains("pipe"));
        wait("it waits for a reader", Duration::from_secs(5), waits).unwrap();
        let pid = large.pid().unwrap();
        drop(large);
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} is still there");
    }
}

fn wchan(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default()
}

#[test]
fn the_prober_sees_an_outage_as_long_as_it_is() {
    let Guard(lab) = &Guard::up("t-prober", &["--no-cluster", "--nodes", "1"]);
    let _server = serve(lab, "n1");
    let probe = lab.client().probe(&Target::echo(N1.parse().unwrap(), 7777)).unwrap();
    let answered = |witness| !probe.so_far().servers(witness).is_empty();
    let all = [Witness::Datagram, Witness::Connect, Witness::Established];
    wait("all witnesses are answered", Duration::from_secs(5), || all.into_iter().all(answered)).unwrap();

    let silent = monotonic_ns();
    lab.silence("n1").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    lab.unsilence("n1").unwrap();
    let over = monotonic_ns();
    std::thread::sleep(Duration::from_millis(700));
    let report = probe.finish().unwrap();

    let injected_ms = Duration::from_nanos(over - silent).as_secs_f64() * 1000.0;
    for witness in [Witness::Datagram, Witness::Connect] {
        let outage = report.outage_ms(witness, silent).unwrap();
        assert!(
            (480.0..injected_ms + 50.0).contains(&outage),
            "{witness:?} saw {outage} ms of {injected_ms}"
        );
        assert_eq!(report.servers(witness).iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["n1"]);
    }
    assert!(report.outage_ms(Witness::Established, silent).unwrap() >= 480.0);
    assert_eq!(report.broken(), 0, "half a second does not break a TCP connection");
    let counts = report.counts(Witness::Datagram).unwrap();
    assert!(counts.sent - counts.answered >= 400, "{counts:?}");
}

#[test]
fn a_server_that_dies_breaks_the_connection_that_stayed() {
    let Guard(lab) = &Guard::up("t-server", &["--no-cluster", "--nodes", "1"]);
    let server = serve(lab, "n1");
    let probe = lab.client_routed().probe(&Target::echo("2001:db8:1::11".parse().unwrap(), 7777)).unwrap();
    let answered = || !probe.so_far().servers(Witness::Established).is_empty();
    wait("the connection stands", Duration::from_secs(5), answered).unwrap();
    drop(server);
    wait("the connection breaks", Duration::from_secs(5), || probe.so_far().broken() == 1).unwrap();
    // It may break before the next datagram is sent; there is one each millisecond.
    std::thread::sleep(Duration::from_millis(100));
    let report = probe.finish().unwrap();
    assert_eq!(report.outage_ms(Witness::Datagram, 0), None, "nobody answers at the end");
}

#[test]
fn two_labs_stand_side_by_side() {
    let Guard(one) = &Guard::up("t-side-1", &["--no-cluster", "--nodes", "1"]);
    let Guard(two) = &Guard::up("t-side-2", &["--no-cluster", "--nodes", "2"]);
    assert!(!pings(&one.client(), "192.0.2.12") && pings(&two.client(), "192.0.2.12"));
    assert_ne!(one.state().cgroup, two.state().cgroup);
}
