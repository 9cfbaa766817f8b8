//! What a cluster's definition lacks of the one that is needed.

use serde_json::Value;

/// The most that is named; one is enough to know what to do.
const NAMED: usize = 3;

/// Versions, fields and values of enumerations that `needed` has and `found` has not, as paths. More in `found` is fine: it
/// belongs to a newer version of this program.
pub(super) fn lacks(needed: &Value, found: &Value) -> Vec<String> {
    let mut lacking = Vec::new();
    for version in versions(needed) {
        let name = version["name"].as_str().unwrap_or_default();
        let served =
            versions(found).iter().find(|other| other["name"] == version["name"] && other["served"] == true);
        match served {
            Some(other) => schema(&schema_of(version), &schema_of(other), "", &mut lacking),
            None => lacking.push(format!("version {name}")),
        }
    }
    let more = lacking.len().saturating_sub(NAMED);
    lacking.truncate(NAMED);
    if more > 0 {
        lacking.push(format!("{more} more"));
    }
    lacking
}

fn versions(definition: &Value) -> &[Value] {
    definition["spec"]["versions"].as_array().map_or(&[], Vec::as_slice)
}

fn schema_of(version: &Value) -> Value {
    version["schema"]["openAPIV3Schema"].clone()
}

fn schema(needed: &Value, found: &Value, path: &str, lacking: &mut Vec<String>) {
    if found["x-kubernetes-preserve-unknown-fields"] == true {
        return;
    }
    for (name, inner) in needed["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match found["properties"].get(name) {
            Some(other) => schema(inner, other, &path, lacking),
            None => lacking.push(path),
        }
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if needed[key].is_object() {
            schema(&needed[key], &found[key], &format!("{path}{mark}"), lacking);
        }
    }
    let known = found["enum"].as_array();
    for value in needed["enum"].as_array().into_iter().flatten() {
        if known.is_some_and(|known| !known.contains(value)) {
            lacking.push(format!("{path}={}", value.as_str().unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(schema: &Value) -> Value {
        json!({"spec": {"versions": [
            {"name": "v1beta1", "served": true, "schema": {"openAPIV3Schema": schema}},
        ]}})
    }

    fn pool() -> Value {
        json!({"properties": {"spec": {"properties": {
            "addresses": {"items": {"type": "string"}},
            "sharing": {"enum": ["SameNamespace", "AnyNamespace"]},
            "serviceAllocation": {"properties": {"priority": {"type": "integer"}}},
        }}}})
    }

    #[test]
    fn ours_lacks_nothing_of_ours() {
        for definition in ferrolb_api::crds() {
            let definition = serde_json::to_value(definition).unwrap();
            assert_eq!(lacks(&definition, &definition), Vec::<String>::new());
        }
        assert_eq!(ferrolb_api::crds().len(), 8, "controller/rbac.yaml names them");
    }

    #[test]
    fn a_field_and_a_value_that_are_not_there_are_named_by_their_paths() {
        let mut older = pool();
        let spec = &mut older["properties"]["spec"]["properties"];
        spec["sharing"]["enum"] = json!(["SameNamespace"]);
        spec["serviceAllocation"]["properties"] = json!({});
        let lacking = lacks(&definition(&pool()), &definition(&older));
        assert_eq!(lacking, ["spec.serviceAllocation.priority", "spec.sharing=AnyNamespace"]);
    }

    #[test]
    fn newer_definitions_are_fine() {
        let mut newer = pool();
        newer["properties"]["spec"]["properties"]["more"] = json!({});
        assert_eq!(lacks(&definition(&pool()), &definition(&newer)), Vec::<String>::new());
    }

    #[test]
    fn a_version_that_is_not_served_is_lacking() {
        let mut older = definition(&pool());
        older["spec"]["versions"][0]["served"] = json!(false);
        assert_eq!(lacks(&definition(&pool()), &older), ["version v1beta1"]);
    }
}
