//! How answers are printed.

mod printer;
mod table;

pub(crate) use printer::Printer;
pub(crate) use table::{Table, dash};

/// The version of the JSON and YAML that is printed. Fields are added to it, never renamed or removed.
pub(crate) const API_VERSION: &str = "cli.ferrolb.io/v1";
