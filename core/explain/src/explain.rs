//! The chain, link by link.

use ferrolb_ipam::Outcome;

use crate::{
    Chain, Link, LinkKind, State, address, announcement, class, condition,
    facts::{Facts, Subject},
    plan, pool,
};

/// Explains one Service. It must be among those the allocator knows, if FerroLB serves it.
pub fn explain(facts: &Facts, subject: &Subject) -> Chain {
    let (class, served) = class::link(facts, subject);
    let ours = served || class::means_us(subject.class.as_deref());
    let mut links = vec![class];
    if served {
        links.extend(served_links(facts, subject));
    }
    Chain { service: subject.service.id.clone(), ours, links }
}

fn served_links(facts: &Facts, subject: &Subject) -> Vec<Link> {
    let Some(outcome) = facts.allocator.outcome(&subject.service.id) else {
        let sentence = "it came while the cluster was being read; ask again";
        return vec![Link::new(LinkKind::Pool, State::Unknown, sentence)];
    };
    let mut links = vec![
        pool::link(facts, subject, &outcome),
        address::link(facts, subject, &outcome),
        condition::link(facts, subject, &outcome),
    ];
    let addresses = subject.service.ingress.addresses();
    let has_ours = match outcome {
        Outcome::Assigned(_) | Outcome::Kept { .. } => !addresses.is_empty(),
        Outcome::Refused(_) | Outcome::Foreign(_) | Outcome::Removed => false,
    };
    if has_ours {
        links.push(plan::link(facts, subject, &addresses));
        links.push(announcement::link(facts, subject, &addresses));
    } else {
        let waits = |kind| Link::new(kind, State::Waiting, "it waits for an address");
        links.extend([waits(LinkKind::Plan), waits(LinkKind::Announcement)]);
    }
    links
}
