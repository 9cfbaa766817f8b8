//! Whether objects of FerroLB's kinds would be accepted, in the API server's words, and whether they fit each other.

mod across;
mod cel;
mod one;
mod schema;

pub(crate) use across::{Others, across};
pub(crate) use one::one;

use crate::manifest::Object;

/// What is wrong with an object, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
    /// `IPAddressPool lan`.
    pub(crate) object: String,
    /// The field's path.
    pub(crate) field: String,
    pub(crate) severity: Severity,
    /// What the API server says, or what the controller will.
    pub(crate) message: String,
}

/// What comes of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// The object is refused, or accepted and not in force.
    Error,
    /// It is accepted and in force, in another way than its author may think.
    Warning,
}

impl Problem {
    fn at(object: &Object, field: &str, severity: Severity, message: impl Into<String>) -> Self {
        let (file, line, column) = object.place(field);
        Self {
            file,
            line,
            column,
            object: format!("{} {}", object.kind(), object.name()),
            field: field.to_owned(),
            severity,
            message: message.into(),
        }
    }
}
