//! BFD for BGP (RFC 5882): which sessions the peers want of the wire thread, and whom a dead path concerns. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_bfd::{Path, Profile};

use crate::wire::Command;

/// A peer whose path is to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The BGPPeer's name.
    pub peer: Arc<str>,
    /// Its address, as people read it.
    pub address: String,
    /// The path to it.
    pub path: Path,
    /// How it is watched.
    pub profile: Profile,
}

/// The paths that the wire thread was told to watch.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    wishes: Vec<Wish>,
}

impl Paths {
    /// The commands that lead to `wishes`, which count as told from now on. Of peers that share a path the first one's profile
    /// is used: two sessions with one peer cannot be told apart (RFC 5881 §3).
    pub fn changes(&mut self, wishes: Vec<Wish>) -> Vec<Command> {
        if self.wishes == wishes {
            return Vec::new();
        }
        let (before, now) = (by_path(&self.wishes), by_path(&wishes));
        let gone = before.keys().filter(|path| !now.contains_key(path)).map(|path| Command::BfdGone(*path));
        let wanted = now
            .iter()
            .filter(|(path, profile)| before.get(path) != Some(profile))
            .map(|(&path, &profile)| Command::Bfd { path, profile });
        let commands = gone.chain(wanted).collect();
        self.wishes = wishes;
        commands
    }

    /// All that is watched, by peer.
    pub fn wishes(&self) -> &[Wish] {
        &self.wishes
    }

    /// The peers at the end of this path.
    pub fn peers(&self, path: &Path) -> BTreeSet<Arc<str>> {
        self.wishes.iter().filter(|wish| wish.path == *path).map(|wish| Arc::clone(&wish.peer)).collect()
    }
}

fn by_path(wishes: &[Wish]) -> BTreeMap<Path, Profile> {
    wishes.iter().rev().map(|wish| (wish.path, wish.profile)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ferrolb_bfd::Hops;

    use super::*;

    fn wish(peer: &str, address: &str, milliseconds: u64) -> Wish {
        let interval = Duration::from_millis(milliseconds);
        Wish {
            peer: peer.into(),
            address: address.to_owned(),
            path: Path::new(Hops::Single, address.parse().unwrap(), None, None).unwrap(),
            profile: Profile::new(interval, interval, 3).unwrap(),
        }
    }

    fn text(paths: &mut Paths, wishes: &[Wish]) -> String {
        let word = |command: Command| match command {
            Command::Bfd { path, profile } => {
                let slow = profile == wish("", "192.0.2.1", 300).profile;
                format!("+{}{}", path.peer(), if slow { "" } else { " fast" })
            }
            Command::BfdGone(path) => format!("-{}", path.peer()),
            Command::Interface(_)
            | Command::Detach(_)
            | Command::Plan { .. }
            | Command::Ready { .. }
            | Command::Presence(_)
            | Command::Stale(_)
            | Command::Keys(_)
            | Command::Report(_)
            | Command::HandOver
            | Command::Stop => "other".to_owned(),
        };
        paths.changes(wishes.to_vec()).into_iter().map(word).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut paths = Paths::default();
        let (one, two) = (wish("a", "192.0.2.1", 300), wish("b", "192.0.2.2", 300));
        assert_eq!(text(&mut paths, &[one.clone(), two.clone()]), "+192.0.2.1, +192.0.2.2");
        assert_eq!(text(&mut paths, &[one.clone(), two.clone()]), "");
        assert_eq!(text(&mut paths, &[one.clone(), wish("b", "192.0.2.2", 50)]), "+192.0.2.2 fast");
        assert_eq!(text(&mut paths, &[wish("a", "192.0.2.3", 300)]), "-192.0.2.1, -192.0.2.2, +192.0.2.3");
    }

    #[test]
    fn peers_at_one_address_share_a_session() {
        let mut paths = Paths::default();
        let (one, other) = (wish("a", "192.0.2.1", 300), wish("b", "192.0.2.1", 50));
        assert_eq!(text(&mut paths, &[one.clone(), other.clone()]), "+192.0.2.1");
        assert_eq!(paths.peers(&one.path), BTreeSet::from(["a".into(), "b".into()]));
        assert_eq!(text(&mut paths, &[other]), "+192.0.2.1 fast");
        assert_eq!(paths.peers(&one.path), BTreeSet::from(["b".into()]));
    }
}
