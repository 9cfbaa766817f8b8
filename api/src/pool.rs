//! `IPAddressPool`: the addresses Services may get.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::selector::LabelSelector;

/// Addresses that Services of `type: LoadBalancer` may get.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "IPAddressPool",
    plural = "ipaddresspools",
    shortname = "flbpool",
    category = "ferrolb",
    status = "IPAddressPoolStatus",
    derive = "PartialEq",
    doc = "A pool of addresses that Services of type LoadBalancer may get.",
    printcolumn(name = "Auto Assign", type_ = "boolean", json_path = ".spec.autoAssign"),
    printcolumn(name = "Addresses", type_ = "string", json_path = ".spec.addresses"),
    printcolumn(name = "Assigned IPv4", type_ = "integer", json_path = ".status.assignedIPv4"),
    printcolumn(name = "Available IPv4", type_ = "integer", json_path = ".status.availableIPv4"),
    printcolumn(name = "Assigned IPv6", type_ = "integer", json_path = ".status.assignedIPv6", priority = 1),
    printcolumn(
        name = "Available IPv6",
        type_ = "integer",
        json_path = ".status.availableIPv6",
        priority = 1
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct IPAddressPoolSpec {
    /// The addresses, each a CIDR (`192.0.2.0/24`, `2001:db8::/64`) or a range (`192.0.2.10-192.0.2.20`). IPv4 and
    /// IPv6 may be mixed. They are handed out in this order.
    #[schemars(length(min = 1, max = 256), inner(length(min = 1, max = 96)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(ADDRESSES_PARSE).message(ADDRESSES_PARSE_MESSAGE),
        validation = Rule::new(CIDRS_MASKED).message(CIDRS_MASKED_MESSAGE),
        validation = Rule::new(RANGES_ONE_FAMILY).message(RANGES_ONE_FAMILY_MESSAGE),
        validation = Rule::new(RANGES_IN_ORDER).message(RANGES_IN_ORDER_MESSAGE),
        validation = Rule::new(UNICAST).message(UNICAST_MESSAGE)
    )]
    pub addresses: Vec<String>,

    /// Addresses of this pool that are never handed out: the gateway's, a printer's. Written as `addresses`, or as a
    /// single address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 96)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(EXCLUDES_PARSE).message(EXCLUDES_PARSE_MESSAGE),
        validation = Rule::new(RANGES_ONE_FAMILY).message(RANGES_ONE_FAMILY_MESSAGE),
        validation = Rule::new(RANGES_IN_ORDER).message(RANGES_IN_ORDER_MESSAGE)
    )]
    pub exclude: Vec<String>,

    /// Whether Services that name neither a pool nor an address get addresses from this one.
    #[serde(default = "yes")]
    pub auto_assign: bool,

    /// Whether IPv4 addresses that end in .0 or .255 are left out, for clients that refuse them.
    #[serde(default, rename = "avoidBuggyIPs")]
    pub avoid_buggy_ips: bool,

    /// Whether the pool gives out nothing new. Services that hold its addresses keep them.
    #[serde(default)]
    pub drain: bool,

    /// Whether a Service may name this pool or an address of it.
    #[serde(default = "yes")]
    pub allow_requests: bool,

    /// Which Services with equal `ferrolb.io/allow-shared-ip` may share an address.
    #[serde(default)]
    pub sharing: Sharing,

    /// Which Services the pool is for. Absent: every Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_allocation: Option<ServiceAllocation>,
}

/// Which Services may share an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Sharing {
    /// Those of one namespace.
    #[default]
    SameNamespace,
    /// Those of any namespace.
    AnyNamespace,
}

/// Binds a pool to Services, requests by name included. A Service matches if its namespace is listed or selected
/// (both empty: any namespace) and its labels match one of `serviceSelectors` (empty: any labels).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "has(self.namespaces) || has(self.namespaceSelectors) || has(self.serviceSelectors) || self.priority > 0"
).message("serviceAllocation must set at least one of priority, namespaces, namespaceSelectors, serviceSelectors"))]
pub struct ServiceAllocation {
    /// Pools with a lower priority are tried first; 0 is tried last.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub priority: i32,
    /// Namespaces by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub namespaces: Vec<String>,
    /// Namespaces by label; matching one selector is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub namespace_selectors: Vec<LabelSelector>,
    /// Services by label; matching one selector is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub service_selectors: Vec<LabelSelector>,
}

