//! Everything that fuzzing kept, held to the same promises: `make fuzz` finds new ones, this never forgets old ones.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/bgp.rs"]
mod bgp;

#[allow(unreachable_pub, reason = "the fuzzer shares it")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn messages() {
    replay("messages", bgp::messages);
}

#[test]
fn open() {
    replay("open", bgp::open);
}

#[test]
fn update() {
    replay("update", bgp::update);
}

#[test]
fn notification() {
    replay("notification", bgp::notification);
}
