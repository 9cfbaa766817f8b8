//! Clients near and far, one that believes no announcement, and a station that takes the VIP for its own.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::probe::Witness;

use crate::rig::{LIMIT, Rig, VIP, tell};
use crate::watch::{Moment, Watch, served_by_another};

/// The router's cache is that of everybody behind it. Who ignores announcements is served again once its entry has expired,
/// which is all that is promised it.
#[test]
fn a_client_behind_the_router_follows_at_once_and_a_stubborn_one_when_its_cache_expires() {
    tell(|| {
        let rig = Rig::three("clients");
        let stubborn = rig.lab.control_plane();
        let announcements = format!(
            "table arp lab {{ chain in {{ type filter hook input priority 0; arp daddr ip {VIP} counter drop; }}; }}"
        );
        stubborn.check(["nft", &announcements]).unwrap();
        // An entry is believed for half to three halves of the first, and then asked about, thrice at most.
        let cache = ["base_reachable_time_ms=1000", "delay_first_probe_time=1", "ucast_solicit=1"];
        for setting in cache {
            stubborn.check(["sysctl", "-qw", &format!("net.ipv4.neigh.eth0.{setting}")]).unwrap();
        }
        let near = rig.probe(&rig.lab.client(), VIP.into(), "n1");
        let far = rig.probe(&rig.lab.client_routed(), VIP.into(), "n1");
        let late = rig.probe(&stubborn, VIP.into(), "n1");

        let silent = Moment::now();
        rig.lab.silence("n1").unwrap();
        let (heir, near_took) = served_by_another(&near, "n1", silent, LIMIT);
        let (far_heir, far_took) = served_by_another(&far, "n1", silent, LIMIT);
        let (late_heir, late_took) = served_by_another(&late, "n1", silent, LIMIT * 5);
        println!(
            "{heir} served the client after {near_took:?}, through the router after {far_took:?}, the stubborn after {late_took:?}"
        );
        assert_eq!((&far_heir, &late_heir), (&heir, &heir));
        assert!(late_took > far_took);
        rig.lab.unsilence("n1").unwrap();
    });
}

/// A station claims the VIP again and again. Its owner says once that this is wrong, tells people, and goes on.
#[test]
fn an_owner_defends_a_vip_once_in_ten_seconds_and_keeps_it() {
    tell(|| {
        let rig = Rig::three("duplicate");
        let foreign = rig.lab.control_plane();
        // The first announcements after a claim are over after five seconds.
        sleep(Duration::from_secs(5));
        let probe = rig.probe(&rig.lab.client(), VIP.into(), "n1");
        let client = rig.lab.client();
        let mut capture = client
            .command([
                "timeout",
                "6",
                "tcpdump",
                "-n",
                "-l",
                "-i",
                "eth0",
                "arp and ether dst ff:ff:ff:ff:ff:ff and ether src 02:00:00:00:00:0b",
            ])
            .unwrap();
        capture.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut capture = capture.spawn().unwrap();
        let mut ready = BufReader::new(capture.stderr.take().unwrap()).lines();
        assert!(ready.any(|line| line.unwrap().contains("listening on")), "tcpdump ended");
        foreign.check(["ip", "address", "add", &format!("{VIP}/32"), "dev", "eth0"]).unwrap();
        let vip = VIP.to_string();
        foreign.run(["arping", "-A", "-q", "-c", "5", "-I", "eth0", "-s", &vip, &vip]).unwrap();
        let sent = capture.wait_with_output().unwrap();
        let sent = String::from_utf8_lossy(&sent.stdout).into_owned();
        let told = sent.lines().filter(|line| line.contains(&vip)).count();
        println!("n1 announced to all {told} times:\n{sent}");
        // A round of the minute's announcements may come in between: one request, one reply.
        assert!((1..=3).contains(&told), "a war or no defence:\n{sent}");

        let claims = rig.counted("n1", "ferrolb_speaker_duplicates_total", &[]);
        assert!(claims >= 3.0, "it heard {claims} claims");
        let warned = rig.log("n1").matches("Another station uses the VIP").count();
        assert_eq!(warned, 1, "{}", rig.log("n1"));
        let owners = rig.counted("n1", "ferrolb_speaker_vips", &["state=\"owner\""]);
        assert_eq!(owners, 2.0, "it owns both VIPs still");

        // Once the other is gone the client, wherever it was led, is back by the owner's next announcement or its own cache.
        foreign.check(["ip", "address", "delete", &format!("{VIP}/32"), "dev", "eth0"]).unwrap();
        let watch = Watch::start(&rig, VIP);
        let gone = Moment::now();
        sleep(Duration::from_millis(300));
        assert_eq!(watch.nodes(gone), ["n1"]);
        let report = probe.finish().unwrap();
        assert!(report.servers(Witness::Datagram).iter().all(|(_, node)| *node == "n1"), "{report:?}");
    });
}
