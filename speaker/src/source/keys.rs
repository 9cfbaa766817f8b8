//! Heartbeat keys: what files hold them, and which one signs.

use std::io;
use std::path::Path;
use std::time::Duration;

use ferrolb_ownership::{Key, Keys};
use tokio::sync::mpsc::Sender;

use super::Event;
use crate::sys::FolderWatch;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read.
    #[error("{path} cannot be read ({error}): mount the heartbeat Secret there")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A file holds no usable key.
    #[error("{path}: {error}")]
    Unusable {
        /// Which.
        path: String,
        /// Why.
        error: ferrolb_ownership::KeyError,
    },
    /// No file is a key.
    #[error(
        "{path} holds no file named key-1, key-2 and so on: the controller makes them in the heartbeat Secret"
    )]
    None {
        /// The folder.
        path: String,
    },
}

/// Reads the two newest keys of a folder: `key-N` with the highest N signs, the one before is accepted too.
///
/// # Errors
/// There is none, or one of the two cannot be used.
pub fn read_folder(folder: &Path) -> Result<Keys, KeysError> {
    let unreadable = |error| KeysError::Unreadable { path: folder.display().to_string(), error };
    let mut numbered = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(number) = name.and_then(|name| name.strip_prefix("key-")?.parse::<u64>().ok()) {
            numbered.push((number, path));
        }
    }
    numbered.sort_unstable();
    let mut newest = numbered.into_iter().rev().map(|(_, path)| read_file(&path));
    let signing = newest.next().ok_or_else(|| KeysError::None { path: folder.display().to_string() })??;
    Ok(Keys::new(signing, newest.next().transpose()?))
}

/// Reads one key.
///
/// # Errors
/// The file cannot be read, or holds too little.
pub fn read_file(path: &Path) -> Result<Key, KeysError> {
    let name = || path.display().to_string();
    let content = std::fs::read(path).map_err(|error| KeysError::Unreadable { path: name(), error })?;
    Key::new(&secret(&content)).map_err(|error| KeysError::Unusable { path: name(), error })
}

/// Tells the keys of a folder, now and whenever they change. A folder that is not there yet is waited for.
pub async fn follow(folder: &Path, events: Sender<Event>) {
    let mut told = None;
    let mut complained = String::new();
    loop {
        let mut watch = FolderWatch::new(folder);
        loop {
            match read_folder(folder) {
                Ok(keys) => {
                    complained.clear();
                    let identity = format!("{keys:?}");
                    if told.as_ref() != Some(&identity) {
                        told = Some(identity);
                        if events.send(Event::Keys(Box::new(keys))).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) if complained == error.to_string() => {}
                Err(error) => {
                    complained = error.to_string();
                    tracing::warn!(%error, "The heartbeat keys cannot be used; the last good ones stay in force.");
                }
            }
            let Ok(watch) = &mut watch else { break };
            if watch.changed().await.is_err() {
                break;
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The secret in a file: 32 bytes are taken as they are, base64 of 32 is decoded, anything else is text and loses its
/// final newline.
fn secret(content: &[u8]) -> Vec<u8> {
    if content.len() == 32 {
        return content.to_vec();
    }
    let text = content.strip_suffix(b"\n").unwrap_or(content);
    base64_of_32(text).map_or_else(|| text.to_vec(), |bytes| bytes.to_vec())
}

/// Decodes exactly 32 bytes of standard base64 with padding (RFC 4648 §4).
fn base64_of_32(text: &[u8]) -> Option<[u8; 32]> {
    let digits: &[u8; 43] = text.strip_suffix(b"=")?.try_into().ok()?;
    let mut bytes = [0; 32];
    let (mut bits, mut count, mut at) = (0_u32, 0, 0);
    for &digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(at)? = (bits >> count & 0xff) as u8;
            at += 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::standalone::tests::Folder;

    #[test]
    fn base64_is_decoded_only_where_it_is_32_bytes() {
        assert_eq!(secret(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"), (0..32).collect::<Vec<u8>>());
        assert_eq!(secret(b"/+7dzLuqmYh3ZlVEMyIRAP/u3cy7qpmId2ZVRDMiEQA="), {
            let half: Vec<u8> = (0..16).rev().map(|i| i * 17).collect();
            [half.clone(), half].concat()
        });
        assert_eq!(secret(b"sixteen bytes or more\n"), b"sixteen bytes or more");
        assert_eq!(secret(&[7; 32]), [7; 32]);
    }

    #[test]
    fn the_highest_number_signs() {
        let folder = Folder::new("keys");
        assert!(matches!(read_folder(&folder.0), Err(KeysError::None { .. })));
        for number in [2, 9, 10] {
            std::fs::write(folder.0.join(format!("key-{number}")), vec![number; 32]).unwrap();
        }
        std::fs::write(folder.0.join("other"), "x").unwrap();
        let expected = Keys::new(Key::new(&[10; 32]).unwrap(), Some(Key::new(&[9; 32]).unwrap()));
        assert_eq!(format!("{:?}", read_folder(&folder.0).unwrap()), format!("{expected:?}"));
        std::fs::write(folder.0.join("key-11"), "short").unwrap();
        let error = read_folder(&folder.0).unwrap_err().to_string();
        assert!(error.contains("key-11") && error.contains("5 bytes"), "{error}");
    }
}
