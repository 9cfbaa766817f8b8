//! Bodies of patches.

use std::net::IpAddr;

use ferrolb_api::{
    CLEANUP_FINALIZER,
    condition::{ANNOUNCED, IP_ALLOCATED},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A Service's status as far as FerroLB writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceStatus {
    /// The ingress addresses, in order.
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether it has all it asked for.
    pub(crate) allocated: bool,
    /// The condition's reason.
    pub(crate) reason: String,
    /// The condition's message.
    pub(crate) message: String,
}

/// The patch that brings a Service from `resource_version` to `status`, in one request. `since` is when the condition's
/// value last flipped.
pub(crate) fn service_patch(resource_version: &str, status: &ServiceStatus, since: Timestamp) -> Value {
    let ingress: Vec<Value> =
        status.addresses.iter().map(|address| json!({"ip": address.to_string(), "ipMode": "VIP"})).collect();
    json!({
        "metadata": {"resourceVersion": resource_version},
        "status": {
            "loadBalancer": {"ingress": ingress},
            "conditions": [condition(IP_ALLOCATED, status.allocated, &status.reason, &status.message, since)],
        },
    })
}

/// What a Service's condition about announcing says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnnouncedStatus {
    /// Whether somebody answers for all of its addresses.
    pub(crate) announced: bool,
    /// The condition's reason.
    pub(crate) reason: String,
    /// The condition's message: who answers, or why nobody does.
    pub(crate) message: String,
}

/// The patch that sets the condition about announcing and nothing else.
pub(crate) fn announced_patch(resource_version: &str, status: &AnnouncedStatus, since: Timestamp) -> Value {
    let condition = condition(ANNOUNCED, status.announced, &status.reason, &status.message, since);
    json!({
        "metadata": {"resourceVersion": resource_version},
        "status": {"conditions": [condition]},
    })
}

/// The patch that makes a Service's deletion wait for us, or no longer.
pub(crate) fn finalizer_patch(resource_version: &str, add: bool) -> Value {
    let list = if add { "finalizers" } else { "$deleteFromPrimitiveList/finalizers" };
    json!({"metadata": {"resourceVersion": resource_version, list: [CLEANUP_FINALIZER]}})
}

/// The patch that takes our conditions off a Service.
pub(super) fn conditions_removed(resource_version: &str) -> Value {
    json!({
        "metadata": {"resourceVersion": resource_version},
        "status": {"conditions": [
            {"$patch": "delete", "type": IP_ALLOCATED},
            {"$patch": "delete", "type": ANNOUNCED},
        ]},
    })
}

fn condition(kind: &str, holds: bool, reason: &str, message: &str, since: Timestamp) -> Value {
    json!({
        "type": kind,
        "status": if holds { "True" } else { "False" },
        "reason": reason,
        "message": message,
        "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
}
