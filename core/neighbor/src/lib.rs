//! ARP and NDP on one interface: frames, answering, the gratuitous schedule, duplicates; router advertisements.

pub mod advertising;
mod announcer;
mod askers;
mod duplicates;
mod frame;
mod heard;
mod limit;
mod mac;
mod neighbor;

pub use frame::{Form, Station, write_answer, write_datagram, write_gratuitous, write_request};
pub use heard::{Heard, Message, Reject, Request, group_mac, hear, solicited_node};
pub use limit::PerStation;
pub use mac::Mac;
pub use neighbor::{Answered, Neighbor, Sent};
