//! From an allocator's outcome to what a Service's status should say.

use ferrolb_api::{condition::allocated, write_assignment};
use ferrolb_ipam::{Outcome, Refusal};
use ferrolb_model::Assignment;

use crate::write::ServiceStatus;

/// What the status should say; `None`: it is left as it is.
pub(crate) fn status_for(outcome: &Outcome) -> Option<ServiceStatus> {
    match outcome {
        Outcome::Assigned(addresses) => Some(assigned(addresses, allocated::ALLOCATED, "")),
        Outcome::Kept { addresses, refusal } => {
            Some(assigned(addresses, refusal.reason(), &format!("; {refusal}")))
        }
        Outcome::Refused(refusal) => Some(refused(refusal)),
        Outcome::Foreign(_) | Outcome::Removed => None,
    }
}

fn assigned(addresses: &[Assignment], reason: &str, remark: &str) -> ServiceStatus {
    let named = addresses.iter().map(|one| (one.address, one.pool.as_ref().map(|pool| pool.as_str())));
    ServiceStatus {
        addresses: addresses.iter().map(|one| one.address).collect(),
        allocated: true,
        reason: reason.into(),
        message: write_assignment(named) + remark,
    }
}

fn refused(refusal: &Refusal) -> ServiceStatus {
    ServiceStatus {
        addresses: Vec::new(),
        allocated: false,
        reason: refusal.reason().into(),
        message: refusal.to_string(),
    }
}
