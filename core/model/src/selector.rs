//! Label selectors.

use std::fmt;

use crate::Labels;

/// Selects objects by label; all parts must hold, and one without parts matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Labels that must be there with these values.
    pub match_labels: Labels,
    /// Further requirements.
    pub match_expressions: Vec<Requirement>,
}

/// A requirement on the label `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Present with one of the values.
    In(String, Vec<String>),
    /// Absent, or present with none of the values.
    NotIn(String, Vec<String>),
    /// Present.
    Exists(String),
    /// Absent.
    DoesNotExist(String),
}

impl Selector {
    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.holds(labels))
    }
}

/// Whether one of the selectors selects an object with these labels; none at all select everything.
pub fn selected(selectors: &[Selector], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels))
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        match self {
            Self::In(key, values) => {
                labels.get(key).is_some_and(|value| values.iter().any(|one| one == value))
            }
            Self::NotIn(key, values) => {
                labels.get(key).is_none_or(|value| values.iter().all(|one| one != value))
            }
            Self::Exists(key) => labels.get(key).is_some(),
            Self::DoesNotExist(key) => labels.get(key).is_none(),
        }
    }
}

/// As `kubectl` writes it: `app=web,tier in (a,b),!old`; `any labels` if it has no parts.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
        let parts: Vec<String> =
            labels.chain(self.match_expressions.iter().map(Requirement::to_string)).collect();
        f.write_str(if parts.is_empty() { "any labels" } else { "" })?;
        f.write_str(&parts.join(","))
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(key, values) => write!(f, "{key} in ({})", values.join(",")),
            Self::NotIn(key, values) => write!(f, "{key} notin ({})", values.join(",")),
            Self::Exists(key) => f.write_str(key),
            Self::DoesNotExist(key) => write!(f, "!{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_read_as_kubernetes_reads_them() {
        let labels = Labels::from([("tier".into(), "web".into())]);
        let holds = |requirement: Requirement| {
            Selector { match_labels: Labels::new(), match_expressions: vec![requirement] }.matches(&labels)
        };
        let values = |text: &str| vec![text.to_owned()];

        assert!(holds(Requirement::In("tier".into(), values("web"))));
        assert!(!holds(Requirement::In("tier".into(), values("db"))));
        assert!(!holds(Requirement::In("zone".into(), values("a"))));
        assert!(holds(Requirement::NotIn("zone".into(), values("a"))), "an absent label is in no list");
        assert!(!holds(Requirement::NotIn("tier".into(), values("web"))));
        assert!(holds(Requirement::Exists("tier".into())));
        assert!(holds(Requirement::DoesNotExist("zone".into())));
    }

    #[test]
    fn all_parts_must_hold_and_none_match_everything() {
        let labels = Labels::from([("a".into(), "1".into())]);
        let selector = Selector {
            match_labels: labels.clone(),
            match_expressions: vec![Requirement::DoesNotExist("b".into())],
        };
        assert!(selector.matches(&labels));
        let with_b = Labels::from([("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert!(!selector.matches(&with_b));
        assert!(Selector::default().matches(&Labels::new()));
    }

    #[test]
    fn it_is_written_as_kubectl_writes_it() {
        let values = || vec!["a".to_owned(), "b".to_owned()];
        let selector = Selector {
            match_labels: Labels::from([("app".into(), "web".into())]),
            match_expressions: vec![
                Requirement::In("tier".into(), values()),
                Requirement::NotIn("zone".into(), values()),
                Requirement::Exists("x".into()),
                Requirement::DoesNotExist("y".into()),
            ],
        };
        assert_eq!(selector.to_string(), "app=web,tier in (a,b),zone notin (a,b),x,!y");
        assert_eq!(Selector::default().to_string(), "any labels");
    }
}
