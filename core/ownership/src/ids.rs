use core::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Which cluster a frame belongs to: a hash of the uid of its `kube-system` namespace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClusterId(pub u64);

impl ClusterId {
    /// The id of the cluster whose `kube-system` namespace has this uid (or, without a cluster, any text that
    /// all of its speakers share).
    pub fn of(text: &str) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }
}

/// One run of a speaker: 128 random bits drawn at process start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uid(pub [u8; 16]);

impl Uid {
    /// The first half, which stands for the speaker in ballots and lists.
    pub fn short(self) -> ShortUid {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        ShortUid(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// The first 64 bits of a [`Uid`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortUid(pub u64);

impl fmt::Debug for ShortUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The name of a Kubernetes node (or of a machine, without a cluster): 1 to 253 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeName(Arc<str>);

impl NodeName {
    /// The longest name Kubernetes permits, in bytes.
    pub const MAX_LEN: usize = 253;

    /// The name, if its length is permitted.
    pub fn new(name: &str) -> Result<Self, NodeNameError> {
        match name.len() {
            1..=Self::MAX_LEN => Ok(Self(name.into())),
            len => Err(NodeNameError { len }),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node name that no Kubernetes node can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a node name of {len} bytes was given; use the name Kubernetes knows the node by, 1 to 253 bytes")]
pub struct NodeNameError {
    len: usize,
}
