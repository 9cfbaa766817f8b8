use core::fmt;

use super::Asn;

/// The path of a route as we send it: one sequence, nearest AS first. We never send sets (RFC 9774).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct AsPath(Vec<Asn>);

impl AsPath {
    /// A path through nobody: what internal peers are told of our own routes (RFC 4271 §5.1.2).
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// A path of `count` times the same AS: ours, and again as often as it is to be prepended.
    pub fn repeated(asn: Asn, count: usize) -> Self {
        Self(vec![asn; count])
    }

    /// Every AS, nearest first.
    pub fn asns(&self) -> &[Asn] {
        &self.0
    }
}

impl FromIterator<Asn> for AsPath {
    fn from_iter<I: IntoIterator<Item = Asn>>(asns: I) -> Self {
        Self(asns.into_iter().collect())
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, asn) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            asn.fmt(f)?;
        }
        Ok(())
    }
}
