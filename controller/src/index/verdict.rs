//! The verdict over all addresses of a Service and over both ways of announcing them.

use std::net::IpAddr;

use ferrolb_api::condition::announced;
use ferrolb_model::NodeName;
use ferrolb_placement::NotAnnounced;

use super::{
    routed::{Routed, Told},
    standing::Standing,
};
use crate::write::AnnouncedStatus;

/// What a Service's condition should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This.
    Known(AnnouncedStatus),
    /// That is not known before these nodes have reported.
    Waits {
        /// The nodes that were asked to announce an address and have not said whether they do.
        candidates: Vec<NodeName>,
        /// What may be said if they stay silent: others announce each address.
        meanwhile: Option<AnnouncedStatus>,
    },
}

/// One way of announcing one address.
enum Way {
    /// Nobody asks for it.
    Unasked,
    /// It is announced so; and with which reason.
    Announced(String, &'static str),
    /// These have not said whether they do; others do.
    Unknown(Vec<NodeName>, Option<(String, &'static str)>),
    /// It is not: the reason and the sentence.
    Not(&'static str, String),
}

/// The verdict, given how each address is announced on layer 2 and by BGP.
pub(super) fn judge(standings: &[(IpAddr, Standing, Option<Routed>)]) -> Verdict {
    let not = |reason: &str, message| {
        Verdict::Known(AnnouncedStatus { announced: false, reason: reason.into(), message })
    };
    if standings.is_empty() {
        let message = "it has no address; see the condition ferrolb.io/IPAllocated";
        return not(announced::NO_ADDRESS, message.into());
    }
    let mut parts = Vec::new();
    let mut unknown: Option<Vec<NodeName>> = None;
    let mut reason = announced::BGP;
    for (address, standing, routed) in standings {
        let mut said = Vec::new();
        let mut refused = Vec::new();
        let mut waits = false;
        for (way, what) in
            [(layer2(standing, routed.is_some()), "on layer 2"), (bgp(routed.as_ref()), "by BGP")]
        {
            match way {
                Way::Unasked => {}
                Way::Announced(text, with) => said.push((text, with)),
                Way::Unknown(nodes, meanwhile) => {
                    waits = true;
                    unknown.get_or_insert(nodes);
                    said.extend(meanwhile);
                }
                Way::Not(with, why) => refused.push((what, with, why)),
            }
        }
        match refused.first() {
            Some((_, with, why)) if said.is_empty() && !waits => {
                return not(with, format!("{address}: {why}"));
            }
            Some(_) | None => {}
        }
        for (_, with) in &said {
            // What is wrong is told before how it is announced.
            reason = match (reason, *with) {
                (announced::DUPLICATE, _) | (_, announced::DUPLICATE) => announced::DUPLICATE,
                (announced::LAYER2, _) | (_, announced::LAYER2) => announced::LAYER2,
                (before, _) => before,
            };
        }
        if !said.is_empty() {
            let texts: Vec<String> = said.into_iter().map(|(text, _)| text).collect();
            let buts = refused.iter().map(|(what, _, why)| format!("; not {what}: {why}"));
            parts.push(format!("{address} {}{}", texts.join(", and "), buts.collect::<String>()));
        }
    }
    let whole = parts.len() == standings.len();
    let status = AnnouncedStatus { announced: true, reason: reason.into(), message: parts.join(", ") };
    match unknown {
        None => Verdict::Known(status),
        Some(candidates) => Verdict::Waits { candidates, meanwhile: whole.then_some(status) },
    }
}

fn layer2(standing: &Standing, is_routed: bool) -> Way {
    match standing {
        Standing::By(owner) => {
            let reason = if owner.duplicate.is_some() { announced::DUPLICATE } else { announced::LAYER2 };
            Way::Announced(format!("on {owner}"), reason)
        }
        Standing::Not(NotAnnounced::NoAdvertisement { pool: _ }) if is_routed => Way::Unasked,
        Standing::Not(reason) => Way::Not(why_not(reason), reason.to_string()),
        Standing::Contested(why) => {
            Way::Not(announced::DUPLICATE, format!("no node answers for it, since {why}"))
        }
        Standing::Unknown(candidates) => Way::Unknown(candidates.clone(), None),
    }
}

fn why_not(reason: &NotAnnounced) -> &'static str {
    match reason {
        NotAnnounced::NoAdvertisement { .. } => announced::NO_ADVERTISEMENT,
        NotAnnounced::NoEligibleNode { .. } => announced::NO_ELIGIBLE_NODE,
    }
}

fn bgp(routed: Option<&Routed>) -> Way {
    let said = |told: &Told| (told.to_string(), announced::BGP);
    match routed {
        None => Way::Unasked,
        Some(Routed::Told(told)) => Way::Announced(told.to_string(), announced::BGP),
        Some(Routed::Unknown(nodes, told)) => Way::Unknown(nodes.clone(), told.as_ref().map(said)),
        Some(Routed::Not(reason, why)) => Way::Not(reason, why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ownership::Owner, *};

    const TOLD: Told = Told { nodes: 2, of: 3, peers: 1 };

    fn by() -> Standing {
        Standing::By(Owner { node: "n1".into(), interface: "eth0".into(), duplicate: None, remark: None })
    }

    fn unadvertised() -> Standing {
        Standing::Not(NotAnnounced::NoAdvertisement { pool: None })
    }

    fn one(standing: Standing, routed: Option<Routed>) -> Verdict {
        judge(&[("192.0.2.1".parse().unwrap(), standing, routed)])
    }

    fn known(announced: bool, reason: &str, message: &str) -> Verdict {
        Verdict::Known(AnnouncedStatus { announced, reason: reason.into(), message: message.into() })
    }

    #[test]
    fn bgp_alone_is_enough_and_counts_nodes_and_peers() {
        let told = one(unadvertised(), Some(Routed::Told(TOLD)));
        assert_eq!(told, known(true, "BGP", "192.0.2.1 by BGP from 2 of 3 nodes to 1 peer"));
        let all = Told { nodes: 1, of: 1, peers: 2 };
        let told = one(unadvertised(), Some(Routed::Told(all)));
        assert_eq!(told, known(true, "BGP", "192.0.2.1 by BGP from 1 node to 2 peers"));
        let not = one(unadvertised(), Some(Routed::Not("NoSession", "down".into())));
        assert_eq!(not, known(false, "NoSession", "192.0.2.1: down"));
    }

    #[test]
    fn both_ways_are_told_and_either_is_enough() {
        let both = one(by(), Some(Routed::Told(TOLD)));
        let told = "192.0.2.1 on node n1 (eth0), and by BGP from 2 of 3 nodes to 1 peer";
        assert_eq!(both, known(true, "Layer2", told));
        let only_layer2 = one(by(), Some(Routed::Not("NoPeer", "no peer".into())));
        assert_eq!(only_layer2, known(true, "Layer2", "192.0.2.1 on node n1 (eth0); not by BGP: no peer"));
        let only_bgp = one(Standing::Contested("it is used".into()), Some(Routed::Told(TOLD)));
        let told = "192.0.2.1 by BGP from 2 of 3 nodes to 1 peer; not on layer 2: no node answers for it, since it is used";
        assert_eq!(only_bgp, known(true, "BGP", told));
    }

    #[test]
    fn who_has_not_reported_is_waited_for() {
        let nodes = vec![NodeName::from("n3")];
        let waits = one(unadvertised(), Some(Routed::Unknown(nodes.clone(), Some(TOLD))));
        let Verdict::Waits { candidates, meanwhile: Some(meanwhile) } = waits else { panic!("{waits:?}") };
        assert_eq!((candidates, meanwhile.announced), (nodes.clone(), true));
        let silent = one(unadvertised(), Some(Routed::Unknown(nodes, None)));
        assert!(matches!(silent, Verdict::Waits { meanwhile: None, .. }), "{silent:?}");
        let other_unknown = judge(&[
            ("192.0.2.1".parse().unwrap(), unadvertised(), Some(Routed::Told(TOLD))),
            ("2001:db8::1".parse().unwrap(), Standing::Unknown(vec!["n1".into()]), None),
        ]);
        assert!(matches!(other_unknown, Verdict::Waits { meanwhile: None, .. }), "{other_unknown:?}");
    }
}
