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

/// Makes a constant of each reason, and the list of all of them with what docs/reasons.md tells of each: none is left out.
macro_rules! reasons {
    ($($(#[$doc:meta])* $constant:ident = $reason:literal: $when:literal, $remedy:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $reason;)*

        /// All of them, in the order in which docs/reasons.md tells of them.
        pub const ALL: &[super::Told] = &[$(($constant, $when, $remedy)),*];
    };
}

/// Reasons of [`ANNOUNCED`].
pub mod announced {
    reasons! {
        /// A speaker answers on layer 2.
        LAYER2 = "Layer2": "`True`: a speaker answers; the message says on which node", "";
        /// Routers are told of the address.
        BGP = "BGP": "`True`: routers are told of it; the message says from how many nodes to how many peers", "";
        /// A station that is no speaker uses the address: too, or (where the condition is false) in place of a speaker.
        DUPLICATE = "Duplicate":
            "a host that is no speaker answers too (`True`), or had the address first and keeps it (`False`)",
            "find that host and take the address from it, or exclude the address in its pool";
        /// The Service has no address, so there is nothing to announce.
        NO_ADDRESS = "NoAddress":
            "the Service has no address, so there is nothing to announce", "see `ferrolb.io/IPAllocated`";
        /// No advertisement matches, so nobody was asked to announce.
        NO_ADVERTISEMENT = "NoAdvertisement":
            "neither an L2Advertisement nor a BGPAdvertisement matches, so nobody was asked to announce",
            "create one, or widen one";
        /// An advertisement matches, but no node may announce.
        NO_ELIGIBLE_NODE = "NoEligibleNode":
            "one matches, but no node may announce; the message counts why: labelled out, not selected, without a named interface",
            "change the nodes' labels or the advertisement";
        /// Nodes were asked; none has reported that it answers yet.
        PENDING = "Pending":
            "nodes were asked, and none has reported that it answers", "look at the speakers' pods on them";
        /// A BGPAdvertisement matches, but no node that may announce has a peer of it.
        NO_PEER = "NoPeer":
            "a BGPAdvertisement matches, but no node that may announce has a BGPPeer of it",
            "create a BGPPeer, or change the advertisement's `peers` or either's `nodeSelectors`";
        /// No session to a peer is established.
        NO_SESSION = "NoSession":
            "no session to a peer is established; the message has what the speakers say of one",
            "look at the session in the SpeakerState and at the router";
        /// No endpoint is ready, so that the route is withdrawn.
        NO_READY_ENDPOINT = "NoReadyEndpoint":
            "no endpoint of the Service is ready, so routers are not told of its address", "look at its pods";
    }
}

/// Reasons of the conditions on our own kinds.
pub mod object {
    reasons! {
        /// All is well.
        VALID = "Valid": "`True`: all is well", "";
        /// It is well and in force, but one of its selectors selects nothing at the moment.
        SELECTS_NOTHING = "SelectsNothing":
            "`True`: it is in force, but one of its selectors selects nothing at the moment",
            "nothing, if that is meant";
        /// It is in force, but sessions that it asks for are down.
        NO_SESSION = "NoSession":
            "`True`: it is in force, but sessions that it asks for are down; the message has what the speakers say",
            "look at the session in the SpeakerState, at the node and at the router";
        /// It is in force, and two things that it asks for do not go together well.
        TRADE_OFF = "TradeOff":
            "`True`: it is in force, and of two things that it asks for one costs the other something; the message says what",
            "choose one, or nothing, if that is meant";
        /// A field could not be parsed; the message names it.
        INVALID = "Invalid": "`Accepted` is `False`: a field makes no sense; the message names it", "mend it";
        /// Part of it lies in another object that came first.
        OVERLAPS = "Overlaps":
            "`Accepted` is `False`: part of it lies in an older pool, which is in force",
            "take that part out of one of them";
        /// An older object says otherwise of the same thing.
        CONFLICT = "Conflict":
            "`Accepted` is `False`: an older object says otherwise of the same thing, and counts; the message names it",
            "make both say the same, or keep them apart";
        /// It names an object that does not exist.
        NOT_FOUND = "NotFound":
            "`ResolvedRefs` is `False`: it names an object that does not exist",
            "create that, or name another";
    }
}
