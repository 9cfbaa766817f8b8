//! What fuzzing kept, for the tests that hold it to the same promises.

use std::fs;
use std::path::PathBuf;

/// Runs a target on every file of its corpus.
pub fn replay(target: &str, run: fn(&[u8])) {
    // The crate that includes this lies two folders below the root.
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
