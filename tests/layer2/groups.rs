//! Switches that filter multicast, or pass it only where somebody asked for it.

use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::{Direction, Querier, wait};

use crate::rig::{LIMIT, OVERLAP, Rig, SETTLED, SOON, VIP, VIP6, ipv6_options, tell};
use crate::watch::{Moment, Watch, served_by_another};

/// Where speakers tell one another that they live.
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 254));

/// Who answers when it is asked lives, though its heartbeats do not arrive; and what changes hands is told by unicast too.
#[test]
fn a_speaker_whose_multicast_is_filtered_keeps_and_takes_vips_all_the_same() {
    tell(|| {
        let mut rig = Rig::three("filtered");
        let watch = Watch::start(&rig, VIP);
        let filtered = Moment::now();
        rig.lab.filter_group(Direction::From, "n1", GROUP).unwrap();
        sleep(SOON * 2);
        assert_eq!(watch.nodes(filtered), ["n1"], "its silence is no death\n{}", rig.logs());
        for node in ["n2", "n3"] {
            let log = rig.log(node);
            assert!(log.contains("a switch filters multicast"), "{node} says nothing of it:\n{log}");
            wait(&format!("{node} counts n1 among those that are filtered"), LIMIT, || {
                rig.counted(node, "ferrolb_speaker_peers", &["state=\"multicast-filtered\""]) == 1.0
            })
            .unwrap();
        }
        rig.lab.unfilter_group(Direction::From, "n1", GROUP).unwrap();
        sleep(Duration::from_millis(300));

        let deaf = Moment::now();
        rig.lab.filter_group(Direction::To, "n2", GROUP).unwrap();
        sleep(SOON);
        assert_eq!(
            watch.nodes(deaf),
            ["n1"],
            "n2 hears nobody's heartbeats and takes nothing\n{}",
            rig.logs()
        );
        rig.lab.unfilter_group(Direction::To, "n2", GROUP).unwrap();
        sleep(Duration::from_millis(300));

        // n3 does not hear that n2 lives, so both try; each hears of the other's claim.
        rig.lab.filter_group(Direction::From, "n2", GROUP).unwrap();
        let killed = Moment::now();
        rig.kill("n1");
        let (first, took) = watch.another_than("n1", killed, LIMIT);
        sleep(SOON);
        let owner = rig.one_owner(VIP.into());
        println!("{first} answered after {took:?}, {owner} does now");
        if first != owner {
            assert!(watch.overlap(&first, &owner, killed) < OVERLAP);
        }
        let settled = Moment::now();
        sleep(SOON);
        assert_eq!(watch.nodes(settled), [owner], "one owns for good\n{}", rig.logs());
    });
}

/// On a segment without IPv4 heartbeats are IPv6 multicast, and so are the questions of neighbour discovery: all of it passes a
/// snooping switch only where it was asked for, and must have been asked for before it is needed.
#[test]
fn a_snooping_switch_passes_heartbeats_and_questions_before_and_after_a_take_over() {
    tell(|| {
        let mut rig = Rig::up(&ipv6_options("snooping", 3), &[VIP6.into()]);
        rig.start_all();
        rig.lab.snoop(Querier::Absent).unwrap();
        assert_eq!(rig.one_owner(VIP6.into()), "n1", "nobody asks for groups");
        let settled = take_overs(&rig);

        rig.lab.snoop(Querier::Present).unwrap();
        for group in ["ff02::114", "ff02::1:ff00:1000"] {
            wait(&format!("every node asked for {group}"), SETTLED, || {
                let known = rig.lab.switch().check(["bridge", "mdb", "show"]).unwrap();
                let ports =
                    |node: &str| known.lines().any(|line| line.contains(group) && line.contains(node));
                ["n1", "n2", "n3"].into_iter().all(ports)
            })
            .unwrap();
        }
        sleep(SOON);
        assert_eq!(rig.one_owner(VIP6.into()), "n1");
        assert_eq!(take_overs(&rig), settled, "heartbeats pass, so nothing moved");

        let probe = rig.probe(&rig.lab.client(), VIP6.into(), "n1");
        let silent = Moment::now();
        rig.lab.silence("n1").unwrap();
        let (heir, took) = served_by_another(&probe, "n1", silent, LIMIT);
        println!("{heir} served the warm client after {took:?}");
        // A client without a cache entry asks the VIP's solicited-node group.
        assert_eq!(rig.one_owner(VIP6.into()), heir);
        rig.lab.unsilence("n1").unwrap();
        sleep(SOON);
        assert_eq!(rig.one_owner(VIP6.into()), heir);
    });
}

fn take_overs(rig: &Rig) -> f64 {
    let counted =
        |node| rig.counted(node, "ferrolb_speaker_ownership_changes_total", &["cause=\"take-over\""]);
    ["n1", "n2", "n3"].into_iter().map(counted).sum()
}
