//! What peers that keep routes over a restart are told of the last run.

use std::fs;
use std::io;
use std::path::Path;

use ferrolb_bgp::session::Restart;

/// Notes that this run has begun, and says how it follows on the last one of this node: packets have found their way
/// meanwhile if the machine has not started anew since (RFC 4724 §4.1), for it is not this process that carries them.
///
/// # Errors
/// The folder cannot be written, so that the next run will not know of this one.
pub fn follow_on(folder: &Path, node: &str) -> io::Result<Restart> {
    note(folder, node, fs::read_to_string(BOOT_ID)?.trim())
}

fn note(folder: &Path, node: &str, boot: &str) -> io::Result<Restart> {
    let file = folder.join(FILE);
    let last = match fs::read_to_string(&file) {
        Ok(last) => last,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let last = last.trim().split_once(' ').filter(|(last_node, _)| *last_node == node);
    fs::create_dir_all(folder)?;
    fs::write(file, format!("{node} {boot}\n"))?;
    Ok(Restart {
        restarted: last.is_some(),
        forwarding: last.is_some_and(|(_, last_boot)| last_boot == boot),
    })
}

/// A number that is another one after each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const FILE: &str = "last-run";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::standalone::tests::Folder;

    #[test]
    fn a_run_follows_on_the_last_one_of_its_node() {
        let folder = Folder::new("last-run");
        let inside = folder.0.join("made");
        let told = |node: &str, boot: &str| {
            let restart = note(&inside, node, boot).unwrap();
            (restart.restarted, restart.forwarding)
        };
        assert_eq!(told("a", "1"), (false, false), "the first");
        assert_eq!(told("a", "1"), (true, true));
        assert_eq!(told("a", "2"), (true, false), "the machine has started anew");
        assert_eq!(told("b", "2"), (false, false), "another node's folder");
    }
}
