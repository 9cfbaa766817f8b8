//! Metadata without what nobody here reads. Managed fields and the copy of the manifest that `kubectl apply` keeps are most
//! of a small object's text, and the former cost more to decode than all the rest.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::ObjectMeta;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

/// The annotation in which `kubectl apply` keeps the whole manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<Annotations>,
    finalizers: Option<Vec<String>>,
    creation_timestamp: Option<Time>,
    deletion_timestamp: Option<Time>,
}

pub(crate) fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let metadata = Metadata::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resource_version: metadata.resource_version,
        generation: metadata.generation,
        labels: metadata.labels,
        annotations: metadata.annotations.map(|annotations| annotations.0),
        finalizers: metadata.finalizers,
        creation_timestamp: metadata.creation_timestamp,
        deletion_timestamp: metadata.deletion_timestamp,
        ..ObjectMeta::default()
    })
}

struct Annotations(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keep;
        impl<'de> Visitor<'de> for Keep {
            type Value = Annotations;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut kept = BTreeMap::new();
                while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                    if key == LAST_APPLIED {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        kept.insert(key.into_owned(), map.next_value()?);
                    }
                }
                Ok(Annotations(kept))
            }
        }
        deserializer.deserialize_map(Keep)
    }
}

#[cfg(test)]
mod tests {
    use crate::kinds::Namespace;

    #[test]
    fn what_nobody_reads_is_left_out() {
        let namespace: Namespace = serde_json::from_str(
            r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"7","generation":2,"labels":{"x":"y"},
                "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"a\":1}","b\"c":"d"},
                "creationTimestamp":"2026-11-22T12:00:00Z","finalizers":["f"],
                "managedFields":[{"manager":"m","fieldsV1":{"f:metadata":{}}}]}}"#,
        )
        .unwrap();
        let metadata = namespace.metadata;
        assert_eq!(
            metadata.annotations.unwrap().into_iter().collect::<Vec<_>>(),
            [("b\"c".to_owned(), "d".to_owned())]
        );
        assert_eq!(metadata.labels.unwrap()["x"], "y");
        assert_eq!((metadata.generation, metadata.managed_fields), (Some(2), None));
        assert!(metadata.creation_timestamp.is_some());
        assert_eq!(metadata.finalizers.unwrap(), ["f"]);
    }
}
