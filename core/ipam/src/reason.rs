//! Every reason why a Service does not have what it asks for: the one list of them.

/// A reason as the condition `ferrolb.io/IPAllocated` carries it. Stable: it may be matched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// There is no pool at all.
    NoPool,
    /// No pool serves the Service.
    NoPoolMatches,
    /// Pools that serve it have nothing free.
    PoolExhausted,
    /// It names a pool that does not exist.
    PoolNotFound,
    /// Its address is kept though the pool is gone.
    PoolMissing,
    /// It names a pool that drains.
    PoolDraining,
    /// It names a pool that is for others.
    PoolNotForService,
    /// It names a pool that may not be named.
    RequestsNotAllowed,
    /// What it names is not of its families.
    FamilyMismatch,
    /// Another Service has the address.
    AddressTaken,
    /// It may not join those who have the address.
    SharingRefused,
    /// No pool holds the address.
    AddressInNoPool,
    /// Address and pool do not go together.
    AddressInOtherPool,
    /// Its pool leaves the address out.
    AddressExcluded,
    /// The address is a node's.
    AddressOfNode,
    /// The request makes no sense.
    InvalidRequest,
}

impl Reason {
    /// All of them, in the order in which docs/reasons.md tells of them.
    pub const ALL: [Self; 16] = [
        Self::NoPool,
        Self::NoPoolMatches,
        Self::PoolExhausted,
        Self::PoolNotFound,
        Self::PoolMissing,
        Self::PoolDraining,
        Self::PoolNotForService,
        Self::RequestsNotAllowed,
        Self::FamilyMismatch,
        Self::AddressTaken,
        Self::SharingRefused,
        Self::AddressInNoPool,
        Self::AddressInOtherPool,
        Self::AddressExcluded,
        Self::AddressOfNode,
        Self::InvalidRequest,
    ];

    /// As the condition carries it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPool => "NoPool",
            Self::NoPoolMatches => "NoPoolMatches",
            Self::PoolExhausted => "PoolExhausted",
            Self::PoolNotFound => "PoolNotFound",
            Self::PoolMissing => "PoolMissing",
            Self::PoolDraining => "PoolDraining",
            Self::PoolNotForService => "PoolNotForService",
            Self::RequestsNotAllowed => "RequestsNotAllowed",
            Self::FamilyMismatch => "FamilyMismatch",
            Self::AddressTaken => "AddressTaken",
            Self::SharingRefused => "SharingRefused",
            Self::AddressInNoPool => "AddressInNoPool",
            Self::AddressInOtherPool => "AddressInOtherPool",
            Self::AddressExcluded => "AddressExcluded",
            Self::AddressOfNode => "AddressOfNode",
            Self::InvalidRequest => "InvalidRequest",
        }
    }

    /// When it applies, and what its users can do; both as clauses, for docs.
    pub fn when_and_remedy(self) -> (&'static str, &'static str) {
        match self {
            Self::NoPool => ("there is no pool at all", "create an IPAddressPool"),
            Self::NoPoolMatches => (
                "no pool serves this Service in a family; the message says why for each",
                "change `serviceAllocation` or `autoAssign`, or name a pool",
            ),
            Self::PoolExhausted => {
                ("pools that serve it have nothing free", "add addresses, or delete Services")
            }
            Self::PoolNotFound => ("it names a pool that does not exist", "create it, or name another"),
            Self::PoolMissing => {
                ("its address is kept though the pool is gone", "create a pool with it, or ask for another")
            }
            Self::PoolDraining => ("it names a pool that drains, or an address of one", "name another"),
            Self::PoolNotForService => (
                "it names a pool that is bound to others, or an address of one",
                "name another, or change `serviceAllocation`",
            ),
            Self::RequestsNotAllowed => {
                ("it names a pool with `allowRequests: false`, or an address of one", "remove the request")
            }
            Self::FamilyMismatch => (
                "it names an address of a family it does not have, or a pool without addresses of its family",
                "change the request or `spec.ipFamilies`",
            ),
            Self::AddressTaken => (
                "it names an address that another Service has, or whose status names it; the message says which",
                "ask for another, or give both one sharing key",
            ),
            Self::SharingRefused => (
                "key and address are shared, but something is in the way; the message says what, with the port",
                "change that",
            ),
            Self::AddressInNoPool => {
                ("it names an address that no pool holds", "add it to a pool, or ask for another")
            }
            Self::AddressInOtherPool => {
                ("it names an address and a pool that do not go together", "change one of the two")
            }
            Self::AddressExcluded => (
                "it names an address that its pool leaves out (`exclude`, `avoidBuggyIPs`)",
                "ask for another, or change the pool",
            ),
            Self::AddressOfNode => ("it names the address of a node", "ask for another"),
            Self::InvalidRequest => (
                "the request cannot be understood, or contradicts `spec.loadBalancerIP`; the message names the field",
                "mend it",
            ),
        }
    }
}
