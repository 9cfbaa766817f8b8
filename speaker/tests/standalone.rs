//! Real speakers without a cluster, on a real switch: who answers, and what happens when one is no more.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod rig;

use std::net::IpAddr;
use std::time::Duration;

use ferrolb_neighbor::Mac;
use nix::sys::signal::Signal;
use rig::Rig;

const SETTLED: Duration = Duration::from_secs(5);
const ONE_ROUND: Duration = Duration::from_millis(100);

fn vip4() -> IpAddr {
    IpAddr::from([192, 0, 2, 200])
}

fn vip6() -> IpAddr {
    "2001:db8::200".parse().unwrap()
}

/// Three nodes that share two VIPs, the lowest number first; all of them joined.
fn three(name: &str) -> Rig {
    let mut rig = Rig::new(name, 3);
    rig.place(1, &[(vip4(), &[0, 1, 2]), (vip6(), &[0, 1, 2])]);
    // The first one alone, so that it owns both: whoever joins later takes nothing.
    rig.start(0);
    for vip in [vip4(), vip6()] {
        let answer = rig.at_client(|client| client.until(vip, SETTLED, |_| true));
        assert!(answer.is_some(), "node 0 answers for {vip} within {SETTLED:?}");
    }
    for node in 1..3 {
        rig.start(node);
    }
    for node in 0..3 {
        rig.wait_ready(node, SETTLED);
    }
    rig
}

fn only_owner(rig: &Rig, vip: IpAddr) -> Mac {
    let answers = rig.at_client(|client| client.ask(vip, ONE_ROUND));
    assert_eq!(answers.len(), 1, "one station answers for {vip}: {answers:?}");
    answers[0]
}

#[test]
fn one_answers_and_another_takes_over_when_it_is_killed() {
    if !rig::permitted() {
        return;
    }
    let mut rig = three("kill");
    assert_eq!(only_owner(&rig, vip4()), rig.mac(0));
    assert_eq!(only_owner(&rig, vip6()), rig.mac(0));

    let dead = rig.mac(0);
    let (took, heir) = rig
        .at_client(|client| {
            rig.signal(0, Signal::SIGKILL);
            client.until(vip4(), Duration::from_secs(2), |mac| mac != dead)
        })
        .expect("another node answers");
    println!("killed: another answered after {took:?}");
    assert!(took < Duration::from_millis(300), "after {took:?}");
    rig.wait(0);
    assert_eq!(rig.node_of(heir), Some(1), "the next candidate");
    assert_eq!(only_owner(&rig, vip4()), heir);
    assert_eq!(only_owner(&rig, vip6()), heir);
}

#[test]
fn a_stopped_speaker_hands_over_before_it_ends() {
    if !rig::permitted() {
        return;
    }
    let mut rig = three("stop");
    let gone = rig.mac(0);
    let (took, _) = rig
        .at_client(|client| {
            rig.signal(0, Signal::SIGTERM);
            client.until(vip4(), Duration::from_secs(2), |mac| mac != gone)
        })
        .expect("another node answers");
    println!("stopped: another answered after {took:?}");
    assert!(took < Duration::from_millis(60), "a resignation saves waiting for silence: {took:?}");
    assert!(rig.wait(0), "it ended by itself");
    assert_ne!(only_owner(&rig, vip6()), gone);
}

#[test]
fn a_changed_folder_changes_what_is_announced() {
    if !rig::permitted() {
        return;
    }
    let rig = three("folder");
    let new = IpAddr::from([192, 0, 2, 201]);
    rig.place(2, &[(vip4(), &[0, 1, 2]), (new, &[2, 1])]);
    let third = rig.mac(2);
    let answer =
        rig.at_client(|client| client.until(new, SETTLED, |_| true)).expect("the new VIP is answered for");
    assert_eq!(answer.1, third);
    assert_eq!(rig.at_client(|client| client.ask(vip6(), ONE_ROUND)), [], "the removed one no longer");
    assert_eq!(only_owner(&rig, vip4()), rig.mac(0), "the one that stays does not move");

    std::fs::write(rig.folder().join("vips.yaml"), "spec: [").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(only_owner(&rig, new), third, "a broken file keeps its last good version");
    assert!(rig.get(2, "/metrics").contains("ferrolb_speaker_configuration_problems 1"));
}

