//! What is read of the cluster and the little that is written, and what is said when it cannot be.

mod edit;
mod error;
mod kinds;
mod lists;

pub(crate) use error::ReadError;
pub(crate) use kinds::{Pod, PodSpec};
pub(crate) use lists::Reader;
