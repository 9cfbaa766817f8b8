//! What fuzzing kept of this crate's decoders, held to the same promises by `make check`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/frame.rs"]
mod frame;
#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/router.rs"]
mod router;

use replay::replay;

#[test]
fn frame() {
    replay("frame", frame::frame);
}

#[test]
fn router() {
    replay("router", router::messages);
}
