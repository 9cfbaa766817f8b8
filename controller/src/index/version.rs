//! Order of resourceVersions.

/// Whether `candidate` is newer than `known`. Kubernetes' versions of one kind are numbers that grow (KEP-5504); what
/// is no number counts as newer, because acting on a newer state twice is harmless and missing one is not.
pub(crate) fn is_newer(candidate: &str, known: &str) -> bool {
    match (candidate.parse::<u128>(), known.parse::<u128>()) {
        (Ok(candidate), Ok(known)) => candidate > known,
        (Ok(_) | Err(_), _) => candidate != known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_newer("10", "9"));
        assert!(!is_newer("9", "10"));
        assert!(!is_newer("9", "9"));
        assert!(is_newer("x", "9"));
        assert!(is_newer("9", ""));
    }
}
