//! Manifests, with the line and column of everything in them.

mod located;
mod object;
mod source;

pub(crate) use located::{Located, Value};
pub(crate) use object::Object;
pub(crate) use source::objects;
