//! What the switch is told to do to frames it does, and only that: on labs without a cluster, by counting frames.

#![allow(clippy::unwrap_used, reason = "a test ends with what it did not expect")]

mod common;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use common::Guard;
use ferrolb_lab::{Direction, Querier, Space, wait};

/// Frames sent in one go.
const SENT: u64 = 200;
const GROUP: &str = "239.1.2.3";

fn up(name: &str, arguments: &[&str]) -> Guard {
    let guard = Guard::up(name, &[&["--no-cluster"], arguments].concat());
    // Nobody has to ask for anybody, so that every frame counted is one that was sent on purpose.
    let hosts = [("n1", 11), ("n2", 12), ("client", 100)];
    for space in [guard.0.node("n1"), guard.0.node("n2"), guard.0.client()] {
        for (_, last) in hosts.iter().filter(|(name, _)| *name != space.name()) {
            let (address, mac) = (format!("192.0.2.{last}"), format!("02:00:00:00:00:{last:02x}"));
            space
                .check([
                    "ip",
                    "neigh",
                    "replace",
                    &address,
                    "lladdr",
                    &mac,
                    "dev",
                    "eth0",
                    "nud",
                    "permanent",
                ])
                .unwrap();
        }
    }
    guard
}

/// How many of the frames that `from` sends to an address `at` receives.
fn heard(from: &Space, to: &str, at: &Space) -> u64 {
    let counter = || {
        let link = at.check(["ip", "-j", "-s", "link", "show", "eth0"]).unwrap();
        let link: serde_json::Value = serde_json::from_str(&link).unwrap();
        link[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
    };
    let before = counter();
    let count = SENT.to_string();
    from.run(["ping", "-q", "-I", "eth0", "-c", &count, "-l", &count, "-W", "0.2", to]).unwrap();
    counter() - before
}

fn all(count: u64) -> bool {
    (SENT..SENT + 20).contains(&count)
}

fn none(count: u64) -> bool {
    count < 20
}

fn pings(from: &Space, to: &str) -> bool {
    from.run(["ping", "-c1", "-W0.3", to]).unwrap().success
}

#[test]
fn frames_are_lost_one_way_in_part_and_between_sets() {
    let Guard(lab) = &up("t-loss", &["--nodes", "2"]);
    let (n1, n2, client) = (lab.node("n1"), lab.node("n2"), lab.client());
    lab.lose("n1", "n2", 100).unwrap();
    assert!(none(heard(&n1, "192.0.2.12", &n2)), "all from n1 to n2 is lost");
    assert!(all(heard(&n2, "192.0.2.11", &n1)), "the other way nothing is");
    assert!(pings(&n1, "192.0.2.100") && pings(&client, "192.0.2.12"), "to and from others nothing is");
    assert!(lab.lose("n1", "n2", 30).is_err(), "what is lost cannot be lost in part");
    lab.heal().unwrap();
    lab.lose("n1", "n2", 30).unwrap();
    let some = heard(&n1, "192.0.2.12", &n2);
    assert!((SENT * 55 / 100..SENT * 85 / 100).contains(&some), "{some} of {SENT} are not seven tenths");
    lab.heal().unwrap();
    assert!(all(heard(&n1, "192.0.2.12", &n2)), "healed");

    lab.partition(&[&["n1", "client"], &["n2", "cp"]]).unwrap();
    assert!(pings(&n1, "192.0.2.100") && pings(&n2, "192.0.2.1"), "each set hears its own");
    assert!(!pings(&n1, "192.0.2.12") && !pings(&client, "192.0.2.1"), "no set hears another");
    assert!(pings(&n1, "192.0.2.254") && pings(&n2, "192.0.2.254"), "who is in none hears all");
    lab.heal().unwrap();
    assert!(pings(&n1, "192.0.2.12"));
}

#[test]
fn groups_are_filtered_storms_capped_and_ports_isolated() {
    let Guard(lab) = &up("t-ports", &["--nodes", "2"]);
    let (n1, n2, client) = (lab.node("n1"), lab.node("n2"), lab.client());
    let group: IpAddr = GROUP.parse().unwrap();
    assert!(all(heard(&n1, GROUP, &n2)), "a switch that knows no groups floods them");
    lab.filter_group(Direction::From, "n1", group).unwrap();
    assert!(none(heard(&n1, GROUP, &n2)) && all(heard(&client, GROUP, &n2)), "n1 alone is filtered");
    assert!(all(heard(&n1, "239.1.2.4", &n2)), "other groups are not");
    lab.unfilter_group(Direction::From, "n1", group).unwrap();
    lab.filter_group(Direction::To, "n2", group).unwrap();
    assert!(none(heard(&n1, GROUP, &n2)) && all(heard(&n2, GROUP, &n1)), "n2 does not get what it may send");
    lab.unfilter_group(Direction::To, "n2", group).unwrap();

    lab.cap_storms("n1", 10, 50).unwrap();
    let passed = heard(&n1, GROUP, &n2);
    assert!((50..SENT / 2).contains(&passed), "{passed} of {SENT} pass a cap of 50 at once, 10 a second");
    assert!(all(heard(&n1, "192.0.2.12", &n2)), "unicast is no storm");
    lab.uncap_storms("n1").unwrap();
    assert!(all(heard(&n1, GROUP, &n2)));

    lab.isolate(&["n1", "n2"]).unwrap();
    assert!(none(heard(&n1, "192.0.2.12", &n2)) && none(heard(&n1, GROUP, &n2)));
    assert!(pings(&n1, "192.0.2.100") && pings(&client, "192.0.2.12"), "isolated ports reach the others");
    lab.unisolate(&["n1", "n2"]).unwrap();
    assert!(all(heard(&n1, "192.0.2.12", &n2)));
}

#[test]
fn a_snooping_switch_lets_groups_pass_where_they_are_wanted() {
    let Guard(lab) = &up("t-snoop", &["--nodes", "2"]);
    let (n1, n2, client) = (lab.node("n1"), lab.node("n2"), lab.client());
    let group = format!("{GROUP}/32");
    n2.check(["ip", "address", "add", &group, "dev", "eth0", "autojoin"]).unwrap();
    lab.snoop(Querier::Absent).unwrap();
    assert!(all(heard(&n1, GROUP, &n2)) && all(heard(&n1, GROUP, &client)), "nobody asks: all pass");
    lab.snoop(Querier::Present).unwrap();
    assert!(none(heard(&n1, GROUP, &client)), "the client did not ask for it");
    assert!(heard(&n1, GROUP, &n2) >= SENT, "n2 did");
    assert!(pings(&client, "2001:db8:1::11"), "neighbour discovery passes");
    lab.unsnoop().unwrap();
    assert!(all(heard(&n1, GROUP, &client)));
}

#[test]
fn a_port_that_comes_up_waits_twice_the_forward_delay() {
    let Guard(lab) = &up("t-tree", &["--nodes", "2"]);
    let (n1, client) = (lab.node("n1"), lab.client());
    lab.span_tree(Duration::from_secs(2)).unwrap();
    assert!(pings(&client, "192.0.2.11"), "ports that are up pass frames on");
    lab.link_down("n1").unwrap();
    lab.link_up("n1").unwrap();
    let since = Instant::now();
    wait("n1 has carrier", Duration::from_secs(1), || {
        n1.check(["cat", "/sys/class/net/eth0/carrier"]).unwrap() == "1\n"
    })
    .unwrap();
    assert!(!pings(&client, "192.0.2.11"));
    wait("n1 answers", Duration::from_secs(10), || pings(&client, "192.0.2.11")).unwrap();
    let took = since.elapsed();
    assert!(took > Duration::from_secs(3), "its port was not blocked: {took:?}");
}

#[test]
fn a_second_segment_is_apart_from_the_first() {
    let Guard(lab) = &up("t-second", &["--nodes", "2", "--second-segment"]);
    let (n1, near, far) = (lab.node("n1"), lab.client(), lab.client_second());
    for address in ["203.0.113.11", "203.0.113.12", "2001:db8:3::11"] {
        assert!(pings(&far, address), "{address} does not answer on its segment");
    }
    assert!(!pings(&far, "192.0.2.11") && !pings(&near, "203.0.113.11"), "nothing routes between the two");
    lab.link_down("n1-eth1").unwrap();
    assert!(!pings(&far, "203.0.113.11") && pings(&far, "203.0.113.12") && pings(&near, "192.0.2.11"));
    let mac = n1.check(["cat", "/sys/class/net/eth1/address"]).unwrap();
    assert_eq!(lab.node_with_mac(mac.trim()).as_deref(), Some("n1"));
}
