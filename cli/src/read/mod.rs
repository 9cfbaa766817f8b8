//! What is read of the cluster, and what is said when it cannot be.

mod error;
mod kinds;
mod lists;

pub(crate) use error::ReadError;
pub(crate) use kinds::{Pod, PodSpec};
pub(crate) use lists::Reader;
