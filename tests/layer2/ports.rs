//! Ports that wait, flap, are kept apart, or let only so much pass.

use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ferrolb_lab::{Lab, wait};
use ferrolb_tests::arp::Asker;

use crate::rig::{LIMIT, OVERLAP, Rig, SETTLED, SOON, VIP, options, tell};
use crate::watch::{Moment, Watch, served_by_another};

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);

/// Spanning tree: the node that comes back has carrier at once and hears nobody for four seconds. What it claims meanwhile
/// nobody hears, and it gives that up by the first heartbeat.
#[test]
fn a_node_whose_port_waits_after_link_up_disturbs_nobody_when_it_is_heard_again() {
    tell(|| {
        let mut rig = Rig::three("tree");
        rig.lab.span_tree(Duration::from_secs(2)).unwrap();
        let watch = Watch::start(&rig, VIP);
        let cut = Moment::now();
        rig.lab.link_down("n1").unwrap();
        let (heir, _) = watch.another_than("n1", cut, LIMIT);
        let returned = Moment::now();
        rig.lab.link_up("n1").unwrap();
        wait("n1's port is open", SETTLED, || forwards(&rig.lab, "n1")).unwrap();
        sleep(SOON);
        let overlap = watch.overlap(&heir, "n1", returned);
        println!("answered after it returned: {:?}, n1 for {overlap:?} beside {heir}", watch.nodes(returned));
        assert!(overlap < OVERLAP, "both answered for too long");
        let owner = rig.one_owner(VIP.into());
        assert!(watch.silence(cut) < SOON);

        // It counts again: of all others it takes over.
        let killed = Instant::now();
        rig.kill("n2");
        rig.kill("n3");
        rig.settles_within(LIMIT, VIP.into(), "n1");
        println!("{owner} owned it, n1 alone {:?} after all others were killed", killed.elapsed());
    });
}

fn forwards(lab: &Lab, port: &str) -> bool {
    lab.switch().check(["bridge", "link", "show", "dev", port]).unwrap().contains("state forwarding")
}

/// Speakers that cannot hear each other are each alone, as docs/layer2.md says, and one owns once they can.
#[test]
fn isolated_speakers_are_each_alone_and_agree_once_they_are_not() {
    tell(|| {
        let mut rig = Rig::up(&options("isolated", 3), &[VIP.into()]);
        let nodes = ["n1", "n2", "n3"];
        rig.lab.isolate(&nodes).unwrap();
        for node in nodes {
            rig.start(node);
        }
        rig.joined();
        wait("each answers", SETTLED, || rig.owners(VIP.into()) == nodes).unwrap();
        for node in nodes {
            let heard = rig.counted(node, "ferrolb_speaker_frames_heard_total", &["kind=\"speaker\""]);
            assert_eq!(heard, 0.0, "{node} heard a speaker");
        }
        let says = |isolated: f64| {
            nodes.iter().all(|node| rig.counted(node, "ferrolb_speaker_segment_isolated", &[]) == isolated)
        };
        wait("each says that it hears nobody", SETTLED, || says(1.0)).unwrap();
        let since = Instant::now();
        rig.lab.unisolate(&nodes).unwrap();
        wait("one answers", LIMIT, || rig.owners(VIP.into()).len() == 1).unwrap();
        println!("one was left after {:?}", since.elapsed());
        wait("none says so any more", SETTLED, || says(0.0)).unwrap();
        let owner = rig.one_owner(VIP.into());
        let watch = Watch::start(&rig, VIP);
        let settled = Moment::now();
        sleep(SOON);
        assert_eq!(watch.nodes(settled), [owner]);
    });
}