/// How much of a pool is in use. Counts saturate at 2^63 − 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IPAddressPoolStatus {
    /// IPv4 addresses that Services hold.
    #[serde(default, rename = "assignedIPv4")]
    pub assigned_ipv4: i64,
    /// IPv6 addresses that Services hold.
    #[serde(default, rename = "assignedIPv6")]
    pub assigned_ipv6: i64,
    /// IPv4 addresses that are free.
    #[serde(default, rename = "availableIPv4")]
    pub available_ipv4: i64,
    /// IPv6 addresses that are free.
    #[serde(default, rename = "availableIPv6")]
    pub available_ipv6: i64,
    /// `Ready`, `Accepted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

fn yes() -> bool {
    true
}

const ADDRESSES_PARSE: &str = "self.all(a, isCIDR(a) || \
     (a.split('-').size() == 2 && isIP(a.split('-')[0].trim()) && isIP(a.split('-')[1].trim())))";
const ADDRESSES_PARSE_MESSAGE: &str = "each entry must be a CIDR such as 192.0.2.0/24 or 2001:db8::/64, or a range such as 192.0.2.10-192.0.2.20";

const EXCLUDES_PARSE: &str = "self.all(a, isCIDR(a) || isIP(a) || \
     (a.split('-').size() == 2 && isIP(a.split('-')[0].trim()) && isIP(a.split('-')[1].trim())))";
const EXCLUDES_PARSE_MESSAGE: &str = "each entry must be an address such as 192.0.2.1, a CIDR such as 192.0.2.0/28, or a range such as 192.0.2.10-192.0.2.20";

const CIDRS_MASKED: &str = "self.all(a, !isCIDR(a) || cidr(a) == cidr(a).masked())";
const CIDRS_MASKED_MESSAGE: &str = "a CIDR must name its network address: 192.0.2.0/24, not 192.0.2.5/24; for part of a network write a range";

const RANGES_ONE_FAMILY: &str = "self.all(a, !(a.split('-').size() == 2 && isIP(a.split('-')[0].trim()) && isIP(a.split('-')[1].trim())) || \
     ip(a.split('-')[0].trim()).family() == ip(a.split('-')[1].trim()).family())";
const RANGES_ONE_FAMILY_MESSAGE: &str = "both ends of a range must be IPv4 or both IPv6";

// CEL has no order on addresses, so IPv4 ends are compared as numbers; a reversed IPv6 range is reported by the
// controller as the condition Accepted=False. Lists of one name a value: loops over split strings would cost too much.
const RANGES_IN_ORDER: &str = "self.all(a, !a.matches('^ *[0-9]+([.][0-9]+){3} *- *[0-9]+([.][0-9]+){3} *$') || \
     [a.split('-')].all(ends, [ends[0].trim().split('.')].all(x, [ends[1].trim().split('.')].all(y, \
       ((int(x[0]) * 256 + int(x[1])) * 256 + int(x[2])) * 256 + int(x[3]) <= \
       ((int(y[0]) * 256 + int(y[1])) * 256 + int(y[2])) * 256 + int(y[3])))))";
const RANGES_IN_ORDER_MESSAGE: &str = "a range must begin with its lower address";

const UNICAST: &str = "self.all(a, \
     (isCIDR(a) ? cidr(a).ip().isGlobalUnicast() : \
      !(a.split('-').size() == 2 && isIP(a.split('-')[0].trim()) && isIP(a.split('-')[1].trim())) || \
      (ip(a.split('-')[0].trim()).isGlobalUnicast() && ip(a.split('-')[1].trim()).isGlobalUnicast())))";
const UNICAST_MESSAGE: &str =
    "addresses must be unicast: no multicast, loopback, link-local, broadcast or unspecified ones";
