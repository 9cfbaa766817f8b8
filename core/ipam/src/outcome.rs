use std::net::IpAddr;

use ferrolb_model::{Assignment, ServiceId};

use crate::Refusal;

/// What a Service should have, whole: compare it with the status and write the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These addresses, the preferred family first.
    Assigned(Vec<Assignment>),
    /// These addresses, although something is not as it should be: what it asks for now cannot be had, or their pool
    /// is gone.
    Kept {
        /// The addresses, the preferred family first.
        addresses: Vec<Assignment>,
        /// What is not as it should be.
        refusal: Refusal,
    },
    /// Nothing, and an ingress of ours is to be cleared.
    Refused(Refusal),
    /// Another load balancer's ingress: hands off.
    Foreign(Vec<IpAddr>),
    /// The Service is gone, or is no longer ours to serve: nothing is to be written.
    Removed,
}

impl Outcome {
    /// The addresses FerroLB gives it.
    pub fn addresses(&self) -> &[Assignment] {
        match self {
            Self::Assigned(addresses) | Self::Kept { addresses, refusal: _ } => addresses,
            Self::Refused(_) | Self::Foreign(_) | Self::Removed => &[],
        }
    }

    /// Whether FerroLB gives it this address.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses().iter().any(|one| one.address == address)
    }
}

/// A Service whose outcome is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The Service.
    pub service: ServiceId,
    /// What it should have from now on.
    pub outcome: Outcome,
    /// Addresses it had before and has no longer.
    pub left: Vec<IpAddr>,
}

impl Change {
    pub(crate) fn between(service: ServiceId, before: Option<&Outcome>, outcome: Outcome) -> Self {
        let left = before
            .map_or(&[][..], Outcome::addresses)
            .iter()
            .map(|one| one.address)
            .filter(|address| !outcome.has(*address))
            .collect();
        Self { service, outcome, left }
    }
}
