//! What an API server stores: objects by version, the changes that led there, and merges as Kubernetes does them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Resource, namespace (empty for cluster-scoped kinds), name.
pub(crate) type Key = (String, String, String);

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    pub(crate) key: Key,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
}

/// Objects and their history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) version: u64,
    pub(crate) objects: BTreeMap<Key, Value>,
    pub(crate) log: Vec<Change>,
    /// Changes up to this version are forgotten.
    pub(crate) compacted: u64,
    /// Which Services have which address.
    holders: BTreeMap<String, BTreeSet<Key>>,
}

/// Why a write is not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    NotFound,
    Conflict,
}

impl Store {
    /// Writes an object, whatever was there.
    pub(crate) fn put(&mut self, key: &Key, mut object: Value) -> Value {
        self.version += 1;
        let before = self.objects.get(key).cloned();
        let uid = match &before {
            Some(before) => before["metadata"]["uid"].clone(),
            None => json!(format!("uid-{}", self.version)),
        };
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(key.2);
        if !key.1.is_empty() {
            metadata["namespace"] = json!(key.1);
        }
        metadata["uid"] = uid;
        metadata["resourceVersion"] = json!(self.version.to_string());
        // What every real object carries and nobody here reads.
        metadata["managedFields"] = json!([{"manager": "test", "fieldsV1": {"f:metadata": {}}}]);
        self.hold(key, before.as_ref(), Some(&object));
        self.objects.insert(key.clone(), object.clone());
        self.log.push(Change {
            version: self.version,
            key: key.clone(),
            before,
            after: Some(object.clone()),
        });
        object
    }

    pub(crate) fn create(&mut self, key: &Key, object: Value) -> Result<Value, Refused> {
        if self.objects.contains_key(key) { Err(Refused::Conflict) } else { Ok(self.put(key, object)) }
    }

    /// Replaces an object that is as new as the writer thinks.
    pub(crate) fn replace(&mut self, key: &Key, object: Value) -> Result<Value, Refused> {
        self.guard(key, &object)?;
        Ok(self.put(key, object))
    }

    /// Merges a patch, guarded if it names a version.
    pub(crate) fn patch(&mut self, key: &Key, patch: &Value) -> Result<Value, Refused> {
        self.guard(key, patch)?;
        let mut object = self.objects[key].clone();
        merge(&mut object["status"], &patch["status"]);
        if object == self.objects[key] {
            return Ok(object);
        }
        Ok(self.put(key, object))
    }

    pub(crate) fn delete(&mut self, key: &Key) -> Result<Value, Refused> {
        let Some(mut object) = self.objects.remove(key) else { return Err(Refused::NotFound) };
        self.version += 1;
        self.hold(key, Some(&object), None);
        let before = Some(object.clone());
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.log.push(Change { version: self.version, key: key.clone(), before, after: None });
        Ok(object)
    }

    /// Changes after `version`.
    pub(crate) fn since(&self, version: u64) -> &[Change] {
        &self.log[self.log.partition_point(|change| change.version <= version)..]
    }

    /// The addresses that more than one Service has.
    pub(crate) fn shared_addresses(&self) -> Vec<String> {
        let shared = self.holders.iter().filter(|(_, holders)| holders.len() > 1);
        shared.map(|(address, holders)| format!("{address} is given to {holders:?}")).collect()
    }

    fn hold(&mut self, key: &Key, before: Option<&Value>, after: Option<&Value>) {
        for address in before.into_iter().flat_map(addresses) {
            if let Some(holders) = self.holders.get_mut(&address) {
                holders.remove(key);
            }
        }
        for address in after.into_iter().flat_map(addresses) {
            self.holders.entry(address).or_default().insert(key.clone());
        }
    }

    fn guard(&self, key: &Key, written: &Value) -> Result<(), Refused> {
        let Some(found) = self.objects.get(key) else { return Err(Refused::NotFound) };
        let version = &written["metadata"]["resourceVersion"];
        if version.is_null() || *version == found["metadata"]["resourceVersion"] {
            return Ok(());
        }
        Err(Refused::Conflict)
    }
}

fn addresses(object: &Value) -> Vec<String> {
    let ingress = object["status"]["loadBalancer"]["ingress"].as_array();
    ingress.into_iter().flatten().filter_map(|point| point["ip"].as_str().map(str::to_owned)).collect()
}

/// Merges as a strategic merge patch does for what FerroLB writes: objects by field, conditions by type, other lists whole.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else { return };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (name, value) in fields {
        if name == "conditions" {
            merge_conditions(&mut target[name], value);
        } else if value.is_object() {
            merge(&mut target[name], value);
        } else if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            target[name] = value.clone();
        }
    }
}

fn merge_conditions(target: &mut Value, patches: &Value) {
    if !target.is_array() {
        *target = json!([]);
    }
    let conditions = target.as_array_mut().unwrap();
    for patch in patches.as_array().into_iter().flatten() {
        conditions.retain(|condition| condition["type"] != patch["type"]);
        if patch["$patch"] != "delete" {
            conditions.push(patch.clone());
        }
    }
}
