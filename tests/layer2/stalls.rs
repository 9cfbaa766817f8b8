//! Processors that are somewhere else.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use crate::rig::{LIMIT, OVERLAP, Rig, SOON, VIP, tell};
use crate::watch::{Moment, Watch};

const STALL: Duration = Duration::from_millis(200);

/// An owner that stands still for 200 ms counts as dead, and knows that when it goes on; a backup that does so has missed nothing
/// it may act on.
#[test]
fn a_stall_of_200_ms_moves_what_the_stalled_one_owned_and_nothing_else() {
    tell(|| {
        let mut rig = Rig::three("stall");
        let watch = Watch::start(&rig, VIP);
        let begin = Moment::now();
        rig.stall("n2", STALL);
        sleep(SOON);
        assert_eq!(watch.nodes(begin), ["n1"], "n2 took what it did not hear of\n{}", rig.logs());

        let stalled = Moment::now();
        rig.stall("n1", STALL);
        let (heir, took) = watch.another_than("n1", stalled, LIMIT);
        sleep(SOON);
        let overlap = watch.overlap("n1", &heir, stalled);
        println!("{heir} answered after {took:?}; n1 beside it for {overlap:?}");
        assert!(overlap < OVERLAP, "n1 answered when it went on");
        assert_eq!(rig.one_owner(VIP.into()), heir);
    });
}

/// Busy loops on every node, more than there are processors: what is late for that is not taken for dead.
#[test]
fn busy_processors_move_nothing() {
    tell(|| {
        let rig = Rig::three("busy");
        let watch = Watch::start(&rig, VIP);
        let begin = Moment::now();
        let loops: Vec<_> = rig
            .lab
            .nodes()
            .iter()
            .map(|node| {
                let mut command = node.command(["sh", "-c", "while :; do :; done"]).unwrap();
                node.spawn(command.stdin(Stdio::null())).unwrap()
            })
            .collect();
        sleep(SOON * 3);
        drop(loops);
        assert_eq!(
            watch.nodes(begin),
            ["n1"],
            "something was taken from an owner that lives\n{}",
            rig.logs()
        );
    });
}