/// A carrier that is gone for 30 ms is no death; whoever owns the VIP afterwards, it is one, and soon.
#[test]
fn a_carrier_that_flaps_leaves_one_owner() {
    tell(|| {
        let rig = Rig::three("flap");
        let watch = Watch::start(&rig, VIP);
        let probe = rig.probe(&rig.lab.client(), VIP.into(), "n1");
        for ports in [&["n1"][..], &["n1", "n2"]] {
            let all = |state: &str| -> String {
                ports.iter().map(|port| format!("link set {port} {state}\\n")).collect()
            };
            let flap = format!(
                "printf '{}' | ip -batch - && sleep 0.03 && printf '{}' | ip -batch -",
                all("down"),
                all("up")
            );
            let flapped = Moment::now();
            rig.lab.switch().check(["sh", "-c", &flap]).unwrap();
            sleep(SOON * 2);
            println!("{ports:?}: {:?}, nobody for {:?}", watch.nodes(flapped), watch.silence(flapped));
            assert!(watch.silence(flapped) < SOON, "nobody answered for too long");
            let owner = rig.one_owner(VIP.into());
            let again = Moment::now();
            sleep(Duration::from_millis(500));
            assert_eq!(watch.nodes(again), std::slice::from_ref(&owner), "it does not go back and forth");
            let report = probe.so_far();
            let served = report.servers(ferrolb_lab::probe::Witness::Datagram);
            assert_eq!(
                served.last().map(|(_, node)| *node),
                Some(owner.as_str()),
                "the warm client: {served:?}"
            );
        }
    });
}

/// Storm control drops most of what an heir announces for many VIPs, and heartbeats among it. All are owned by one nonetheless,
/// and who asked lately is told by unicast.
#[test]
fn a_storm_cap_delays_no_take_over() {
    tell(|| {
        let vips: Vec<Ipv4Addr> = (128..228).map(|last| Ipv4Addr::new(192, 0, 2, last)).collect();
        let addresses: Vec<IpAddr> = vips.iter().map(|vip| IpAddr::V4(*vip)).collect();
        let mut rig = Rig::up(&options("storm", 3), &addresses);
        for node in ["n1", "n2", "n3"] {
            rig.start(node);
        }
        rig.joined();
        for node in ["n2", "n3"] {
            rig.lab.cap_storms(node, 100, 20).unwrap();
        }
        let warm = vips[99];
        let asker = Asker::open(&rig.lab, "cp", Ipv4Addr::new(192, 0, 2, 1)).unwrap();
        wait("n1 owns all", SETTLED, || {
            owners_of_all(&rig, &asker, &vips).iter().all(|owners| owners == &["n1"])
        })
        .unwrap();
        // A node that does not know the client has to ask for it before it can answer, and the cap drops that question too.
        for node in rig.lab.nodes() {
            node.check(["ping", "-c", "1", "-W", "2", &CLIENT.to_string()]).unwrap();
        }
        let probe = rig.probe(&rig.lab.client(), warm.into(), "n1");
        let killed = Moment::now();
        rig.kill("n1");
        let (heir, took) = served_by_another(&probe, "n1", killed, LIMIT);
        println!("{heir} served the warm client after {took:?}");
        let dead = Instant::now();
        wait("each VIP has one owner", LIMIT, || {
            owners_of_all(&rig, &asker, &vips).iter().all(|owners| owners.len() == 1 && owners[0] != "n1")
        })
        .unwrap();
        println!("all {} had one owner after {:?}", vips.len(), dead.elapsed());
        let sent = rig.counted(&heir, "ferrolb_speaker_messages_sent_total", &["kind=\"gratuitous\""]);
        assert!(sent > 200.0, "{sent} announcements are no storm");
        sleep(SOON);
        assert!(owners_of_all(&rig, &asker, &vips).iter().all(|owners| owners.len() == 1));
    });
}

/// Who answers for each, asked all at once.
fn owners_of_all(rig: &Rig, asker: &Asker, vips: &[Ipv4Addr]) -> Vec<Vec<String>> {
    for vip in vips {
        asker.ask(*vip).unwrap();
    }
    let mut owners = vec![Vec::new(); vips.len()];
    let end = Instant::now() + Duration::from_millis(200);
    while let Some(answer) = asker.answer(end.saturating_duration_since(Instant::now())).unwrap() {
        let node = rig.node_with(&ferrolb_tests::mac_text(answer.mac));
        if let Some(place) = vips.iter().position(|vip| *vip == answer.address)
            && !owners[place].contains(&node)
        {
            owners[place].push(node);
        }
    }
    owners
}
