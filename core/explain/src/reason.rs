//! Why a link is broken, where no condition of the Service says it.

ferrolb_model::reasons! {
    /// A reason of `explain`'s own, in the order of the links. Stable: it may be matched on.
    pub enum Reason {
        /// It is of another type.
        NotLoadBalancer: "the Service's type is another", "set `spec.type` to `LoadBalancer`";
        /// Another load balancer's class.
        OtherClass:
            "its `loadBalancerClass` is another's",
            "create it again with `ferrolb.io/lb`, or leave it";
        /// No class, and those are left alone.
        NoClass:
            "it has no `loadBalancerClass`, and the controller was told to leave those alone",
            "create it again with `ferrolb.io/lb`, or change `FERROLB_DEFAULT_CLASS`";
        /// Somebody else wrote its addresses.
        ForeignIngress:
            "its status names addresses that FerroLB did not write",
            "find out who wrote them; FerroLB takes over once they are gone, or all lie free in a pool";
        /// Nobody writes its status.
        NoController:
            "its status is not as it should be, and no controller leads",
            "look at the controller's pods";
        /// An advertisement of it is for a peer that does not exist.
        UnknownPeer:
            "a BGPAdvertisement that selects it names a BGPPeer that does not exist, which therefore is told nothing",
            "create that, or name another";
        /// Nobody is there to answer.
        NoSpeaker: "no speaker is ready on any candidate node", "look at the speakers' pods on these nodes";
        /// Another host answers.
        Duplicate:
            "another host on the segment answers for the address",
            "find that host and take the address from it, or exclude the address in its pool";
        /// Speakers cannot hear each other, and leave the VIP to one that is down.
        SegmentIsolated:
            "the first candidate's speaker is down, and the others, which hear nobody, leave the address to it",
            "mend that speaker, or let the nodes' ports reach each other";
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.as_str().into()
    }
}
