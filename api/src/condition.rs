//! Condition types and their reasons. A reason is stable and may be matched on; the message is for people.

/// On a Service: FerroLB gave it the addresses of its ingress list. This condition is what makes an ingress ours.
pub const IP_ALLOCATED: &str = "ferrolb.io/IPAllocated";
/// On a Service: a speaker answers for its addresses.
pub const ANNOUNCED: &str = "ferrolb.io/Announced";

/// On our kinds: everything it asks for holds. What `kubectl wait` and GitOps tools read.
pub const READY: &str = "Ready";
/// On our kinds: the object by itself makes sense and is in force.
pub const ACCEPTED: &str = "Accepted";
/// On our kinds: every object it names exists.
pub const RESOLVED_REFS: &str = "ResolvedRefs";

/// The reason of [`IP_ALLOCATED`] when all is as the Service asks. Every other one is of the allocator's list (`Reason` in
/// `core/ipam`), and docs/reasons.md tells of them.
pub mod allocated {
    /// The addresses come from pools that hold them.
    pub const ALLOCATED: &str = "Allocated";
}

/// A reason, when it applies, and what to do: what docs/reasons.md tells of it.
pub type Told = (&'static str, &'static str, &'static str);

/// Reasons of [`ANNOUNCED`].
pub mod announced {
    use super::Told;

    /// All of them.
    pub const ALL: [Told; 10] = [
        (LAYER2, "`True`: a speaker answers; the message says on which node", ""),
        (BGP, "`True`: routers are told of it; the message says from how many nodes to how many peers", ""),
        (
            DUPLICATE,
            "a host that is no speaker answers too (`True`), or had the address first and keeps it (`False`)",
            "find that host and take the address from it, or exclude the address in its pool",
        ),
        (
            NO_ADDRESS,
            "the Service has no address, so there is nothing to announce",
            "see `ferrolb.io/IPAllocated`",
        ),
        (
            NO_ADVERTISEMENT,
            "neither an L2Advertisement nor a BGPAdvertisement matches, so nobody was asked to announce",
            "create one, or widen one",
        ),
        (
            NO_ELIGIBLE_NODE,
            "one matches, but no node may announce; the message counts why: labelled out, not selected, without a named interface",
            "change the nodes' labels or the advertisement",
        ),
        (
            PENDING,
            "nodes were asked, and none has reported that it answers",
            "look at the speakers' pods on them",
        ),
        (
            NO_PEER,
            "a BGPAdvertisement matches, but no node that may announce has a BGPPeer of it",
            "create a BGPPeer, or change the advertisement's `peers` or either's `nodeSelectors`",
        ),
        (
            NO_SESSION,
            "no session to a peer is established; the message has what the speakers say of one",
            "look at the session in the SpeakerState and at the router",
        ),
        (
            NO_READY_ENDPOINT,
            "no endpoint of the Service is ready, so routers are not told of its address",
            "look at its pods",
        ),
    ];

    /// A speaker answers on layer 2.
    pub const LAYER2: &str = "Layer2";
    /// Routers are told of the address.
    pub const BGP: &str = "BGP";
    /// A BGPAdvertisement matches, but no node that may announce has a peer of it.
    pub const NO_PEER: &str = "NoPeer";
    /// No session to a peer is established.
    pub const NO_SESSION: &str = "NoSession";
    /// No endpoint is ready, so that the route is withdrawn.
    pub const NO_READY_ENDPOINT: &str = "NoReadyEndpoint";
    /// A station that is no speaker uses the address: too, or (where the condition is false) in place of a speaker.
    pub const DUPLICATE: &str = "Duplicate";
    /// No advertisement matches, so nobody was asked to announce.
    pub const NO_ADVERTISEMENT: &str = "NoAdvertisement";
    /// An advertisement matches, but no node may announce.
    pub const NO_ELIGIBLE_NODE: &str = "NoEligibleNode";
    /// The Service has no address, so there is nothing to announce.
    pub const NO_ADDRESS: &str = "NoAddress";
    /// Nodes were asked; none has reported that it answers yet.
    pub const PENDING: &str = "Pending";
}

/// Reasons of the conditions on our own kinds.
pub mod object {
    use super::Told;

    /// All of them.
    pub const ALL: [Told; 6] = [
        (VALID, "`True`: all is well", ""),
        (
            SELECTS_NOTHING,
            "`True`: it is in force, but one of its selectors selects nothing at the moment",
            "nothing, if that is meant",
        ),
        (INVALID, "`Accepted` is `False`: a field makes no sense; the message names it", "mend it"),
        (
            OVERLAPS,
            "`Accepted` is `False`: part of it lies in an older pool, which is in force",
            "take that part out of one of them",
        ),
        (
            CONFLICT,
            "`Accepted` is `False`: an older object says otherwise of the same thing, and counts; the message names it",
            "make both say the same, or keep them apart",
        ),
        (
            NOT_FOUND,
            "`ResolvedRefs` is `False`: it names an object that does not exist",
            "create that, or name another",
        ),
    ];

    /// All is well.
    pub const VALID: &str = "Valid";
    /// A field could not be parsed; the message names it.
    pub const INVALID: &str = "Invalid";
    /// Part of it lies in another object that came first.
    pub const OVERLAPS: &str = "Overlaps";
    /// An older object says otherwise of the same thing.
    pub const CONFLICT: &str = "Conflict";
    /// It names an object that does not exist.
    pub const NOT_FOUND: &str = "NotFound";
    /// It is well and in force, but one of its selectors selects nothing at the moment.
    pub const SELECTS_NOTHING: &str = "SelectsNothing";
}
