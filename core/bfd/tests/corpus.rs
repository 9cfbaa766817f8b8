//! What fuzzing kept of this crate's decoders, held to the same promises by `make check`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/bfd.rs"]
mod bfd;
#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn bfd() {
    replay("bfd", bfd::datagrams);
}
