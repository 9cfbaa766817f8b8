//! Where the configuration comes from: a cluster, or a folder. Both tell the same events.

pub mod cluster;
mod endpoints;
pub mod keys;
mod manifest;
mod node;
pub mod passwords;
mod slice;
pub mod standalone;

use ferrolb_ownership::{ClusterId, Keys};
use ferrolb_runtime::watch::Change;

use crate::bgp;
use crate::interfaces::Interfaces;
use crate::sys::tcp::Password;

pub(crate) use endpoints::Endpoints;
#[cfg(test)]
pub(crate) use endpoints::tests::group;
pub use endpoints::{EndpointGroup, ServiceName};
pub use node::NodeFacts;
pub use passwords::Passwords;
pub use slice::{Common, Reference, Slice, Vip};

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
    Interfaces(Interfaces),
    /// Which cluster this is.
    Cluster(ClusterId),
    /// The heartbeat keys changed.
    Keys(Box<Keys>),
    /// Peers, advertisements, profiles or communities changed.
    Bgp(Box<bgp::Change>),
    /// A Secret with the password of BGP sessions changed.
    Password {
        /// Its name.
        secret: String,
        /// Its password, or why it is of no use; `None`: there is no such Secret.
        password: Option<Result<Password, String>>,
    },
    /// These are all passwords that there are.
    Passwords(Passwords),
    /// Part of the configuration cannot be used; the text says which and why. `None`: all of it can.
    Problem(Option<String>),
}
