use std::collections::BTreeMap;

use ipnet::IpNet;

use super::reader::Change;

/// A receiver's table: what it would route by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Table {
    pub(crate) routes: BTreeMap<IpNet, Vec<u8>>,
    /// Not heard of since a refresh began.
    stale: Vec<IpNet>,
    pub(crate) refreshing: Vec<u16>,
    pub(crate) ends: Vec<u16>,
}

impl Table {
    /// Takes in what one message does; says if it makes no difference.
    pub(crate) fn apply(&mut self, change: &Change) -> bool {
        match change {
            Change::Announced(prefix, said) => {
                self.stale.retain(|stale| stale != prefix);
                return self.routes.insert(*prefix, said.clone()).as_ref() == Some(said);
            }
            Change::Withdrawn(prefix) => return self.routes.remove(prefix).is_none(),
            Change::EndOfRib(afi) => self.ends.push(*afi),
            Change::RefreshBegins(afi) => {
                assert!(self.ends.contains(afi), "RFC 7313 §4: the table first");
                assert!(!self.refreshing.contains(afi), "one answer at a time");
                self.refreshing.push(*afi);
                self.stale.extend(self.routes.keys().filter(|prefix| of(*afi, prefix)));
            }
            Change::RefreshEnds(afi) => {
                assert!(self.refreshing.contains(afi), "an answer ends that has not begun");
                self.refreshing.retain(|begun| begun != afi);
                for prefix in self.stale.extract_if(.., |prefix| of(*afi, prefix)) {
                    self.routes.remove(&prefix);
                }
            }
        }
        false
    }
}

fn of(afi: u16, prefix: &IpNet) -> bool {
    (afi == 1) == matches!(prefix, IpNet::V4(_))
}
