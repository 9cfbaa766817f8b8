//! A file for each command.

pub(crate) mod bgp;
pub(crate) mod completion;
pub(crate) mod drain;
pub(crate) mod explain;
pub(crate) mod l2;
pub(crate) mod plan;
pub(crate) mod pools;
pub(crate) mod rebalance;
pub(crate) mod status;
pub(crate) mod validate;
pub(crate) mod version;
