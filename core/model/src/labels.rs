//! Labels, in one piece of memory: a cluster has many, and most are only kept.

use std::{collections::BTreeMap, fmt, sync::Arc};

/// An object's labels, by key; cheap to clone. A NUL, which the API lets nobody write, becomes U+FFFD, so that what has one
/// matches nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Labels(
    /// Keys and values by turns, with a NUL between each two; `None` without labels.
    Option<Arc<str>>,
);

impl Labels {
    /// No labels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(other, _)| *other == key).map(|(_, value)| value)
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|text| {
            let mut texts = text.split('\0');
            std::iter::from_fn(move || Some((texts.next()?, texts.next()?)))
        })
    }
}

impl From<&BTreeMap<String, String>> for Labels {
    fn from(labels: &BTreeMap<String, String>) -> Self {
        let mut text =
            String::with_capacity(labels.iter().map(|(key, value)| key.len() + value.len() + 2).sum());
        for one in labels.iter().flat_map(|(key, value)| [key, value]) {
            text.extend(
                one.chars().map(|char| if char == '\0' { char::REPLACEMENT_CHARACTER } else { char }),
            );
            text.push('\0');
        }
        text.pop();
        Self((!labels.is_empty()).then(|| text.into()))
    }
}

/// An object of the API without labels may lack them.
impl From<Option<&BTreeMap<String, String>>> for Labels {
    fn from(labels: Option<&BTreeMap<String, String>>) -> Self {
        labels.map(Self::from).unwrap_or_default()
    }
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(labels: T) -> Self {
        Self::from(&labels.into_iter().collect::<BTreeMap<_, _>>())
    }
}

impl<const N: usize> From<[(String, String); N]> for Labels {
    fn from(labels: [(String, String); N]) -> Self {
        labels.into_iter().collect()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_come_by_key_and_may_be_empty_texts() {
        for pairs in [&[][..], &[("", "")], &[("a", "")], &[("a", "1"), ("b", ""), ("c", "é")]] {
            let one = labels(pairs);
            assert_eq!(one.iter().collect::<Vec<_>>(), pairs);
            assert_eq!(one.is_empty(), pairs.is_empty());
            for (key, value) in pairs {
                assert_eq!(one.get(key), Some(*value));
            }
            assert_eq!(one.get("d"), None);
        }
        assert_eq!(labels(&[("b", "2"), ("a", "1")]), labels(&[("a", "1"), ("b", "2")]));
        assert_eq!(format!("{:?}", labels(&[("a", "1")])), r#"{"a": "1"}"#);
    }

    #[test]
    fn a_nul_neither_splits_a_label_nor_is_lost() {
        let odd = labels(&[("a\0b", "1"), ("c", "2\0")]);
        assert_eq!(odd.iter().collect::<Vec<_>>(), [("a\u{FFFD}b", "1"), ("c", "2\u{FFFD}")]);
    }
}
