//! The node that a VIP's Service asks for.

use std::fmt;

use ferrolb_model::{L2Advertisement, Node, NodeName};

use crate::eligible::selects;

/// A node that was asked for, and why it does not get the VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// The node.
    pub node: NodeName,
    /// Why not.
    pub why: Obstacle,
}

/// Why a node does not get a VIP that is asked to move to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There is none of that name.
    NoSuchNode,
    /// It is labelled out of load balancers.
    Excluded,
    /// No advertisement of the VIP selects it.
    Unselected,
    /// It has no interface for the VIP.
    WithoutInterface,
    /// Under Local it has no ready endpoint and another has.
    NoEndpoint,
}

impl Obstacle {
    /// Why the node is not eligible; `node` is what is known of it.
    pub(crate) fn of(node: Option<&Node>, advertisements: &[&L2Advertisement]) -> Self {
        match node {
            None => Self::NoSuchNode,
            Some(node) if node.excluded => Self::Excluded,
            Some(node) if !advertisements.iter().any(|one| selects(one, node)) => Self::Unselected,
            Some(_) => Self::WithoutInterface,
        }
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.why {
            Obstacle::NoSuchNode => "there is no such node",
            Obstacle::Excluded => "that node is labelled out of load balancers",
            Obstacle::Unselected => "no L2Advertisement of it selects that node",
            Obstacle::WithoutInterface => "that node has no interface for it",
            Obstacle::NoEndpoint => "that node has no ready endpoint (externalTrafficPolicy Local)",
        };
        write!(f, "it does not move to {}, which the annotation ferrolb.io/move-to names: {why}", self.node)
    }
}
