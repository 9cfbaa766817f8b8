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
    tell(|| stalls("stall", |rig, node| rig.stall(node, STALL)));
}

/// The same if a program takes the processor. What arrives meanwhile waits in the speaker's sockets, and is read before anything
/// that is due by the clock.
#[test]
fn a_hog_on_its_processor_for_400_ms_moves_what_the_owner_had_and_nothing_else() {
    tell(|| stalls("hog", |rig, node| rig.hog(node, 2 * STALL)));
}

fn stalls(name: &str, stall: fn(&mut Rig, &str)) {
    let mut rig = Rig::three(name);
    let watch = Watch::start(&rig, VIP);
    let begin = Moment::now();
    stall(&mut rig, "n2");
    sleep(SOON);
    assert_eq!(watch.nodes(begin), ["n1"], "n2 took what it did not hear of\n{}", rig.logs());

    let stalled = Moment::now();
    stall(&mut rig, "n1");
    let (heir, took) = watch.another_than("n1", stalled, LIMIT);
    sleep(SOON);
    let overlap = watch.overlap("n1", &heir, stalled);
    println!("{heir} answered after {took:?}; n1 beside it for {overlap:?}");
    assert!(overlap < OVERLAP, "n1 answered when it went on");
    assert_eq!(rig.one_owner(VIP.into()), heir);
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
