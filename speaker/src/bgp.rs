//! BGP on this node: the objects that say what it should do, and what follows from them, in `ferrolb-config`, where the plugin
//! asks the same.

pub use ferrolb_config::bgp::node::{
    BgpDesired, Change, Input, Kept, Ledger, Objects, PeerPlan, RouteAttributes, Table, serving,
};
