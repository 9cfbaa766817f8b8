//! Frames that pass one way, in part, or not between two halves.

use std::thread::sleep;
use std::time::Duration;

use crate::rig::{LIMIT, OVERLAP, Rig, SOON, VIP, options, tell};
use crate::watch::{Moment, Watch, served_by_another};

/// A hears B but is not heard, and there is no third: B takes the VIP, and A, hearing that, gives it up.
#[test]
fn an_owner_whose_only_peer_does_not_hear_it_yields() {
    tell(|| {
        let mut rig = Rig::up(&options("oneway", 2), &[VIP.into()]);
        rig.start_all();
        let watch = Watch::start(&rig, VIP);
        let probe = rig.probe(&rig.lab.client(), VIP.into(), "n1");
        let cut = Moment::now();
        rig.lab.lose("n1", "n2", 100).unwrap();
        let (_, took) = watch.another_than("n1", cut, LIMIT);
        let (_, served) = served_by_another(&probe, "n1", cut, LIMIT);
        sleep(Duration::from_millis(500));
        let overlap = watch.overlap("n1", "n2", cut);
        println!("n2 answered after {took:?}, served after {served:?}; both answered for {overlap:?}");
        assert!(overlap < OVERLAP);
        assert_eq!(rig.one_owner(VIP.into()), "n2");

        let healed = Moment::now();
        rig.lab.heal().unwrap();
        sleep(SOON);
        assert_eq!(watch.nodes(healed), ["n2"], "nothing moves because frames pass again");
    });
}

/// A third that hears both lends its ears: nobody takes from a live owner. Heard by nobody, it loses; with some loss, one owns.
#[test]
fn a_third_that_hears_the_owner_vouches_for_it() {
    tell(|| {
        let rig = Rig::three("third");
        let watch = Watch::start(&rig, VIP);
        let begin = Moment::now();
        rig.lab.lose("n1", "n2", 100).unwrap();
        sleep(SOON);
        rig.lab.heal().unwrap();
        rig.lab.lose("n2", "n1", 100).unwrap();
        sleep(SOON);
        rig.lab.heal().unwrap();
        assert_eq!(watch.nodes(begin), ["n1"], "n3 hears n1 whenever n2 does not\n{}", rig.logs());

        let cut = Moment::now();
        rig.lab.lose("n1", "n2", 100).unwrap();
        rig.lab.lose("n1", "n3", 100).unwrap();
        let (heir, took) = watch.another_than("n1", cut, LIMIT);
        sleep(Duration::from_millis(500));
        println!("unheard by both, n1 was replaced by {heir} after {took:?}");
        assert!(watch.overlap("n1", &heir, cut) < OVERLAP);
        assert_eq!(rig.one_owner(VIP.into()), heir);
        rig.lab.heal().unwrap();

        for (from, to) in [("n2", "n1"), ("n2", "n3"), ("n3", "n1"), ("n1", "n3")] {
            rig.lab.lose(from, to, 20).unwrap();
        }
        let lossy = Moment::now();
        sleep(SOON * 2);
        assert!(watch.silence(lossy) < SOON, "somebody answers, be a fifth of the frames lost");
        rig.lab.heal().unwrap();
        sleep(SOON);
        rig.one_owner(VIP.into());
    });
}

/// Each part has an owner while they are apart, and one of the two is left once they are not; the client of the one that
/// loses is told.
#[test]
fn two_parts_have_an_owner_each_and_one_when_they_are_one_again() {
    tell(|| {
        let rig = Rig::three("parts");
        let watch = Watch::start(&rig, VIP);
        let probe = rig.probe(&rig.lab.client(), VIP.into(), "n1");
        let cut = Moment::now();
        rig.lab.partition(&[&["n1", "client", "router"], &["n2", "n3", "cp"]]).unwrap();
        let (other, took) = watch.another_than("n1", cut, LIMIT);
        println!("{other} answered its part after {took:?}");
        sleep(SOON);
        let servers = probe.so_far();
        let servers = servers.servers(ferrolb_lab::probe::Witness::Datagram);
        assert_eq!(
            servers.last().map(|(_, node)| *node),
            Some("n1"),
            "the client's part has n1: {servers:?}"
        );
        assert_eq!(watch.nodes(cut).last(), Some(&other));

        let healed = Moment::now();
        rig.lab.heal().unwrap();
        let (winner, took) = served_by_another(&probe, "n1", healed, LIMIT);
        println!("the client followed to {winner} after {took:?}");
        sleep(Duration::from_millis(500));
        assert_eq!(rig.one_owner(VIP.into()), winner);
        assert!(watch.overlap("n1", &winner, healed) < OVERLAP, "both answered for too long");
    });
}
