//! Tools of tests and benchmarks on the lab that stand on the wire: asking by ARP, flooding a segment, reading frames by
//! tshark and a program's metrics, all from inside one of the lab's network namespaces; and routing programs beside it.

pub mod arp;
pub mod audit;
pub mod flood;
pub mod inside;
pub mod metrics;
mod packet;
pub mod routing;
pub mod sniff;
pub mod tshark;

pub use inside::inside;
pub use packet::{Mac, mac_text};
