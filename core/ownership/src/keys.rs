use core::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// How many bytes of the HMAC a frame carries.
pub(crate) const TAG_LEN: usize = 16;

/// A secret shared by the speakers of a cluster; it authenticates every frame (HMAC-SHA256, 16 bytes kept).
#[derive(Clone)]
pub struct Key {
    id: u32,
    keyed: Hmac<Sha256>,
}

impl Key {
    /// The fewest bytes of secret that are accepted.
    pub const MIN_LEN: usize = 16;

    /// A key made of `secret`; its id on the wire is derived from it, so that speakers need not number their keys.
    pub fn new(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < Self::MIN_LEN {
            return Err(KeyError { len: secret.len() });
        }
        let digest =
            Sha256::new().chain_update(b"ferrolb heartbeat key id\0").chain_update(secret).finalize();
        let id = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        let keyed = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
        Ok(Self { id, keyed })
    }

    /// What names this key in a frame.
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn tag(&self, bytes: &[u8]) -> [u8; TAG_LEN] {
        let full = self.keyed.clone().chain_update(bytes).finalize().into_bytes();
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&full[..TAG_LEN]);
        tag
    }

    /// Whether `tag` is this key's tag of `bytes`, in constant time.
    pub(crate) fn verifies(&self, bytes: &[u8], tag: &[u8]) -> bool {
        tag.len() == TAG_LEN && self.keyed.clone().chain_update(bytes).verify_truncated_left(tag).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:08x})", self.id)
    }
}

/// The keys in force: the newest, and during a rotation the one before it, which is accepted as well.
///
/// Speakers tell each other which keys they hold. The newest signs once every speaker that is heard holds it; until then
/// the one before does, so a key may reach the nodes minutes apart.
#[derive(Clone, Debug)]
pub struct Keys {
    newest: Key,
    also_accepted: Option<Key>,
}

impl Keys {
    /// Prefers `newest`, accepts it and `also_accepted`.
    pub fn new(newest: Key, also_accepted: Option<Key>) -> Self {
        Self { newest, also_accepted }
    }

    /// What signs; `known` says whether all others hold the key with an id.
    pub(crate) fn signing(&self, known: impl FnOnce(u32) -> bool) -> &Key {
        match &self.also_accepted {
            Some(before) if !known(self.newest.id) => before,
            Some(_) | None => &self.newest,
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        [Some(&self.newest), self.also_accepted.as_ref()].into_iter().flatten().map(Key::id)
    }

    pub(crate) fn find(&self, id: u32) -> Option<&Key> {
        [Some(&self.newest), self.also_accepted.as_ref()].into_iter().flatten().find(|key| key.id == id)
    }
}

/// A secret too short to authenticate anything.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the heartbeat key holds {len} bytes; put at least 16 random bytes into its Secret")]
pub struct KeyError {
    len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_fits_its_key_and_its_bytes_only() {
        let one = Key::new(&[1; 32]).unwrap();
        let two = Key::new(&[2; 32]).unwrap();
        let tag = one.tag(b"frame");
        assert!(one.verifies(b"frame", &tag));
        assert!(!one.verifies(b"frame!", &tag));
        assert!(!two.verifies(b"frame", &tag));
        assert!(!one.verifies(b"frame", &tag[..8]), "a shortened tag is no tag");
        assert_ne!(one.id(), two.id());
    }

    #[test]
    fn short_secrets_are_refused() {
        assert_eq!(Key::new(b"too short").unwrap_err(), KeyError { len: 9 });
    }
}
