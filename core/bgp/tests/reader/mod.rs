//! Reads what a session sends, written apart from what writes it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What one message does to the table of whoever receives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// With everything that is said of the prefix, as octets.
    Announced(IpNet, Vec<u8>),
    Withdrawn(IpNet),
    EndOfRib(u16),
    RefreshBegins(u16),
    RefreshEnds(u16),
}

/// Cuts a stream into messages: kind and body.
pub(crate) fn messages(mut stream: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut found = Vec::new();
    while !stream.is_empty() {
        assert_eq!(stream[..16], [0xFF; 16]);
        let length = usize::from(u16::from_be_bytes([stream[16], stream[17]]));
        found.push((stream[18], stream[19..length].to_vec()));
        stream = &stream[length..];
    }
    found
}

/// The changes that a stream of messages makes, in order.
pub(crate) fn changes(stream: &[u8]) -> Vec<Change> {
    messages(stream).iter().flat_map(|(kind, body)| changes_of(*kind, body)).collect()
}

fn changes_of(kind: u8, body: &[u8]) -> Vec<Change> {
    match kind {
        2 => update(body),
        5 => {
            let afi = u16::from_be_bytes([body[0], body[1]]);
            vec![if body[2] == 1 { Change::RefreshBegins(afi) } else { Change::RefreshEnds(afi) }]
        }
        _ => vec![],
    }
}

fn update(body: &[u8]) -> Vec<Change> {
    if body == [0; 4] {
        return vec![Change::EndOfRib(1)];
    }
    let (withdrawn, rest) = counted(body);
    let (mut attributes, nlri) = counted(rest);
    let mut changes: Vec<_> = prefixes(1, withdrawn).into_iter().map(Change::Withdrawn).collect();
    let (mut said, mut announced) = (Vec::new(), prefixes(1, nlri));
    while !attributes.is_empty() {
        let long = attributes[0] & 0x10 != 0;
        let (flags, code) = (attributes[0] & 0xEF, attributes[1]);
        let (length, start) = if long {
            (usize::from(u16::from_be_bytes([attributes[2], attributes[3]])), 4)
        } else {
            (usize::from(attributes[2]), 3)
        };
        let value = &attributes[start..start + length];
        attributes = &attributes[start + length..];
        let afi = || u16::from_be_bytes([value[0], value[1]]);
        match code {
            14 => {
                let end = 4 + usize::from(value[3]);
                said.extend_from_slice(&value[..end]);
                announced.extend(prefixes(afi(), &value[end + 1..]));
            }
            15 if value.len() == 3 => return vec![Change::EndOfRib(afi())],
            15 => changes.extend(prefixes(afi(), &value[3..]).into_iter().map(Change::Withdrawn)),
            _ => {
                said.extend_from_slice(&[flags, code]);
                said.extend_from_slice(value);
            }
        }
    }
    changes.extend(announced.into_iter().map(|prefix| Change::Announced(prefix, said.clone())));
    changes
}

fn counted(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes[2..].split_at(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

fn prefixes(afi: u16, mut bytes: &[u8]) -> Vec<IpNet> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (bits, octets) = (bytes[0], usize::from(bytes[0].div_ceil(8)));
        let mut address = [0; 16];
        address[..octets].copy_from_slice(&bytes[1..1 + octets]);
        bytes = &bytes[1 + octets..];
        found.push(if afi == 1 {
            let first = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
            Ipv4Net::new(first, bits).unwrap().into()
        } else {
            Ipv6Net::new(Ipv6Addr::from(address), bits).unwrap().into()
        });
    }
    found
}

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
