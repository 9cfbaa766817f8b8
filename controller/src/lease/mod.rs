//! Leadership: one `coordination.k8s.io` Lease, held by at most one controller at a time.
//!
//! Clocks of two machines are never compared. A candidate takes the lease over once it has *watched it stay unchanged*
//! for the lease's whole duration on its own boot-time clock; the holder counts from the moment it *sent* a renewal that
//! succeeded. The holder's time therefore ends before anybody else's begins, also when it was frozen in between.

mod holder;
pub(crate) mod state;

pub(crate) use holder::{Holder, Leadership};

use std::time::Duration;

/// How long things take around the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long the lease holds after a renewal; whole seconds.
    pub duration: Duration,
    /// How often the holder renews and a candidate looks.
    pub renew: Duration,
    /// How long a request about it may take; several must fit into `duration`.
    pub request: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { duration: state::DURATION, renew: state::RETRY, request: Duration::from_secs(3) }
    }
}
