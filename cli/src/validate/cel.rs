//! The rules in CEL, by an implementation of Kubernetes' own.

use std::net::IpAddr;

use kube_cel::Validator;
use serde_json::Value as Json;

/// Every rule that the object breaks: the field, and the message the API server gives.
pub(crate) fn refusals(schema: &Json, object: &Json) -> Vec<(String, String)> {
    let Err(errors) = Validator::new().validate(schema, &as_strict(object), None) else { return Vec::new() };
    let refusal = |error: kube_cel::ValidationError| {
        let message = match at(object, &error.field_path) {
            Some(Json::Array(_) | Json::Object(_)) | None => {
                format!("{}: Invalid value: {}", error.field_path, error.message)
            }
            Some(value) => format!("{}: Invalid value: {value}: {}", error.field_path, error.message),
        };
        (error.field_path, message)
    };
    errors.into_vec().into_iter().map(refusal).collect()
}

/// The same object with a mark on CIDRs that only a lenient reader takes: this implementation accepts leading zeros
/// (`192.0.02.0/24`), Kubernetes does not, because some read them as octal.
fn as_strict(value: &Json) -> Json {
    match value {
        Json::String(text) => match text.split_once('/') {
            Some((address, _)) if looks_v4(address) && address.parse::<IpAddr>().is_err() => {
                format!("{text}?").into()
            }
            Some(_) | None => value.clone(),
        },
        Json::Array(items) => items.iter().map(as_strict).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), as_strict(value))).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

fn looks_v4(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
}

/// The value at a path such as `spec.serviceAllocation.serviceSelectors[0]`.
fn at<'a>(value: &'a Json, path: &str) -> Option<&'a Json> {
    path.split(['.', '[']).filter(|step| !step.is_empty()).try_fold(value, |value, step| {
        match step.strip_suffix(']').and_then(|index| index.parse::<usize>().ok()) {
            Some(index) => value.get(index),
            None => value.get(step),
        }
    })
}
