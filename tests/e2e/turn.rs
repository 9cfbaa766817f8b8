//! Whose turn it is on which cluster.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::cluster::Cluster;
use crate::trial::Disturbs;

/// Tests that keep to themselves share the first cluster, so many at a time: most of a test is waiting.
const BESIDE: usize = 6;

static QUEUE: Mutex<Queue> =
    Mutex::new(Queue { sharing: 0, shares_wanted: 0, alone: [false; Cluster::MOST] });
static CHANGED: Condvar = Condvar::new();

/// Who runs, and who waits.
#[derive(Debug)]
struct Queue {
    /// Tests on the first cluster that keep to themselves, and those that wait for it.
    sharing: usize,
    shares_wanted: usize,
    /// Whether a test has a cluster to itself.
    alone: [bool; Cluster::MOST],
}

impl Queue {
    /// A cluster for one more test, if there is one now.
    fn take(&mut self, disturbs: Disturbs, clusters: usize) -> Option<usize> {
        match disturbs {
            Disturbs::Nobody => {
                let free = !self.alone[0] && self.sharing < BESIDE;
                self.sharing += usize::from(free);
                free.then_some(0)
            }
            Disturbs::Everybody => {
                // The last cluster first: the first one belongs to those that share it until all of them have run.
                let shared = self.sharing + self.shares_wanted > 0;
                let free = |cluster: &usize| !self.alone[*cluster] && (*cluster > 0 || !shared);
                let cluster = (0..clusters).rev().find(free)?;
                self.alone[cluster] = true;
                Some(cluster)
            }
        }
    }
}

/// A test's turn; it ends when the value is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    disturbs: Disturbs,
    cluster: usize,
}

impl Turn {
    /// Waits until a test that disturbs so may run.
    pub(crate) fn wait(disturbs: Disturbs) -> Self {
        let (mut queue, clusters) = (queue(), Cluster::count());
        queue.shares_wanted += usize::from(disturbs == Disturbs::Nobody);
        let cluster = loop {
            match queue.take(disturbs, clusters) {
                Some(cluster) => break cluster,
                None => queue = CHANGED.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        };
        queue.shares_wanted -= usize::from(disturbs == Disturbs::Nobody);
        Self { disturbs, cluster }
    }

    /// The number of the cluster to run on.
    pub(crate) fn cluster(&self) -> usize {
        self.cluster
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = queue();
        match self.disturbs {
            Disturbs::Nobody => queue.sharing -= 1,
            Disturbs::Everybody => queue.alone[self.cluster] = false,
        }
        CHANGED.notify_all();
    }
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}
