//! What pods changed through the API, from the audit log of a lab that keeps one.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};
use ferrolb_lab::Lab;
use serde_json::Value;

/// The log from one moment on.
#[derive(Debug, Clone)]
pub struct Audit {
    file: PathBuf,
    from: u64,
}

/// A request that could have changed something.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The service account, `system:serviceaccount:NAMESPACE:NAME`.
    pub user: String,
    /// The pod whose token it was; empty when the token is no pod's.
    pub pod: String,
    /// `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// With its subresource: `services/status`.
    pub resource: String,
    /// `namespace/name`; without a namespace `/name`.
    pub object: String,
    /// The HTTP code it was answered with.
    pub code: u64,
    /// What was sent.
    pub body: Value,
}

impl Audit {
    /// The log from now on.
    ///
    /// # Errors
    /// The lab keeps none: it was brought up without auditing.
    pub fn now(lab: &Lab) -> Result<Self> {
        let file = lab.folder().join("log/audit.log");
        let from = std::fs::metadata(&file).context("the lab was brought up without --audit")?.len();
        Ok(Self { file, from })
    }

    /// All requests since, in the order of their answers.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut requests = Vec::new();
        for line in BufReader::new(file).lines() {
            // An API server that was killed may have left half a line.
            if let Ok(event) = serde_json::from_str::<Value>(&line?) {
                requests.push(Request::of(&event));
            }
        }
        Ok(requests)
    }

    /// Those since that were done.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn changes(&self) -> Result<Vec<Request>> {
        let mut requests = self.requests()?;
        requests.retain(|request| (200..300).contains(&request.code));
        Ok(requests)
    }
}

impl Request {
    fn of(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["objectRef"];
        let subresource = text(&object["subresource"]);
        let slash = if subresource.is_empty() { "" } else { "/" };
        Self {
            user: text(&event["user"]["username"]),
            pod: text(&event["user"]["extra"]["authentication.kubernetes.io/pod-name"][0]),
            verb: text(&event["verb"]),
            resource: text(&object["resource"]) + slash + &subresource,
            object: text(&object["namespace"]) + "/" + &text(&object["name"]),
            code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
            body: event["requestObject"].clone(),
        }
    }

    /// Whether it gives a Service addresses or takes them.
    pub fn sets_ingress(&self) -> bool {
        self.resource == "services/status" && !self.body["status"]["loadBalancer"]["ingress"].is_null()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_with_its_pod_and_subresource() {
        let event = serde_json::json!({
            "verb": "patch",
            "user": {
                "username": "system:serviceaccount:a:b",
                "extra": {"authentication.kubernetes.io/pod-name": ["b-1"]},
            },
            "objectRef": {"resource": "services", "subresource": "status", "namespace": "x", "name": "y"},
            "responseStatus": {"code": 200},
            "requestObject": {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}},
        });
        let request = Request::of(&event);
        assert_eq!((request.resource.as_str(), request.object.as_str()), ("services/status", "x/y"));
        assert_eq!((request.pod.as_str(), request.code), ("b-1", 200));
        assert!(request.sets_ingress());
        let mut conditions_only = request.clone();
        conditions_only.body = serde_json::json!({"status": {"conditions": []}});
        assert!(!conditions_only.sets_ingress());
    }
}
