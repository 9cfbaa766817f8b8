//! Why a Service does not get what it asks for: a reason for machines, a sentence for people.

use std::{fmt, net::IpAddr, sync::Arc};

use ferrolb_model::{Family, PoolName, Port, ServiceId};

use crate::{Considered, Reason};

/// Why a Service does not get (all of) what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no pool.
    NoPool,
    /// There are these, and none can be read.
    NoValidPool(Vec<PoolName>),
    /// It names a pool that does not exist.
    PoolNotFound(PoolName),
    /// It names a pool that cannot be read.
    PoolInvalid(PoolName),
    /// Its address is kept although the pool is gone.
    PoolMissing {
        /// The address.
        address: IpAddr,
        /// The pool it was taken from, if anybody remembers.
        pool: Option<PoolName>,
    },
    /// Its address is kept although the pool cannot be read, so that nobody knows whether it holds it still.
    KeptOfInvalidPool {
        /// The address.
        address: IpAddr,
        /// The pool it was taken from.
        pool: PoolName,
    },
    /// Pools that may serve it have no free address of the family.
    PoolExhausted {
        /// The family.
        family: Family,
        /// Every pool and why it said no.
        considered: Considered,
        /// Why it cannot have the address that others have under its key; `None`: nobody has one.
        clash: Option<Clash>,
    },
    /// No pool may serve it in the family.
    NoPoolMatches {
        /// The family.
        family: Family,
        /// Every pool and why it said no.
        considered: Considered,
    },
    /// It names an address that another Service has.
    AddressTaken {
        /// The address.
        address: IpAddr,
        /// Who has it.
        by: ServiceId,
    },
    /// It names an address that no pool holds.
    AddressInNoPool(IpAddr),
    /// It names an address that no pool holds, unless one that cannot be read does.
    AddressInNoValidPool {
        /// The address.
        address: IpAddr,
        /// The pools that cannot be read.
        invalid: Vec<PoolName>,
    },
    /// It names a pool and an address of another pool.
    AddressInOtherPool {
        /// The address.
        address: IpAddr,
        /// The pool it names.
        asked: PoolName,
        /// The pool the address is in.
        pool: PoolName,
    },
    /// It names an address that its pool excludes.
    AddressExcluded {
        /// The address.
        address: IpAddr,
        /// The pool.
        pool: PoolName,
    },
    /// It names an address that a node has.
    AddressOfNode(IpAddr),
    /// It names an address of a family that it has no cluster IP of.
    AddressFamilyMismatch {
        /// The address.
        address: IpAddr,
        /// The families it has.
        families: Vec<Family>,
    },
    /// It names a pool without addresses of the family.
    PoolFamilyMismatch {
        /// The pool.
        pool: PoolName,
        /// The family.
        family: Family,
    },
    /// It names an address that others have under its key, and may not join them.
    SharingRefused(Clash),
    /// It names a pool, or an address of one, that may not be named.
    RequestsNotAllowed(PoolName),
    /// It names a pool, or an address of one, that gives out nothing new.
    PoolDraining(PoolName),
    /// It names a pool, or an address of one, that is for other Services.
    PoolNotForService {
        /// The pool.
        pool: PoolName,
        /// In what they differ.
        verdict: PoolVerdict,
    },
    /// Its request cannot be understood; a sentence that names the field.
    InvalidRequest(String),
}

/// Why a pool says no to a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolVerdict {
    /// It has no addresses of the family.
    NoneOfFamily,
    /// All its addresses of the family are in use.
    Exhausted,
    /// It gives out nothing new.
    Draining,
    /// It serves only Services that name it.
    NotAutomatic,
    /// It may not be named.
    RequestsNotAllowed,
    /// The Service names another pool.
    NotNamed,
    /// It cannot be read.
    Invalid,
    /// It is for other namespaces: these.
    OtherNamespaces(Arc<str>),
    /// It is for Services with other labels: these.
    OtherLabels(Arc<str>),
}

/// An address that others have under a Service's sharing key, and that it cannot have beside them. Displayed as a clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The address.
    pub address: IpAddr,
    /// One that has it.
    pub with: ServiceId,
    /// What is in the way.
    pub problem: SharingProblem,
}

/// Why two Services cannot have one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharingProblem {
    /// Their sharing keys differ.
    Key,
    /// They are in two namespaces and the pool shares within one.
    Namespace,
    /// Both listen on a port.
    Port(Port),
    /// One has traffic policy Cluster and one Local, or both have Local and other pods.
    Endpoints,
    /// The address has as many Services as one may have.
    Full,
}

