//! The configuration from a folder of manifests, for machines with no cluster or none yet.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrolb_ownership::{ClusterId, Key, Keys};
use ferrolb_runtime::watch::Change;
use tokio::sync::mpsc::Sender;

use super::{Event, NodeFacts, keys, manifest, manifest::Manifests};
use crate::bgp;
use crate::sys::FolderWatch;

/// Tells what the folder holds, now and whenever it changes.
///
/// # Errors
/// The folder cannot be read or watched.
pub async fn follow(folder: PathBuf, node: String, events: Sender<Event>) -> anyhow::Result<()> {
    let mut watch = FolderWatch::new(&folder)
        .map_err(|error| anyhow::anyhow!("the folder {} cannot be watched: {error}", folder.display()))?;
    let identity = Identity::read(&folder)?;
    if identity.guessable {
        tracing::warn!(
            folder = %folder.display(),
            "There is no heartbeat.key, so anybody on the segment can forge claims; put 32 random bytes there."
        );
    }
    let mut reader = Reader::default();
    let first = [
        Event::Cluster(identity.cluster),
        Event::Keys(Box::new(identity.keys)),
        Event::Node(NodeFacts::default()),
    ];
    for event in first {
        events.send(event).await?;
    }
    loop {
        let (manifests, problems) = reader.read(&folder)?;
        for problem in &problems {
            tracing::warn!(problem, "A file cannot be used; its last good version stays in force.");
        }
        let problem = (!problems.is_empty()).then(|| problems.join("; "));
        events.send(Event::Problem(problem)).await?;
        for event in told(manifests, &node) {
            events.send(event).await?;
        }
        watch.changed().await?;
        // Editors write in several steps; what happens meanwhile waits in the watch.
        tokio::time::sleep(SETTLE).await;
    }
}

/// Slices come last, so that what they name is known by then.
fn told(manifests: Manifests, node: &str) -> [Event; 7] {
    let Manifests { slices, peers, advertisements, profiles, communities, mut nodes, passwords } = manifests;
    let node = nodes.remove(node).unwrap_or_default();
    let told = |change| Event::Bgp(Box::new(change));
    [
        Event::Node(node),
        Event::Passwords(passwords),
        told(bgp::Change::Communities(Change::All(communities))),
        told(bgp::Change::Profiles(Change::All(profiles))),
        told(bgp::Change::Peers(Change::All(peers))),
        told(bgp::Change::Advertisements(Change::All(advertisements))),
        Event::Slices(Change::All(slices)),
    ]
}

/// What the folder says of the speakers as a whole. It is read once: all of them would have to change together.
struct Identity {
    cluster: ClusterId,
    keys: Keys,
    guessable: bool,
}

impl Identity {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let name = match std::fs::read_to_string(folder.join("cluster")) {
            Ok(name) => name.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "default".to_owned(),
            Err(error) => anyhow::bail!("{} cannot be read: {error}", folder.join("cluster").display()),
        };
        let file = folder.join("heartbeat.key");
        let guessable = !file.exists();
        let key = if guessable {
            Key::new(format!("ferrolb without a key: {name}").as_bytes())?
        } else {
            keys::read_file(&file)?
        };
        Ok(Self { cluster: ClusterId::of(&name), keys: Keys::new(key, None), guessable })
    }
}

/// Reads manifests and remembers the last good version of each file.
#[derive(Debug, Default)]
struct Reader {
    good: BTreeMap<String, Manifests>,
}

