//! Every reason why a Service does not have what it asks for: the one list of them.

ferrolb_model::reasons! {
    /// A reason as the condition `ferrolb.io/IPAllocated` carries it. Stable: it may be matched on.
    pub enum Reason {
        /// There is no pool at all.
        NoPool: "there is no pool at all, or none that is valid", "create an IPAddressPool, or mend one";
        /// No pool serves the Service.
        NoPoolMatches:
            "no pool serves this Service in a family; the message says why for each",
            "change `serviceAllocation` or `autoAssign`, or name a pool";
        /// Pools that serve it have nothing free.
        PoolExhausted: "pools that serve it have nothing free", "add addresses, or delete Services";
        /// It names a pool that does not exist.
        PoolNotFound:
            "it names a pool that does not exist, or is invalid",
            "create it, mend it, or name another";
        /// Its address is kept though the pool is gone.
        PoolMissing:
            "its address is kept though the pool is gone, or is invalid",
            "create a pool with it, mend its pool, or ask for another";
        /// It names a pool that drains.
        PoolDraining: "it names a pool that drains, or an address of one", "name another";
        /// It names a pool that is for others.
        PoolNotForService:
            "it names a pool that is bound to others, or an address of one",
            "name another, or change `serviceAllocation`";
        /// It names a pool that may not be named.
        RequestsNotAllowed:
            "it names a pool with `allowRequests: false`, or an address of one",
            "remove the request";
        /// What it names is not of its families.
        FamilyMismatch:
            "it names an address of a family it does not have, or a pool without addresses of its family",
            "change the request or `spec.ipFamilies`";
        /// Another Service has the address.
        AddressTaken:
            "it names an address that another Service has, or whose status names it; the message says which",
            "ask for another, or give both one sharing key";
        /// It may not join those who have the address.
        SharingRefused:
            "key and address are shared, but something is in the way; the message says what, with the port",
            "change that";
        /// No pool holds the address.
        AddressInNoPool:
            "it names an address that no pool holds, or none that is valid",
            "add it to a pool, mend the pool, or ask for another";
        /// Address and pool do not go together.
        AddressInOtherPool: "it names an address and a pool that do not go together", "change one of the two";
        /// Its pool leaves the address out.
        AddressExcluded:
            "it names an address that its pool leaves out (`exclude`, `avoidBuggyIPs`)",
            "ask for another, or change the pool";
        /// The address is a node's.
        AddressOfNode: "it names the address of a node", "ask for another";
        /// The request makes no sense.
        InvalidRequest:
            "the request cannot be understood, or contradicts `spec.loadBalancerIP`; the message names the field",
            "mend it";
    }
}
