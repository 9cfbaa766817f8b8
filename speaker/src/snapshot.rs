//! The last good configuration, kept in the node's /run so that a speaker which starts while the API server is away
//! announces at once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::path::Path;
use std::{fmt, fs};

use ferrolb_api::VipAnnouncement;
use ferrolb_ownership::ClusterId;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::bgp::Kept;
use crate::source::{Common, NodeFacts, Slice};

/// What is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot<'a> {
    version: u32,
    cluster: u64,
    node: String,
    facts: NodeFacts,
    #[serde(deserialize_with = "slices")]
    slices: Vec<Cow<'a, Slice>>,
    /// The names of interfaces on which other speakers were heard: who hears none there later is cut off or the last one, and
    /// not on a segment whose ports are isolated.
    #[serde(default)]
    acquainted: BTreeSet<String>,
    #[serde(default)]
    bgp: Kept,
}

/// Why there is nothing to start from.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file is damaged.
    #[error("it is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// The file was written by another version, or for another node.
    #[error("it was written by another version of the speaker or for another node")]
    Foreign,
}

impl<'a> Snapshot<'a> {
    /// The configuration of `node` in `cluster`, and the interfaces on which other speakers were heard.
    pub fn new(
        cluster: ClusterId,
        node: &str,
        facts: NodeFacts,
        slices: impl IntoIterator<Item = &'a Slice>,
        acquainted: BTreeSet<String>,
    ) -> Self {
        Self {
            version: VERSION,
            cluster: cluster.0,
            node: node.to_owned(),
            facts,
            slices: slices.into_iter().map(Cow::Borrowed).collect(),
            acquainted,
            bgp: Kept::default(),
        }
    }

    /// With these peers, advertisements, profiles and communities.
    #[must_use]
    pub fn with_bgp(self, bgp: Kept) -> Self {
        Self { bgp, ..self }
    }

    /// Takes the peers, advertisements, profiles and communities out.
    pub fn take_bgp(&mut self) -> Kept {
        std::mem::take(&mut self.bgp)
    }

    /// Which cluster it is of.
    pub fn cluster(&self) -> ClusterId {
        ClusterId(self.cluster)
    }

    /// What it holds.
    pub fn into_parts(self) -> (Vec<Slice>, NodeFacts, BTreeSet<String>) {
        (self.slices.into_iter().map(Cow::into_owned).collect(), self.facts, self.acquainted)
    }

    /// Reads what [`Self::save`] wrote for this node; `None` if it never did.
    ///
    /// # Errors
    /// There is a file, but it is of no use.
    pub fn load(folder: &Path, node: &str) -> Result<Option<Self>, LoadError> {
        let bytes = match fs::read(folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let snapshot: Self = serde_json::from_slice(&bytes)?;
        if snapshot.version != VERSION || snapshot.node != node {
            return Err(LoadError::Foreign);
        }
        Ok(Some(snapshot))
    }

    /// Writes it in place of the one before; a crash leaves either whole.
    ///
    /// # Errors
    /// The folder cannot be made or written.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let new = folder.join(NEW_FILE);
        let mut file = io::BufWriter::new(fs::File::create(&new)?);
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        fs::rename(new, folder.join(FILE))
    }
}

/// A slice as it is written.
#[derive(Deserialize)]
struct Written {
    name: String,
    #[serde(default)]
    revision: u64,
    vips: Vec<VipAnnouncement>,
}

/// Reads slices one after the other, so that what they have in common is kept once.
fn slices<'a, 'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'a, Slice>>, D::Error> {
    struct Slices<'a>(PhantomData<&'a Slice>);
    impl<'a, 'de> Visitor<'de> for Slices<'a> {
        type Value = Vec<Cow<'a, Slice>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("slices")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut written: A) -> Result<Self::Value, A::Error> {
            let (mut slices, mut common) = (Vec::new(), Common::default());
            while let Some(Written { name, revision, vips }) = written.next_element()? {
                slices.push(Cow::Owned(common.slice(name, revision, vips)));
            }
            Ok(slices)
        }
    }
    deserializer.deserialize_seq(Slices(PhantomData))
}

const VERSION: u32 = 1;
const FILE: &str = "configuration.json";
const NEW_FILE: &str = "configuration.json.new";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::standalone::tests::Folder;

    #[test]
    fn what_was_saved_is_loaded_by_its_node_only() {
        let folder = Folder::new("snapshot");
        let inside = folder.0.join("made/when/missing");
        assert!(matches!(Snapshot::load(&inside, "a"), Ok(None)));
        let facts = NodeFacts {
            uid: "u".into(),
            excluded: true,
            leaving: Some("cordoned".into()),
            ..NodeFacts::default()
        };
        let slices = vec![Common::default().slice("s".into(), 5, [])];
        let acquainted = BTreeSet::from(["eth0".to_owned()]);
        let snapshot = Snapshot::new(ClusterId(7), "a", facts, &slices, acquainted);
        snapshot.save(&inside).unwrap();
        assert_eq!(Snapshot::load(&inside, "a").unwrap(), Some(snapshot));
        assert!(matches!(Snapshot::load(&inside, "b"), Err(LoadError::Foreign)));
        fs::write(inside.join(FILE), "{").unwrap();
        assert!(matches!(Snapshot::load(&inside, "a"), Err(LoadError::Damaged(_))));
    }

    #[test]
    fn a_version_that_did_not_keep_who_was_heard_is_followed() {
        let folder = Folder::new("snapshot-before");
        let before =
            r#"{"version":1,"cluster":7,"node":"a","facts":{"uid":"u","excluded":false},"slices":[]}"#;
        fs::write(folder.0.join(FILE), before).unwrap();
        let (_, facts, acquainted) = Snapshot::load(&folder.0, "a").unwrap().unwrap().into_parts();
        assert_eq!((facts.uid.as_str(), acquainted), ("u", BTreeSet::new()));
    }
}