impl Reader {
    /// What is in force, and what is wrong with files that cannot be used.
    fn read(&mut self, folder: &Path) -> io::Result<(Manifests, Vec<String>)> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let manifest = path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
            if let Some(name) = path.file_name().and_then(|name| name.to_str())
                && manifest
                && !name.starts_with('.')
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        let mut problems = Vec::new();
        self.good.retain(|name, _| names.binary_search(name).is_ok());
        for name in names {
            match read_file(&folder.join(&name)).and_then(|text| manifest::parse(&name, &text)) {
                Ok(manifests) => drop(self.good.insert(name, manifests)),
                Err(problem) => problems.push(problem),
            }
        }
        let mut all = Manifests::default();
        self.good.values().for_each(|manifests| all.extend(manifests.clone()));
        Ok((all, problems))
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let name = path.display();
    let size = std::fs::metadata(path).map_err(|error| format!("{name} cannot be read: {error}"))?.len();
    if size > MAX_FILE {
        return Err(format!("{name} has {size} bytes; split it, at most {MAX_FILE} are read"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}"))
}

const SETTLE: Duration = Duration::from_millis(20);
/// In bytes: room for more than 10,000 VIPs.
const MAX_FILE: u64 = 4 << 20;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::source::Vip;

    /// A folder of its own that goes with the test.
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("ferrolb-speaker-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.0.join(name), text).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn manifest(ip: &str) -> String {
        format!(
            "apiVersion: ferrolb.io/v1beta1\nkind: AnnouncementSlice\nmetadata: {{name: s}}\nspec:\n  vips:\n  - ip: {ip}\n    layer2: {{nodes: [a]}}\n"
        )
    }

    fn ips(manifests: &Manifests) -> Vec<String> {
        manifests.slices.iter().flat_map(|slice| &slice.vips).map(Vip::ip).collect()
    }

    #[test]
    fn a_broken_file_keeps_its_last_good_version() {
        let folder = Folder::new("broken");
        let mut reader = Reader::default();
        folder.write("a.yaml", &manifest("192.0.2.1"));
        folder.write("b.yml", &manifest("192.0.2.2"));
        folder.write("notes.txt", "not a manifest");
        folder.write(".a.yaml.swp", "not a manifest");
        let (slices, problems) = reader.read(&folder.0).unwrap();
        assert_eq!((ips(&slices), problems.len()), (vec!["192.0.2.1".to_owned(), "192.0.2.2".to_owned()], 0));

        folder.write("a.yaml", "spec: [");
        folder.write("b.yml", &manifest("192.0.2.3"));
        let (slices, problems) = reader.read(&folder.0).unwrap();
        assert_eq!(ips(&slices), ["192.0.2.1", "192.0.2.3"]);
        assert!(problems.len() == 1 && problems[0].starts_with("a.yaml, line 1:"), "{problems:?}");

        std::fs::remove_file(folder.0.join("a.yaml")).unwrap();
        let (slices, problems) = reader.read(&folder.0).unwrap();
        assert_eq!((ips(&slices), problems.len()), (vec!["192.0.2.3".to_owned()], 0));
    }

    #[test]
    fn speakers_without_files_share_the_documented_defaults() {
        let folder = Folder::new("identity");
        let identity = Identity::read(&folder.0).unwrap();
        assert!(identity.guessable && identity.cluster == ClusterId::of("default"));
        folder.write("cluster", "lab\n");
        folder.write("heartbeat.key", "a secret of more than sixteen bytes\n");
        let identity = Identity::read(&folder.0).unwrap();
        assert!(!identity.guessable && identity.cluster == ClusterId::of("lab"));
    }

    #[tokio::test]
    async fn changes_are_told_as_they_happen() {
        let folder = Folder::new("follow");
        folder.write("a.yaml", &manifest("192.0.2.1"));
        let (sender, mut events) = tokio::sync::mpsc::channel(16);
        let follower = tokio::spawn(follow(folder.0.clone(), "a".into(), sender));
        let mut next_ips = async || loop {
            let event = tokio::time::timeout(Duration::from_secs(5), events.recv()).await.unwrap().unwrap();
            if let Event::Slices(Change::All(slices)) = event {
                let manifests = Manifests { slices, ..Manifests::default() };
                return ips(&manifests);
            }
        };
        assert_eq!(next_ips().await, ["192.0.2.1"]);
        folder.write("b.yaml", &manifest("192.0.2.2"));
        while next_ips().await != ["192.0.2.1", "192.0.2.2"] {}
        follower.abort();
    }
}
