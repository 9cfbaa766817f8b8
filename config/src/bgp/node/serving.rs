//! Whether a node's routes carry a VIP.

use ferrolb_api::TrafficPolicy;

/// How many ready endpoints carry a VIP's traffic on a node, if it is to be announced in routes, which the policy says of each
/// of its Services. `ready` has for each how many endpoints are ready on the node, and whether any is anywhere; a VIP that
/// names no Service is announced always.
pub fn serving(policy: TrafficPolicy, ready: &[(u32, bool)]) -> Option<u32> {
    let policy = match policy {
        TrafficPolicy::Cluster => ferrolb_model::TrafficPolicy::Cluster,
        TrafficPolicy::Local => ferrolb_model::TrafficPolicy::Local,
    };
    let carried = ready.iter().any(|(here, anywhere)| policy.carries(*here > 0, *anywhere));
    let here = ready.iter().fold(0_u32, |sum, (here, _)| sum.saturating_add(*here));
    (carried || ready.is_empty()).then_some(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_asks_for_an_endpoint_anywhere_and_local_for_one_here() {
        let (cluster, local) = (TrafficPolicy::Cluster, TrafficPolicy::Local);
        for (policy, ready, carried) in [
            (cluster, &[(0, true)][..], Some(0)),
            (cluster, &[(0, false), (2, true)], Some(2)),
            (cluster, &[(0, false)], None),
            (local, &[(0, true)], None),
            (local, &[(0, true), (1, true)], Some(1)),
            (local, &[], Some(0)),
        ] {
            assert_eq!(serving(policy, ready), carried, "{policy:?} {ready:?}");
        }
    }
}
