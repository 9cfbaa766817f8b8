//! Label selectors.

use ferrolb_api::{LabelSelector, Operator, Requirement};
use ferrolb_model as model;

/// A selector as the cores evaluate it.
pub(crate) fn selector(selector: &LabelSelector) -> model::Selector {
    model::Selector {
        match_labels: (&selector.match_labels).into(),
        match_expressions: selector.match_expressions.iter().map(requirement).collect(),
    }
}

/// Several of them.
pub(crate) fn selectors(selectors: &[LabelSelector]) -> Vec<model::Selector> {
    selectors.iter().map(selector).collect()
}

fn requirement(requirement: &Requirement) -> model::Requirement {
    let (key, values) = (requirement.key.clone(), requirement.values.clone());
    match requirement.operator {
        Operator::In => model::Requirement::In(key, values),
        Operator::NotIn => model::Requirement::NotIn(key, values),
        Operator::Exists => model::Requirement::Exists(key),
        Operator::DoesNotExist => model::Requirement::DoesNotExist(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_means_what_kubernetes_means() {
        let labels = [("tier".to_owned(), "web".to_owned())].into();
        for (operator, key, values, expected) in [
            (Operator::In, "tier", &["web", "db"][..], true),
            (Operator::In, "zone", &["a"], false),
            (Operator::NotIn, "zone", &["a"], true),
            (Operator::NotIn, "tier", &["web"], false),
            (Operator::Exists, "tier", &[], true),
            (Operator::DoesNotExist, "tier", &[], false),
        ] {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            let requirement = Requirement { key: key.into(), operator, values };
            let parsed =
                selector(&LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() });
            assert_eq!(parsed.matches(&labels), expected, "{operator:?} {key}");
        }
    }
}
