//! What fuzzing kept of this crate's decoders, held to the same promises by `make check`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/heartbeat.rs"]
mod heartbeat;
#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/speaker.rs"]
mod speaker;

use replay::replay;

#[test]
fn heartbeat() {
    replay("heartbeat", heartbeat::frames);
}
