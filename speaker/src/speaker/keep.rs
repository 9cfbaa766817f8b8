use super::Speaker;
use crate::snapshot::Snapshot;

/// The configuration is kept for a run that starts while the API server is away.
impl Speaker {
    pub(super) fn restore(&mut self) {
        match Snapshot::load(&self.options.state_dir, self.options.node.as_str()) {
            Ok(Some(mut snapshot)) => {
                self.cluster = Some(snapshot.cluster());
                self.index.restore_bgp(snapshot.take_bgp());
                let (slices, facts, acquainted) = snapshot.into_parts();
                self.acquainted = acquainted;
                tracing::info!(
                    slices = slices.len(),
                    "The last good configuration is in force until the API server answers."
                );
                self.index.restore(slices, facts);
                let mut view = self.observed.view();
                view.configured = true;
                view.stale = true;
            }
            Ok(None) => {}
            Err(error) => {
                let folder = self.options.state_dir.display();
                tracing::warn!(%error, %folder, "The last good configuration is of no use; the API server's is waited for.");
            }
        }
    }

    pub(super) fn save(&self) {
        let (Some(_), Some(cluster), true) = (&self.kubernetes, self.cluster, self.index.is_complete())
        else {
            return;
        };
        let (node, facts) = (self.options.node.as_str(), self.index.facts().clone());
        let snapshot = Snapshot::new(cluster, node, facts, self.index.slices(), self.acquainted.clone());
        let snapshot = snapshot.with_bgp(self.index.kept_bgp());
        if let Err(error) = snapshot.save(&self.options.state_dir) {
            let folder = self.options.state_dir.display();
            tracing::warn!(%error, %folder, "The configuration cannot be kept for a restart while the API server is away.");
        }
    }
}
