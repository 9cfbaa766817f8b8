//! How it is between nodes and the BGP peers that they should tell.

use std::collections::BTreeMap;

use ferrolb_model::NodeName;

use crate::{
    facts::Speaker,
    fate::Fate,
    routing::{Session, SessionState},
};

/// How many nodes a line names.
const NAMED: usize = 10;

/// How it is between a node and a peer that it should tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Between {
    /// It is told.
    Told,
    /// It is told, though BFD is not up.
    ToldWithoutPath(String),
    /// Speakers could not be read.
    Unknown,
    /// It is not told; why.
    Not(String),
}

/// A node that should tell a peer, and how that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) node: NodeName,
    pub(crate) peer: String,
    pub(crate) between: Between,
}

/// Every node that should tell a peer, with the peer.
pub(crate) fn links(
    fates: &BTreeMap<NodeName, Fate>,
    speakers: Option<&BTreeMap<NodeName, Speaker>>,
) -> Vec<Link> {
    let pairs = fates.iter().filter_map(|(node, fate)| match fate {
        Fate::Tells(peers) => Some(peers.iter().map(move |peer| (node, peer))),
        Fate::Leaving(_) | Fate::NoEndpoint | Fate::NoPeer | Fate::Limited | Fate::NotSelected => None,
    });
    let between = |(node, peer): (&NodeName, &String)| {
        let between = speakers.map_or(Between::Unknown, |speakers| between(speakers.get(node), peer));
        Link { node: node.clone(), peer: peer.clone(), between }
    };
    pairs.flatten().map(between).collect()
}

fn between(speaker: Option<&Speaker>, peer: &str) -> Between {
    let Some(speaker) = speaker.filter(|speaker| speaker.ready == Some(true)) else {
        return Between::Not("no speaker is ready on the node".into());
    };
    let report = speaker.report.as_ref();
    let Some(Session { state, path_lost }) = report.and_then(|report| report.sessions.get(peer)) else {
        return Between::Not("the speaker reports no such session (kubectl ferrolb bgp peers)".into());
    };
    let after = |why: &str| if why.is_empty() { String::new() } else { format!(": {why}") };
    let lost = path_lost.as_ref().map(|(name, why)| format!("BFD is {name}{}", after(why)));
    match (state, lost) {
        (SessionState::Established, None) => Between::Told,
        (SessionState::Established, Some(lost)) => Between::ToldWithoutPath(lost),
        (SessionState::Down { name, why }, lost) => {
            let lost = lost.map(|lost| format!("; {lost}")).unwrap_or_default();
            Between::Not(format!("the session is {name}{}{lost}", after(why)))
        }
    }
}

/// Who tells whom, and which sessions keep nodes from it.
pub(crate) fn telling(links: &[Link]) -> Vec<String> {
    let mut by_node = BTreeMap::<(&Between, &NodeName), Vec<&str>>::new();
    for Link { node, peer, between } in links {
        by_node.entry((between, node)).or_default().push(peer);
    }
    let mut groups = BTreeMap::<(&Between, Vec<&str>), Vec<&str>>::new();
    for ((between, node), peers) in by_node {
        groups.entry((between, peers)).or_default().push(node.as_str());
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|((one, _), first), ((other, _), second)| (one, first).cmp(&(other, second)));
    let lines = groups.into_iter().map(|((between, peers), nodes)| {
        let (many, peers) = (nodes.len() > 1, peers.join(", "));
        let nodes = named(&nodes);
        let tell = if many { "tell" } else { "tells" };
        match between {
            Between::Told => format!("{nodes} {tell} {peers}"),
            Between::ToldWithoutPath(lost) => format!("{nodes} {tell} {peers}, though {lost}"),
            Between::Unknown => format!("{nodes} should tell {peers}"),
            Between::Not(why) => {
                format!("{nodes} {} not tell {peers}: {why}", if many { "do" } else { "does" })
            }
        }
    });
    lines.collect()
}

/// The names, or the first ones and how many more there are.
pub(crate) fn named(nodes: &[&str]) -> String {
    match nodes.len().checked_sub(NAMED) {
        Some(more) if more > 1 => format!("{} and {more} more", nodes[..NAMED].join(", ")),
        Some(_) | None => nodes.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_nodes_are_counted() {
        let nodes: Vec<String> = (1..=13).map(|number| format!("n{number}")).collect();
        let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
        assert_eq!(named(&nodes), "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10 and 3 more");
        assert_eq!(named(&nodes[..11]), "n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11");
    }
}
