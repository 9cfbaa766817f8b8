//! Where the configuration comes from: a cluster, or a folder. Both tell the same events.

pub mod cluster;
mod endpoints;
pub mod keys;
mod manifest;
pub mod standalone;

use ferrolb_api::{ServiceReference, VipAnnouncement};
use ferrolb_ownership::{ClusterId, Keys};
use ferrolb_runtime::watch::Change;
use serde::{Deserialize, Serialize};

use crate::interfaces::Usable;

pub(crate) use endpoints::Endpoints;
pub use endpoints::{EndpointGroup, ServiceName};

/// Something the index has to know.
#[derive(Debug)]
pub enum Event {
    /// The announcement slices changed.
    Slices(Change<Slice>),
    /// The own Node changed.
    Node(NodeFacts),
    /// The endpoints of Services changed.
    Endpoints(Change<EndpointGroup>),
    /// The node's interfaces changed.
    Interfaces(Vec<Usable>),
    /// Which cluster this is.
    Cluster(ClusterId),
    /// The heartbeat keys changed.
    Keys(Box<Keys>),
    /// Part of the configuration cannot be used; the text says which and why. `None`: all of it can.
    Problem(Option<String>),
}

/// The VIPs of one `AnnouncementSlice`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// The object's name.
    pub name: String,
    /// Its `resourceVersion`; zero without a cluster.
    #[serde(default)]
    pub revision: u64,
    /// Its VIPs.
    pub vips: Vec<VipAnnouncement>,
}

/// What the speaker reads of its own Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// The object's uid, which owns this speaker's `SpeakerState`.
    pub uid: String,
    /// Whether it is labelled to announce nothing.
    pub excluded: bool,
}

impl From<&ServiceReference> for ServiceName {
    fn from(reference: &ServiceReference) -> Self {
        Self { namespace: reference.namespace.clone(), name: reference.name.clone() }
    }
}