#[test]
fn health_readiness_and_metrics_are_served() {
    if !rig::permitted() {
        return;
    }
    let rig = three("admin");
    assert!(rig.get(0, "/healthz").starts_with("HTTP/1.1 200"));
    let metrics = rig.get(0, "/metrics");
    for line in [
        "ferrolb_speaker_vips{interface=\"eth0\",state=\"owner\"} 2",
        "ferrolb_speaker_vips{interface=\"eth0\",state=\"backup\"} 0",
        "ferrolb_speaker_configuration_problems 0",
    ] {
        assert!(metrics.contains(line), "{line} is missing in:\n{metrics}");
    }
    // They are a second old at most.
    std::thread::sleep(Duration::from_millis(1_500));
    let metrics = rig.get(0, "/metrics");
    for line in [
        "ferrolb_speaker_peers{interface=\"eth0\",state=\"heard\"} 2",
        "ferrolb_speaker_peers{interface=\"eth0\",state=\"multicast-filtered\"} 0",
        "ferrolb_speaker_segment_isolated{interface=\"eth0\"} 0",
        "ferrolb_speaker_vips_contested{interface=\"eth0\"} 0",
        "ferrolb_speaker_heartbeat_interval_seconds{interface=\"eth0\"} 0.0",
    ] {
        assert!(metrics.contains(line), "{line} is missing in:\n{metrics}");
    }
}

/// RFC 5227 §2.1.1: who has an address keeps it.
#[test]
fn an_address_that_another_station_has_is_claimed_once_it_is_given_up() {
    if !rig::permitted() {
        return;
    }
    let mut rig = Rig::new("contested", 1);
    let own = format!("{}/32", vip4());
    rig.ip_at("client", &["addr", "add", &own, "dev", "eth0"]);
    rig.place(1, &[(vip4(), &[0])]);
    rig.start(0);
    rig.wait_ready(0, SETTLED);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(rig.at_client(|client| client.ask(vip4(), ONE_ROUND)), []);
    let metrics = rig.get(0, "/metrics");
    let contested = "ferrolb_speaker_vips_contested{interface=\"eth0\"} 1";
    assert!(metrics.contains(contested), "{contested} is missing in:\n{metrics}");

    rig.ip_at("client", &["addr", "del", &own, "dev", "eth0"]);
    // At worst the last answer came just now: ten seconds later it is asked for three times.
    let answer = rig.at_client(|client| client.until(vip4(), Duration::from_secs(20), |_| true));
    assert_eq!(answer.map(|(_, mac)| mac), Some(rig.mac(0)));
    std::thread::sleep(Duration::from_millis(1_500));
    let metrics = rig.get(0, "/metrics");
    assert!(!metrics.contains(contested), "it is claimed by now:\n{metrics}");
}

#[test]
fn a_frozen_owner_is_replaced_and_stays_quiet_when_it_thaws() {
    if !rig::permitted() {
        return;
    }
    let rig = three("freeze");
    let frozen = rig.mac(0);
    let (took, heir) = rig
        .at_client(|client| {
            rig.signal(0, Signal::SIGSTOP);
            client.until(vip4(), Duration::from_secs(2), |mac| mac != frozen)
        })
        .expect("another node answers");
    println!("frozen: another answered after {took:?}");
    assert!(took < Duration::from_millis(300), "after {took:?}");
    std::thread::sleep(Duration::from_secs(3));
    // What was asked while it was frozen waits in its socket.
    let answers = rig.at_client(|client| {
        rig.signal(0, Signal::SIGCONT);
        std::iter::repeat_with(|| client.ask(vip4(), Duration::from_millis(20))).take(20).collect::<Vec<_>>()
    });
    assert!(answers.iter().flatten().all(|mac| *mac == heir), "{answers:?}");
    rig.wait_ready(0, SETTLED);
}

#[test]
fn a_link_that_goes_down_and_comes_back_leaves_one_owner() {
    if !rig::permitted() {
        return;
    }
    let rig = three("link");
    let cut = rig.mac(0);
    let (took, heir) = rig
        .at_client(|client| {
            rig.set_port(0, "down");
            client.until(vip4(), Duration::from_secs(2), |mac| mac != cut)
        })
        .expect("another node answers");
    println!("link down: another answered after {took:?}");
    assert!(took < Duration::from_millis(300), "after {took:?}");
    assert!(rig.get(0, "/metrics").contains("state=\"owner\"} 0"), "who has no carrier owns nothing");
    rig.set_port(0, "up");
    std::thread::sleep(Duration::from_secs(1));
    for _ in 0..10 {
        assert_eq!(only_owner(&rig, vip4()), heir, "it does not move back by itself");
    }
}

#[test]
fn an_address_that_moves_to_another_network_takes_its_vips_along() {
    if !rig::permitted() {
        return;
    }
    let rig = three("address");
    let vip = IpAddr::from([198, 51, 100, 200]);
    rig.place(2, &[(vip, &[1, 2])]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(rig.at_client(|client| client.ask(vip, ONE_ROUND)), [], "no interface has its network");
    rig.ip(1, &["addr", "add", "198.51.100.12/24", "dev", "eth0"]);
    let answer = rig.at_client(|client| client.until(vip, SETTLED, |_| true));
    assert_eq!(answer.map(|(_, mac)| mac), Some(rig.mac(1)));
    rig.ip(1, &["addr", "del", "198.51.100.12/24", "dev", "eth0"]);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(rig.at_client(|client| client.ask(vip, ONE_ROUND)), [], "the network is gone again");
}
