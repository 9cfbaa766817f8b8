/// The smallest part of `faults` that still fails, found by leaving out one after the other.
///
/// `fails` runs the simulation with a part of the faults, in their order; it must be deterministic.
pub fn shrink<F: Clone>(faults: &[F], mut fails: impl FnMut(&[F]) -> bool) -> Vec<F> {
    let mut kept = faults.to_vec();
    let mut at = 0;
    while at < kept.len() {
        let mut fewer = kept.clone();
        fewer.remove(at);
        if fails(&fewer) {
            (kept, at) = (fewer, 0);
        } else {
            at += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_needed_to_fail_and_nothing_else() {
        let faults: Vec<u32> = (0..10).collect();
        assert_eq!(shrink(&faults, |part| part.contains(&3) && part.contains(&8)), [3, 8]);
        assert_eq!(shrink(&faults, |_| true), [0u32; 0]);
    }
}
