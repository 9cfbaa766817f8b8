//! An object by itself, as the API server takes it: unknown fields, then the schema, then its rules.

use ferrolb_api::{Community, crds};
use ferrolb_config::{
    Error,
    bgp::{self, AliasProblem, Aliases},
};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{Problem, Severity, cel, schema};
use crate::{manifest::Object, names::suggestion};

/// Everything that the API server would say against the object.
pub(crate) fn one(object: &Object) -> Vec<Problem> {
    let error = |field: &str, message: String| vec![Problem::at(object, field, Severity::Error, message)];
    let Some(schema) = schema_of(object.kind()) else {
        let kinds: Vec<String> = crds().into_iter().map(|crd| crd.spec.names.kind).collect();
        let near = suggestion(object.kind(), kinds.iter().map(String::as_str));
        return error("kind", format!("{} has no kind {}{near}", object.api_version(), object.kind()));
    };
    let served = format!("{}/{}", ferrolb_api::GROUP, ferrolb_api::VERSION);
    if object.api_version() != served {
        return error("apiVersion", format!("{} is not served; write {served}", object.api_version()));
    }
    if object.name().is_empty() {
        return error("metadata", "metadata.name: Required value: name or generateName is required".into());
    }
    let unknown = schema::unknown_fields(&schema, &object.root);
    if !unknown.is_empty() {
        let at_its_name = |(field, message): (String, String)| {
            let (line, column) = object.root.name_at(&field);
            Problem { line, column, ..problem(object, &field, message) }
        };
        return unknown.into_iter().map(at_its_name).collect();
    }
    let value = kube_cel::apply_defaults(&schema, &object.root.json());
    let refused = schema::refusals(&schema, &value);
    if !refused.is_empty() {
        return refused.into_iter().map(|one| problem(object, &one.0, one.1)).collect();
    }
    let refused = cel::refusals(&schema, &value);
    if !refused.is_empty() {
        return refused.into_iter().map(|one| problem(object, &one.0, one.1)).collect();
    }
    beyond_rules(object, &value)
}

fn problem(object: &Object, field: &str, message: String) -> Problem {
    Problem::at(object, field, Severity::Error, message)
}

/// What the API server lets pass and the controller cannot read: a reversed IPv6 range, say.
fn beyond_rules(object: &Object, value: &Json) -> Vec<Problem> {
    match object.kind() {
        "IPAddressPool" => read_by(object, value, |pool| ferrolb_config::pool(pool).map(drop)),
        "BGPPeer" => read_by(object, value, |peer| bgp::peer(peer).map(drop)),
        "BGPAdvertisement" => {
            read_by(object, value, |advertisement| bgp::advertisement(advertisement).map(drop))
        }
        "Community" => read_by(object, value, |community: &Community| {
            let (_, problems) = Aliases::of([community]);
            let invalid = problems.into_values().flatten().find_map(|problem| match problem {
                AliasProblem::Invalid(error) => Some(error),
                AliasProblem::Taken { .. } => None,
            });
            invalid.map_or(Ok(()), Err)
        }),
        _ => Vec::new(),
    }
}

fn read_by<K: DeserializeOwned>(
    object: &Object,
    value: &Json,
    read: impl Fn(&K) -> Result<(), Error>,
) -> Vec<Problem> {
    match serde_json::from_value::<K>(value.clone()).map(|parsed| read(&parsed)) {
        Ok(Ok(())) => Vec::new(),
        Ok(Err(error)) => vec![problem(
            object,
            &error.field,
            format!("{error} (the API server accepts it; its condition Accepted becomes False)"),
        )],
        Err(error) => vec![problem(object, "spec", error.to_string())],
    }
}

/// The schema of a kind of ours.
fn schema_of(kind: &str) -> Option<Json> {
    let crd = crds().into_iter().find(|crd| crd.spec.names.kind == kind)?;
    let version = crd.spec.versions.into_iter().find(|version| version.name == ferrolb_api::VERSION)?;
    let schema = serde_json::to_value(version.schema?.open_api_v3_schema?);
    Some(schema.expect("a schema is plain data"))
}
