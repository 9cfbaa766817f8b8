//! Bridges, tagged interfaces, interfaces that come and go: where a speaker answers, and which groups it is a member of.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ferrolb_neighbor::Mac;
use rig::Rig;

const SETTLED: Duration = Duration::from_secs(8);
const ONE_ROUND: Duration = Duration::from_millis(100);

fn answers(rig: &Rig, interface: &str, vip: IpAddr) -> Vec<Mac> {
    rig.at_client_on(interface, |client| client.ask(vip, ONE_ROUND))
}

fn wait_for_answer(rig: &Rig, interface: &str, vip: IpAddr) {
    let answer = rig.at_client_on(interface, |client| client.until(vip, SETTLED, |_| true));
    assert!(answer.is_some(), "nobody answers for {vip} on {interface}");
}

fn wait_for_group(rig: &Rig, interface: &str, group: &str) {
    let until = Instant::now() + SETTLED;
    loop {
        let groups = rig.ip(0, &["-6", "maddress", "show", "dev", interface]);
        if groups.split_whitespace().any(|word| word == group) {
            return;
        }
        assert!(Instant::now() < until, "{interface} is a member of no more than: {groups}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// An interface on top of eth0 with networks of its own; `false` if the kernel has no such kind.
fn make_upper(rig: &Rig, machine: &str, name: &str, kind: &[&str], host: u8) -> bool {
    let add = [&["link", "add", "link", "eth0", "name", name, "type"], kind].concat();
    if !rig.try_ip_at(machine, &add) {
        return false;
    }
    rig.ip_at(machine, &["address", "add", &format!("198.51.100.{host}/24"), "dev", name]);
    rig.ip_at(machine, &["address", "add", &format!("2001:db8:7::{host}/64"), "dev", name, "nodad"]);
    rig.ip_at(machine, &["link", "set", name, "up"]);
    true
}

#[test]
fn a_bridge_answers_and_its_port_does_not() {
    if !rig::permitted() {
        return;
    }
    let vip = IpAddr::from([192, 0, 2, 200]);
    let mut rig = Rig::new("br", 1);
    rig.place(1, &[(vip, &[0])]);
    // The port keeps its address, as after a hasty change: it must not answer even so.
    rig.ip(
        0,
        &["link", "add", "lan0", "address", "02:00:00:00:0b:01", "type", "bridge", "mcast_snooping", "0"],
    );
    rig.ip(0, &["link", "set", "eth0", "master", "lan0"]);
    rig.ip(0, &["address", "add", "192.0.2.21/24", "dev", "lan0"]);
    rig.ip(0, &["link", "set", "lan0", "up"]);
    rig.start(0);
    rig.wait_ready(0, SETTLED);
    wait_for_answer(&rig, "eth0", vip);
    assert_eq!(answers(&rig, "eth0", vip), [Mac([2, 0, 0, 0, 0x0b, 1])]);

    // Out of the bridge it is an interface like any other.
    rig.ip(0, &["link", "delete", "lan0"]);
    let port = rig.mac(0);
    let answer = rig.at_client(|client| client.until(vip, SETTLED, |mac| mac == port));
    assert!(answer.is_some(), "eth0 does not answer once the bridge is gone");
}

#[test]
fn an_interface_that_is_made_anew_answers_and_is_a_member_again() {
    if !rig::permitted() {
        return;
    }
    let (vip, vip6) = (IpAddr::from([198, 51, 100, 200]), "2001:db8:7::200".parse().unwrap());
    let mut rig = Rig::new("anew", 1);
    rig.place(1, &[(vip, &[0]), (vip6, &[0])]);
    rig.start(0);
    for _ in 0..2 {
        assert!(make_upper(&rig, "0", "upper", &["macvlan", "mode", "bridge"], 11), "no macvlan here");
        wait_for_answer(&rig, "eth0", vip);
        wait_for_answer(&rig, "eth0", vip6);
        assert_ne!(answers(&rig, "eth0", vip), [rig.mac(0)], "the network is on the upper interface");
        wait_for_group(&rig, "upper", "ff02::1:ff00:200");
        rig.ip(0, &["link", "delete", "upper"]);
        assert_eq!(answers(&rig, "eth0", vip), []);
    }
}

#[test]
fn a_frame_with_a_tag_is_for_the_interface_of_that_tag_alone() {
    if !rig::permitted() {
        return;
    }
    let (tagged, untagged) = (IpAddr::from([198, 51, 100, 200]), IpAddr::from([192, 0, 2, 200]));
    let mut rig = Rig::new("vlan", 1);
    rig.place(1, &[(tagged, &[0]), (untagged, &[0])]);
    rig.start(0);
    wait_for_answer(&rig, "eth0", untagged);
    assert_eq!(rig.at_client(|client| client.ask_tagged(7, untagged, ONE_ROUND)), [], "asked with a tag");
    assert_eq!(rig.at_client(|client| client.ask_tagged(0, untagged, ONE_ROUND)).len(), 1, "a priority tag");

    let vlan = ["vlan", "id", "7"];
    if !make_upper(&rig, "0", "eth0.7", &vlan, 11) || !make_upper(&rig, "client", "eth0.7", &vlan, 100) {
        println!("skipped: this kernel has no VLAN interfaces");
        return;
    }
    wait_for_answer(&rig, "eth0.7", tagged);
    assert_eq!(answers(&rig, "eth0.7", tagged).len(), 1);
    assert_eq!(answers(&rig, "eth0", tagged), [], "asked without a tag");
    assert_eq!(answers(&rig, "eth0.7", untagged), [], "asked with a tag");
}

/// An interface whose MTU is too small for IPv6 has none; a snooping switch must hear of the groups once it has.
#[test]
fn groups_are_reported_once_the_interface_can() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("grp", 1);
    rig.place(1, &[(IpAddr::from([192, 0, 2, 200]), &[0])]);
    rig.ip(0, &["link", "set", "eth0", "mtu", "1000"]);
    rig.start(0);
    rig.wait_ready(0, SETTLED);
    wait_for_answer(&rig, "eth0", IpAddr::from([192, 0, 2, 200]));
    let before = rig.ip(0, &["-6", "maddress", "show", "dev", "eth0"]);
    assert!(!before.contains("ff02::114"), "{before}");
    rig.ip(0, &["link", "set", "eth0", "mtu", "1500"]);
    wait_for_group(&rig, "eth0", "ff02::114");
}
