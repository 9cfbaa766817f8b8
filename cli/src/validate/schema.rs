//! The structural schema, checked as the API server checks it and told in its words.

use serde_json::Value as Json;

use crate::{
    manifest::{Located, Value},
    names::suggestion,
};

/// Fields that the schema does not know. The API server drops them silently, kubectl asks it to refuse them.
pub(crate) fn unknown_fields(schema: &Json, root: &Located) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Value::Map(fields) = &root.value else { return found };
    let known = ["apiVersion", "kind", "metadata"];
    for (key, value) in fields {
        if known.contains(&key.name.as_str()) {
            continue;
        }
        match schema["properties"].get(&key.name) {
            Some(schema) => walk(schema, value, &key.name, &mut found),
            None => found.push(unknown(&key.name, &key.name, schema)),
        }
    }
    found
}

fn walk(schema: &Json, value: &Located, path: &str, found: &mut Vec<(String, String)>) {
    match &value.value {
        Value::Map(fields) => {
            if schema.get("additionalProperties").is_some()
                || schema["x-kubernetes-preserve-unknown-fields"] == true
            {
                return;
            }
            for (key, value) in fields {
                let path = format!("{path}.{}", key.name);
                match schema["properties"].get(&key.name) {
                    Some(schema) => walk(schema, value, &path, found),
                    None => found.push(unknown(&path, &key.name, schema)),
                }
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&schema["items"], item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unknown(path: &str, name: &str, schema: &Json) -> (String, String) {
    let known = schema["properties"].as_object();
    let near = suggestion(name, known.into_iter().flat_map(|known| known.keys().map(String::as_str)));
    (path.to_owned(), format!("strict decoding error: unknown field {path:?}{near}"))
}

/// Everything that the schema refuses: the field, and the API server's message. `object` has its defaults.
pub(crate) fn refusals(schema: &Json, object: &Json) -> Vec<(String, String)> {
    let mut found = Refusals::default();
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if name == "metadata" {
            continue;
        }
        if let Some(value) = object.get(name) {
            found.check(schema, value, name);
        }
    }
    found.require(schema, object, "");
    found.0
}

#[derive(Default)]
struct Refusals(Vec<(String, String)>);

impl Refusals {
    fn say(&mut self, path: &str, message: impl std::fmt::Display) {
        self.0.push((path.to_owned(), format!("{path}: {message}")));
    }

    fn check(&mut self, schema: &Json, value: &Json, path: &str) {
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        if let Some(wanted) = schema["type"].as_str()
            && !is_of(value, wanted)
        {
            let is = type_of(value);
            return self.say(
                path,
                format_args!("Invalid value: {is:?}: {path} in body must be of type {wanted}: {is:?}"),
            );
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            let allowed: Vec<String> = allowed.iter().map(Json::to_string).collect();
            return self.say(
                path,
                format_args!("Unsupported value: {value}: supported values: {}", allowed.join(", ")),
            );
        }
        match value {
            Json::String(text) => self.check_text(schema, text, path),
            Json::Number(_) => self.check_number(schema, value, path),
            Json::Array(items) => self.check_list(schema, items, path),
            Json::Object(_) => self.check_map(schema, value, path),
            Json::Null | Json::Bool(_) => {}
        }
    }

    fn check_text(&mut self, schema: &Json, text: &str, path: &str) {
        let length = text.chars().count() as u64;
        if let Some(max) = schema["maxLength"].as_u64()
            && length > max
        {
            self.say(path, format_args!("Too long: may not be more than {max} bytes"));
        }
        if let Some(min) = schema["minLength"].as_u64()
            && length < min
        {
            self.say(
                path,
                format_args!("Invalid value: {text:?}: {path} in body should be at least {min} chars long"),
            );
        }
    }

    fn check_number(&mut self, schema: &Json, value: &Json, path: &str) {
        let number = value.as_f64().unwrap_or_default();
        let bound = |name: &str| schema[name].as_f64();
        if let Some(min) = bound("minimum")
            && number < min
        {
            self.say(
                path,
                format_args!(
                    "Invalid value: {value}: {path} in body should be greater than or equal to {min}"
                ),
            );
        }
        if let Some(max) = bound("maximum")
            && number > max
        {
            self.say(
                path,
                format_args!("Invalid value: {value}: {path} in body should be less than or equal to {max}"),
            );
        }
    }

    fn check_list(&mut self, schema: &Json, items: &[Json], path: &str) {
        let length = items.len() as u64;
        if let Some(max) = schema["maxItems"].as_u64()
            && length > max
        {
            self.say(path, format_args!("Too many: {length}: must have at most {max} items"));
        }
        if let Some(min) = schema["minItems"].as_u64()
            && length < min
        {
            self.say(
                path,
                format_args!("Invalid value: {length}: {path} in body should have at least {min} items"),
            );
        }
        for (index, item) in items.iter().enumerate() {
            self.check(&schema["items"], item, &format!("{path}[{index}]"));
        }
        self.check_unique(schema, items, path);
    }

    /// Lists that are sets, or maps by some of their items' fields.
    fn check_unique(&mut self, schema: &Json, items: &[Json], path: &str) {
        let keys: Vec<&str> = schema["x-kubernetes-list-map-keys"]
            .as_array()
            .map(|keys| keys.iter().filter_map(Json::as_str).collect())
            .unwrap_or_default();
        let identity = |item: &Json| match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => Some(item.clone()),
            Some("map") => Some(keys.iter().map(|key| ((*key).to_owned(), item[*key].clone())).collect()),
            Some(_) | None => None,
        };
        let mut seen = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(identity) = identity(item) else { return };
            if seen.contains(&identity) {
                self.say(&format!("{path}[{index}]"), format_args!("Duplicate value: {identity}"));
            } else {
                seen.push(identity);
            }
        }
    }

    fn check_map(&mut self, schema: &Json, value: &Json, path: &str) {
        let fields = value.as_object().into_iter().flatten();
        if let Some(max) = schema["maxProperties"].as_u64()
            && value.as_object().is_some_and(|fields| fields.len() as u64 > max)
        {
            let length = value.as_object().map_or(0, serde_json::Map::len);
            self.say(path, format_args!("Too many: {length}: must have at most {max} items"));
        }
        for (name, field) in fields {
            let schema = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
            if let Some(schema) = schema {
                self.check(schema, field, &format!("{path}.{name}"));
            }
        }
        self.require(schema, value, path);
    }

    fn require(&mut self, schema: &Json, value: &Json, path: &str) {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
        for name in required.filter(|name| value.get(*name).is_none()) {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.say(&path, "Required value");
        }
    }
}

fn is_of(value: &Json, wanted: &str) -> bool {
    match wanted {
        "integer" => value.as_i64().is_some() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        wanted => type_of(value) == wanted,
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_f64() => "number",
        Json::Number(_) => "integer",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(schema: &Json, value: &Json) -> Vec<String> {
        let schema = json!({"properties": {"spec": schema}});
        refusals(&schema, &json!({"spec": value})).into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn each_keyword_has_the_api_servers_words() {
        for (schema, value, message) in [
            (
                json!({"type": "integer"}),
                json!("a"),
                "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\"",
            ),
            (
                json!({"type": "string", "enum": ["A", "B"]}),
                json!("C"),
                "spec: Unsupported value: \"C\": supported values: \"A\", \"B\"",
            ),
            (
                json!({"type": "string", "maxLength": 2}),
                json!("abc"),
                "spec: Too long: may not be more than 2 bytes",
            ),
            (
                json!({"type": "string", "minLength": 1}),
                json!(""),
                "spec: Invalid value: \"\": spec in body should be at least 1 chars long",
            ),
            (
                json!({"type": "integer", "minimum": 1.0}),
                json!(0),
                "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
            ),
            (
                json!({"type": "integer", "maximum": 9.0}),
                json!(10),
                "spec: Invalid value: 10: spec in body should be less than or equal to 9",
            ),
            (
                json!({"type": "array", "maxItems": 1}),
                json!([1, 2]),
                "spec: Too many: 2: must have at most 1 items",
            ),
            (
                json!({"type": "array", "minItems": 1}),
                json!([]),
                "spec: Invalid value: 0: spec in body should have at least 1 items",
            ),
            (
                json!({"type": "array", "x-kubernetes-list-type": "set"}),
                json!(["a", "a"]),
                "spec[1]: Duplicate value: \"a\"",
            ),
            (
                json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["ip"]}),
                json!([{"ip": "a", "x": 1}, {"ip": "a", "x": 2}]),
                "spec[1]: Duplicate value: {\"ip\":\"a\"}",
            ),
            (json!({"type": "object", "required": ["a"]}), json!({}), "spec.a: Required value"),
            (
                json!({"type": "object", "properties": {"a": {"type": "boolean"}}}),
                json!({"a": null}),
                "spec.a: Invalid value: \"null\": spec.a in body must be of type boolean: \"null\"",
            ),
        ] {
            assert_eq!(messages(&schema, &value), [message], "{schema} {value}");
        }
    }

    #[test]
    fn what_fits_is_not_spoken_of() {
        let schema = json!({"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}});
        assert_eq!(messages(&schema, &json!({"a": "abc"})), Vec::<String>::new());
        assert_eq!(messages(&json!({"type": "number"}), &json!(1)), Vec::<String>::new());
    }
}
