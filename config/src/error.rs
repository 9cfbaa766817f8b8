//! What is wrong with an object.

/// An object that makes no sense as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Error {
    /// The field, as `kubectl explain` names it.
    pub field: String,
    /// What is wrong with it, and what to write instead.
    pub problem: String,
}

impl Error {
    pub(crate) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}
