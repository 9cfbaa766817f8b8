//! Reading the JSON of routing programs.

use anyhow::{Context, Result};
use serde_json::Value;

pub(super) fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("this is no JSON:\n{text}"))
}

/// The elements of a list; none of what is no list.
pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name].as_str().with_context(|| format!("{value} has no text {name}"))
}

pub(super) fn number(value: &Value) -> Result<u32> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.with_context(|| format!("{value} is no number of 32 bits"))
}
