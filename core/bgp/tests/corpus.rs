//! Everything that fuzzing kept, held to the same promises: `make fuzz` finds new ones, this never forgets old ones.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(unreachable_pub, reason = "the fuzzer needs it public")]
#[path = "../../../fuzz/src/bgp.rs"]
mod bgp;

use std::fs;
use std::path::PathBuf;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "the corpus of {target} is gone");
    for file in files {
        // A panic is told with the name of the last file.
        println!("{}", file.display());
        run(&fs::read(&file).unwrap());
    }
}

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
