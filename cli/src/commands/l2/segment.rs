//! What is wrong with a segment, as a speaker on it hears it.

use ferrolb_api::{Interface, SpeakerStateStatus};

/// Something that keeps speakers from hearing each other, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deafness {
    /// What is wrong, a sentence.
    pub(crate) problem: String,
    /// What to do.
    pub(crate) advice: &'static str,
}

/// What keeps the speaker on `node` from hearing others, on each of its interfaces.
pub(crate) fn deafness(node: &str, status: &SpeakerStateStatus) -> Vec<Deafness> {
    status.interfaces.iter().flat_map(|interface| on(node, interface)).collect()
}

fn on(node: &str, interface: &Interface) -> Vec<Deafness> {
    let Some(segment) = &interface.segment else { return Vec::new() };
    let name = &interface.name;
    let isolated = segment.isolated.then(|| Deafness {
        problem: format!(
            "the speaker on {node} has heard no other on {name}, where a gateway answers: isolated ports, or no other speaker \
             runs; VIPs are left to their first candidates"
        ),
        advice: "let the nodes' ports exchange frames; docs/layer2.md says what is not promised where they cannot",
    });
    let filtered = &segment.multicast_filtered;
    let filtered = (!filtered.is_empty()).then(|| Deafness {
        problem: format!(
            "the speaker on {node} gets no heartbeats of {} on {name}, though it gets answers: a switch filters multicast",
            filtered.join(", ")
        ),
        advice: "let 224.0.0.254, ff02::114 and UDP port 7114 pass; look at IGMP and MLD snooping, private VLANs, ACLs",
    });
    isolated.into_iter().chain(filtered).collect()
}

#[cfg(test)]
mod tests {
    use ferrolb_api::Segment;

    use super::*;

    #[test]
    fn each_interface_is_told_of_by_its_name() {
        let interface = |name: &str, segment| Interface {
            name: name.into(),
            addresses: Vec::new(),
            carrier: true,
            segment,
        };
        let filtered = Segment { multicast_filtered: vec!["n2".into(), "n3".into()], ..Segment::default() };
        let isolated = Segment { isolated: true, ..Segment::default() };
        let interfaces = vec![
            interface("eth0", Some(filtered)),
            interface("eth1", Some(isolated)),
            interface("eth2", Some(Segment { heard: vec!["n2".into()], ..Segment::default() })),
            interface("eth3", None),
        ];
        let status = SpeakerStateStatus { interfaces, ..SpeakerStateStatus::default() };
        let problems: Vec<String> = deafness("n1", &status).into_iter().map(|one| one.problem).collect();
        let wanted = [
            "the speaker on n1 gets no heartbeats of n2, n3 on eth0, though it gets answers: a switch filters multicast",
            "the speaker on n1 has heard no other on eth1, where a gateway answers: isolated ports, or no other speaker \
             runs; VIPs are left to their first candidates",
        ];
        assert_eq!(problems, wanted);
    }
}