impl Refusal {
    /// The reason as a condition carries it: CamelCase and stable.
    pub fn reason(&self) -> &'static str {
        self.kind().as_str()
    }

    /// The reason.
    pub fn kind(&self) -> Reason {
        match self {
            Self::NoPool | Self::NoValidPool(_) => Reason::NoPool,
            Self::PoolNotFound(_) | Self::PoolInvalid(_) => Reason::PoolNotFound,
            Self::PoolMissing { .. } | Self::KeptOfInvalidPool { .. } => Reason::PoolMissing,
            Self::PoolExhausted { .. } => Reason::PoolExhausted,
            Self::NoPoolMatches { .. } => Reason::NoPoolMatches,
            Self::AddressTaken { .. } => Reason::AddressTaken,
            Self::AddressInNoPool(_) | Self::AddressInNoValidPool { .. } => Reason::AddressInNoPool,
            Self::AddressInOtherPool { .. } => Reason::AddressInOtherPool,
            Self::AddressExcluded { .. } => Reason::AddressExcluded,
            Self::AddressOfNode(_) => Reason::AddressOfNode,
            Self::AddressFamilyMismatch { .. } | Self::PoolFamilyMismatch { .. } => Reason::FamilyMismatch,
            Self::SharingRefused(_) => Reason::SharingRefused,
            Self::RequestsNotAllowed(_) => Reason::RequestsNotAllowed,
            Self::PoolDraining(_) => Reason::PoolDraining,
            Self::PoolNotForService { .. } => Reason::PoolNotForService,
            Self::InvalidRequest(_) => Reason::InvalidRequest,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPool => {
                f.write_str("there is no IPAddressPool; create one with addresses that route to this cluster")
            }
            Self::PoolNotFound(pool) => {
                write!(f, "pool {pool} does not exist; create it, or name another pool in the annotation")
            }
            Self::NoValidPool(pools) => {
                write!(
                    f,
                    "no IPAddressPool is valid; mend {} as the condition Accepted there says",
                    few(pools)
                )
            }
            Self::PoolInvalid(pool) => write!(
                f,
                "pool {pool} is invalid; mend it as its condition Accepted says, or name another pool in the annotation"
            ),
            Self::KeptOfInvalidPool { address, pool } => write!(
                f,
                "{address} is kept although its pool {pool} is invalid; mend the pool as its condition Accepted says, or ask for another address"
            ),
            Self::PoolMissing { address, pool: Some(pool) } => write!(
                f,
                "{address} is kept although its pool {pool} no longer exists; create a pool with it, or ask for another address"
            ),
            Self::PoolMissing { address, pool: None } => write!(
                f,
                "{address} is kept although no pool holds it; create a pool with it, or ask for another address"
            ),
            Self::PoolExhausted { family, considered, clash: None } => write!(
                f,
                "no {family} address is free: {considered}; add addresses to a pool or release some",
            ),
            Self::PoolExhausted { family, considered, clash: Some(clash) } => write!(
                f,
                "no {family} address is free: {considered}, and {clash}; or add addresses to a pool",
            ),
            Self::NoPoolMatches { family, considered } => write!(
                f,
                "no pool gives this Service an {family} address: {considered}; change a pool's serviceAllocation, or name a pool in the annotation",
            ),
            Self::AddressTaken { address, by } => {
                write!(
                    f,
                    "{address} is taken by {by}; ask for another address, or share it by the same key on both"
                )
            }
            Self::AddressInNoPool(address) => {
                write!(f, "{address} is in no pool; ask for an address of a pool, or add it to one")
            }
            Self::AddressInNoValidPool { address, invalid } => write!(
                f,
                "{address} is in no pool that is valid, and {} cannot be read; mend that, or ask for an address of a pool",
                few(invalid)
            ),
            Self::AddressInOtherPool { address, asked, pool } => write!(
                f,
                "{address} is in pool {pool}, not in pool {asked} that the annotation names; change one of the two"
            ),
            Self::AddressExcluded { address, pool } => {
                write!(
                    f,
                    "pool {pool} never hands out {address} (exclude, avoidBuggyIPs); ask for another address"
                )
            }
            Self::AddressOfNode(address) => {
                write!(f, "{address} is a node's own address; ask for another address")
            }
            Self::AddressFamilyMismatch { address, families } => write!(
                f,
                "{address} is not of a family of this Service ({}); ask for an address of its families, or change spec.ipFamilies",
                families.iter().map(Family::to_string).collect::<Vec<_>>().join(", ")
            ),
            Self::PoolFamilyMismatch { pool, family } => {
                write!(
                    f,
                    "pool {pool} has no {family} addresses; add some, or name another pool in the annotation"
                )
            }
            Self::SharingRefused(clash) => write!(f, "{clash}"),
            Self::RequestsNotAllowed(pool) => write!(
                f,
                "pool {pool} does not let Services ask for its addresses (allowRequests); remove the request"
            ),
            Self::PoolDraining(pool) => {
                write!(
                    f,
                    "pool {pool} is draining and gives out nothing new; ask for another pool or address"
                )
            }
            Self::PoolNotForService { pool, verdict } => {
                write!(
                    f,
                    "pool {pool} {verdict}; ask for another pool or address, or change its serviceAllocation"
                )
            }
            Self::InvalidRequest(problem) => f.write_str(problem),
        }
    }
}

/// The most invalid pools that are named one by one.
const TOLD: usize = 8;

fn few(pools: &[PoolName]) -> String {
    let names: Vec<&str> = pools.iter().take(TOLD).map(PoolName::as_str).collect();
    let more = if pools.len() > TOLD { " and others" } else { "" };
    names.join(", ") + more
}

impl fmt::Display for PoolVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoneOfFamily => "has no addresses of this family",
            Self::Exhausted => "has none left",
            Self::Draining => "is draining",
            Self::NotAutomatic => "serves only Services that name it (autoAssign)",
            Self::RequestsNotAllowed => "does not let Services ask for it (allowRequests)",
            Self::NotNamed => "is not the one it names",
            Self::Invalid => "is invalid",
            Self::OtherNamespaces(these) => return write!(f, "is for {these} only"),
            Self::OtherLabels(these) => return write!(f, "is for Services with the labels {these} only"),
        })
    }
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, with, problem } = self;
        write!(f, "{address} cannot be shared with {with}: {problem}")
    }
}

impl fmt::Display for SharingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("their sharing keys differ; give both the same key"),
            Self::Namespace => f.write_str(
                "they are in different namespaces; move one, or set the pool's sharing to AnyNamespace",
            ),
            Self::Port(port) => write!(f, "both listen on {port}; change one of the ports"),
            Self::Endpoints => f.write_str(
                "their externalTrafficPolicy must both be Cluster, or both Local with the same pod selector",
            ),
            Self::Full => f.write_str("it has the most Services one address may have; use another key"),
        }
    }
}
