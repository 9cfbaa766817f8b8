use crate::ShortUid;

/// What a claim to a VIP is worth; the greater one wins, by content alone.
///
/// The order of the fields is the order of comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ballot {
    /// Whether the claimant could exchange frames with anybody when it claimed.
    pub connected: bool,
    /// Grows with every take-over.
    pub term: u64,
    /// Who claims.
    pub uid: ShortUid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_beats_term_beats_uid() {
        let ballot = |connected, term, uid| Ballot { connected, term, uid: ShortUid(uid) };
        assert!(ballot(true, 1, 1) > ballot(false, 900, 900));
        assert!(ballot(true, 3, 1) > ballot(true, 2, 900));
        assert!(ballot(true, 3, 2) > ballot(true, 3, 1));
    }
}
