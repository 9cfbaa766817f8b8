//! The speaker's wire thread with BFD sessions of its own.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_bfd::{Change, Event, Hops, Path, Profile};
use ferrolb_ownership::{ClusterId, Key, Keys, NodeName, Settings, Timing, Uid};
use ferrolb_speaker::wire::{Command, Identity, Output, Wire};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Receiver;

pub(crate) struct Watcher {
    runtime: Runtime,
    wire: Wire,
    outputs: Receiver<Output>,
}

impl Watcher {
    /// Call it inside the network that it is to be in.
    pub(crate) fn start(node: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let settings = Settings {
            cluster: ClusterId::of("bench"),
            keys: Keys::new(Key::new(&[1; 32]).context("a key")?, None),
            node: NodeName::new(node).context("a node's name")?,
            uid: Uid([3; 16]),
            timing: Timing::ORDINARY,
            gratuitous_rate: 100,
            stale_for: Settings::DEFAULT_STALE_FOR,
        };
        let (wire, outputs) = Wire::start(Identity { settings, acquainted: BTreeSet::new(), seed: 7 })?;
        ensure!(wire.realtime(), "the wire thread has no real-time scheduling here, and BIRD would");
        Ok(Self { runtime, wire, outputs })
    }

    pub(crate) fn watch(&self, path: Path, interval: u64) -> Result<()> {
        let interval = Duration::from_millis(interval);
        let profile = Profile::new(interval, interval, 3)?;
        Ok(self.runtime.block_on(self.wire.send(Command::Bfd { path, profile }))?)
    }

    /// The next event within a time.
    pub(crate) fn event(&mut self, limit: Duration) -> Result<Option<Event>> {
        self.runtime.block_on(async {
            let until = tokio::time::Instant::now() + limit;
            while let Ok(output) = tokio::time::timeout_at(until, self.outputs.recv()).await {
                match output.context("the wire thread has ended")? {
                    Output::Bfd(event) => return Ok(Some(event)),
                    Output::BfdUnusable { problem, .. } => anyhow::bail!("{problem}"),
                    Output::Event { .. } | Output::Unusable { .. } | Output::Report(_) => {}
                }
            }
            Ok(None)
        })
    }

    /// Waits for the session to be up.
    pub(crate) fn comes_up(&mut self, limit: Duration) -> Result<()> {
        let event = self.event(limit)?.context("the session does not come up")?;
        ensure!(event.change == Change::Up, "the session is {:?}", event.change);
        Ok(())
    }

    pub(crate) fn stop(self) {
        self.runtime.block_on(self.wire.stop());
    }
}

pub(crate) fn single(peer: IpAddr, local: Option<IpAddr>) -> Result<Path> {
    Path::new(Hops::Single, peer, local, None).map_err(|error| anyhow::anyhow!("{error:?}"))
}
