//! YAML and JSON as a tree that knows where each value stands.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::Spanned;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Located {
    /// From 1.
    pub(crate) line: u64,
    /// From 1.
    pub(crate) column: u64,
    pub(crate) value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    List(Vec<Located>),
    /// In the order written; a key's own place is that of its name.
    Map(Vec<(Key, Located)>),
}

/// The name of a field and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Key {
    pub(crate) line: u64,
    pub(crate) column: u64,
    pub(crate) name: String,
}

impl Located {
    /// The field of this name, if it is a map that has it.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(fields) => fields.iter().find(|(key, _)| key.name == name).map(|(_, value)| value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value at a path such as `spec.addresses[1]`, or as much of the way there as exists.
    pub(crate) fn at(&self, path: &str) -> &Self {
        let mut here = self;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let next =
                match (step.strip_suffix(']').and_then(|index| index.parse::<usize>().ok()), &here.value) {
                    (Some(index), Value::List(items)) => items.get(index),
                    _ => here.field(step),
                };
            match next {
                Some(next) => here = next,
                None => return here,
            }
        }
        here
    }

    /// Where the name of the field at a path stands; where its value stands, if it is no field.
    pub(crate) fn name_at(&self, path: &str) -> (u64, u64) {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        if let Value::Map(fields) = &self.at(parent).value
            && let Some((key, _)) = fields.iter().find(|(key, _)| key.name == name)
        {
            return (key.line, key.column);
        }
        let value = self.at(path);
        (value.line, value.column)
    }

    /// The same without places.
    pub(crate) fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::String(text) => text.clone().into(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(fields) => {
                fields.iter().map(|(key, value)| (key.name.clone(), value.json())).collect()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Located {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let at = spanned.referenced;
        Ok(Self { line: at.line(), column: at.column(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<String>::deserialize(deserializer)?;
        let at = spanned.referenced;
        Ok(Self { line: at.line(), column: at.column(), name: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(field) = fields.next_entry::<Key, Located>()? {
            map.push(field);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "apiVersion: v1\nspec:\n  addresses:\n    - 192.0.2.0/24\n    - \"x\"\n  autoAssign: true\n  n: 5\n  none:\n";

    #[test]
    fn every_value_knows_its_place() {
        let root: Located = serde_saphyr::from_str(TEXT).unwrap();
        let second = root.at("spec.addresses[1]");
        assert_eq!((second.line, second.column, second.text()), (5, 7, Some("x")));
        assert_eq!(root.at("spec.autoAssign").value, Value::Bool(true));
        assert_eq!(root.at("spec.n").json(), serde_json::json!(5));
        assert_eq!(root.at("spec.none").value, Value::Null);
        assert_eq!(root.at("spec.missing.field").line, 3, "as far as the way exists");
    }

    #[test]
    fn json_is_yaml_too() {
        let root: Located = serde_saphyr::from_str("{\"a\": [1, {\"b\": null}], \"c\": \"yes\"}").unwrap();
        assert_eq!(root.json(), serde_json::json!({"a": [1, {"b": null}], "c": "yes"}));
    }
}
