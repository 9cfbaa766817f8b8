//! A Service as kubectl shows it.

use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const ALLOCATED: &str = "ferrolb.io/IPAllocated";
const ANNOUNCED: &str = "ferrolb.io/Announced";

/// A Service as last read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Service(Value);

impl Service {
    pub(crate) fn parse(json: &str) -> Result<Self> {
        Ok(Self(serde_json::from_str(json).context("kubectl printed no JSON")?))
    }

    pub(crate) fn list(json: &str) -> Result<Vec<Self>> {
        let list: Value = serde_json::from_str(json).context("kubectl printed no JSON")?;
        Ok(list["items"].as_array().into_iter().flatten().cloned().map(Self).collect())
    }

    /// `namespace/name`.
    pub(crate) fn id(&self) -> String {
        let part = |name: &str| self.0["metadata"][name].as_str().unwrap_or_default();
        format!("{}/{}", part("namespace"), part("name"))
    }

    pub(crate) fn version(&self) -> &str {
        self.0["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    /// The ingress addresses, in order.
    pub(crate) fn addresses(&self) -> Vec<IpAddr> {
        let points = self.0["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten();
        points.filter_map(|point| point["ip"].as_str()?.parse().ok()).collect()
    }

    /// The first address, for Services of one family.
    pub(crate) fn address(&self) -> Result<IpAddr> {
        self.addresses().first().copied().with_context(|| format!("{} has no address", self.id()))
    }

    /// Condition `ferrolb.io/IPAllocated`: status, reason, message.
    pub(crate) fn allocated(&self) -> Option<(&str, &str, &str)> {
        self.condition(ALLOCATED)
    }

    /// Condition `ferrolb.io/Announced`: status, reason, message.
    pub(crate) fn announced(&self) -> Option<(&str, &str, &str)> {
        self.condition(ANNOUNCED)
    }

    fn condition(&self, kind: &str) -> Option<(&str, &str, &str)> {
        let mut conditions = self.0["status"]["conditions"].as_array().into_iter().flatten();
        let condition = conditions.find(|condition| condition["type"] == kind)?;
        let text = |name: &str| condition[name].as_str().unwrap_or_default();
        Some((text("status"), text("reason"), text("message")))
    }

    /// Fails, telling what is so instead, unless the condition is false with this reason; returns its message.
    pub(crate) fn refused(&self, reason: &str) -> Result<String> {
        match self.allocated() {
            Some(("False", actual, message)) if actual == reason => Ok(message.to_owned()),
            other => bail!("{}: wanted IPAllocated=False for {reason}, found {other:?}", self.id()),
        }
    }
}
