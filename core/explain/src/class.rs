//! Whether FerroLB serves the Service at all.

use crate::{
    Link, LinkKind, Reason, State,
    facts::{DefaultClass, Facts, Subject},
};

/// `spec.loadBalancerClass` of Services that are FerroLB's whatever the flag for class-less ones says.
const OURS: &str = "ferrolb.io/lb";

/// The link, and whether FerroLB serves the Service.
pub(crate) fn link(facts: &Facts, subject: &Subject) -> (Link, bool) {
    let ok = |sentence: &str| (Link::new(LinkKind::Class, State::Ok, sentence), true);
    let not_ours = |reason: Reason, sentence: String, advice: String| {
        (Link::new(LinkKind::Class, State::Broken, sentence).reason(reason).advice(advice), false)
    };
    if subject.kind != "LoadBalancer" {
        return not_ours(
            Reason::NotLoadBalancer,
            format!(
                "its type is {}; only Services of type LoadBalancer get an external address",
                subject.kind
            ),
            "set spec.type to LoadBalancer".into(),
        );
    }
    match (subject.class.as_deref(), facts.default_class) {
        (Some(OURS), _) => ok("its loadBalancerClass ferrolb.io/lb is FerroLB's"),
        (Some(class), _) => not_ours(
            Reason::OtherClass,
            format!("its loadBalancerClass {class} is not FerroLB's, so FerroLB leaves it alone"),
            format!(
                "if FerroLB is to serve it, create it again with loadBalancerClass {OURS}: the class of a Service cannot be changed"
            ),
        ),
        (None, DefaultClass::Served) => ok("it has no loadBalancerClass, and FerroLB serves those"),
        (None, DefaultClass::Assumed) => {
            ok("it has no loadBalancerClass; FerroLB serves those unless the controller was told otherwise, \
                which could not be read")
        }
        (None, DefaultClass::NotServed) => not_ours(
            Reason::NoClass,
            "it has no loadBalancerClass, and the controller was told to leave those alone (FERROLB_DEFAULT_CLASS=false)"
                .into(),
            format!("create it again with loadBalancerClass {OURS}, or change that setting"),
        ),
    }
}

/// Whether somebody who wrote this class meant FerroLB.
pub(crate) fn means_us(class: Option<&str>) -> bool {
    class.is_some_and(|class| class.to_ascii_lowercase().contains("ferrolb"))
}
