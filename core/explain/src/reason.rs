//! Why a link is broken, where no condition of the Service says it.

/// A reason of `explain`'s own. Stable: it may be matched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is of another type.
    NotLoadBalancer,
    /// Another load balancer's class.
    OtherClass,
    /// No class, and those are left alone.
    NoClass,
    /// Somebody else wrote its addresses.
    ForeignIngress,
    /// Nobody writes its status.
    NoController,
    /// Nobody is there to answer.
    NoSpeaker,
    /// Another host answers.
    Duplicate,
    /// Speakers cannot hear each other, and leave the VIP to one that is down.
    SegmentIsolated,
}

impl Reason {
    /// All of them, in the order of the links.
    pub const ALL: [Self; 8] = [
        Self::NotLoadBalancer,
        Self::OtherClass,
        Self::NoClass,
        Self::ForeignIngress,
        Self::NoController,
        Self::NoSpeaker,
        Self::Duplicate,
        Self::SegmentIsolated,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotLoadBalancer => "NotLoadBalancer",
            Self::OtherClass => "OtherClass",
            Self::NoClass => "NoClass",
            Self::ForeignIngress => "ForeignIngress",
            Self::NoController => "NoController",
            Self::NoSpeaker => "NoSpeaker",
            Self::Duplicate => "Duplicate",
            Self::SegmentIsolated => "SegmentIsolated",
        }
    }

    /// When it applies, and what to do.
    pub fn when_and_remedy(self) -> (&'static str, &'static str) {
        match self {
            Self::NotLoadBalancer => ("the Service's type is another", "set `spec.type` to `LoadBalancer`"),
            Self::OtherClass => {
                ("its `loadBalancerClass` is another's", "create it again with `ferrolb.io/lb`, or leave it")
            }
            Self::NoClass => (
                "it has no `loadBalancerClass`, and the controller was told to leave those alone",
                "create it again with `ferrolb.io/lb`, or change `FERROLB_DEFAULT_CLASS`",
            ),
            Self::ForeignIngress => (
                "its status names addresses that FerroLB did not write",
                "find out who wrote them; FerroLB takes over once they are gone, or all lie free in a pool",
            ),
            Self::NoController => (
                "its status is not as it should be, and no controller leads",
                "look at the controller's pods",
            ),
            Self::NoSpeaker => {
                ("no speaker is ready on any candidate node", "look at the speakers' pods on these nodes")
            }
            Self::Duplicate => (
                "another host on the segment answers for the address",
                "find that host and take the address from it, or exclude the address in its pool",
            ),
            Self::SegmentIsolated => (
                "the first candidate's speaker is down, and the others, which hear nobody, leave the address to it",
                "mend that speaker, or let the nodes' ports reach each other",
            ),
        }
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.as_str().into()
    }
}
