//! Kubernetes' kinds reduced to the fields FerroLB reads, so that watching a large cluster costs little memory.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Resource, core::ObjectMeta};
use serde::Deserialize;

use crate::lean;

/// `v1.Service`.
#[derive(Clone, Debug, Default, Deserialize, Resource)]
#[resource(inherit = k8s_openapi::api::core::v1::Service)]
pub struct Service {
    /// Name, namespace, uid, annotations, labels.
    #[serde(deserialize_with = "lean::metadata")]
    pub metadata: ObjectMeta,
    /// What the user asked for.
    #[serde(default)]
    pub spec: ServiceSpec,
    /// Its addresses and conditions.
    #[serde(default)]
    pub status: ServiceStatus,
}

/// `v1.ServiceSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub r#type: String,
    /// In order of preference; empty until the API server has allocated.
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    /// `IPv4`, `IPv6`, in order of preference.
    pub ip_families: Vec<String>,
    /// `SingleStack`, `PreferDualStack`, `RequireDualStack`.
    pub ip_family_policy: Option<String>,
    /// `Cluster` or `Local`.
    pub external_traffic_policy: Option<String>,
    /// Which load balancer is asked; `None`: the cluster's default.
    pub load_balancer_class: Option<String>,
    /// The address asked for; deprecated in Kubernetes but honoured.
    #[serde(rename = "loadBalancerIP")]
    pub load_balancer_ip: Option<String>,
    /// Ports that clients connect to.
    pub ports: Vec<ServicePort>,
    /// Which pods serve it.
    pub selector: BTreeMap<String, String>,
}

/// `v1.ServicePort`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// `TCP`, `UDP`, `SCTP`.
    pub protocol: Option<String>,
    /// The port on the VIP.
    pub port: u16,
}

/// `v1.ServiceStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// The load balancer's part.
    pub load_balancer: LoadBalancerStatus,
    /// Conditions, ours and others'.
    pub conditions: Vec<Condition>,
}

/// `v1.LoadBalancerStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// The points at which traffic enters.
    pub ingress: Vec<Ingress>,
}

/// `v1.LoadBalancerIngress`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ingress {
    /// An address.
    pub ip: Option<String>,
    /// A name, which FerroLB never writes.
    pub hostname: Option<String>,
    /// `VIP` or `Proxy`; the API server fills in `VIP`.
    pub ip_mode: Option<String>,
}

/// `apps/v1.DaemonSet`.
#[derive(Clone, Debug, Default, Deserialize, Resource)]
#[resource(inherit = k8s_openapi::api::apps::v1::DaemonSet)]
pub struct DaemonSet {
    /// Whether it is being deleted.
    #[serde(deserialize_with = "lean::metadata")]
    pub metadata: ObjectMeta,
    /// Its pods.
    #[serde(default)]
    pub spec: DaemonSetSpec,
}

/// `apps/v1.DaemonSetSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DaemonSetSpec {
    /// What each of them is made from.
    pub template: PodTemplate,
}

/// `v1.PodTemplateSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    /// The pod's own part.
    pub spec: PodSpec,
}

/// `v1.PodSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
}

/// `v1.Node`.
#[derive(Clone, Debug, Default, Deserialize, Resource)]
#[resource(inherit = k8s_openapi::api::core::v1::Node)]
pub struct Node {
    /// Name, uid, labels.
    #[serde(deserialize_with = "lean::metadata")]
    pub metadata: ObjectMeta,
    /// Whether it is cordoned or tainted.
    #[serde(default)]
    pub spec: NodeSpec,
    /// Its addresses.
    #[serde(default)]
    pub status: NodeStatus,
}

/// `v1.NodeSpec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSpec {
    /// Cordoned.
    pub unschedulable: bool,
    /// What keeps pods from it.
    pub taints: Vec<Taint>,
}

/// `v1.Taint`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Its name.
    pub key: String,
}

impl Node {
    /// Why it is about to be taken away, in a word or two: it is cordoned, has one of these taints, or shuts down. `None`: it stays.
    pub fn leaving(&self, taints: &[&str]) -> Option<String> {
        if self.spec.unschedulable {
            return Some("cordoned".to_owned());
        }
        if let Some(taint) = self.spec.taints.iter().find(|taint| taints.contains(&taint.key.as_str())) {
            return Some(format!("tainted {}", taint.key));
        }
        let mut conditions = self.status.conditions.iter();
        let ready = conditions.find(|condition| condition.r#type == "Ready")?;
        (ready.status == "False" && ready.message.contains(SHUTTING_DOWN)).then(|| "shutting down".to_owned())
    }
}

/// What kubelet says of a node whose graceful shutdown has begun (KEP-2000).
const SHUTTING_DOWN: &str = "node is shutting down";

/// `v1.NodeStatus`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeStatus {
    /// Addresses and names of the node.
    pub addresses: Vec<NodeAddress>,
    /// `Ready`, `NetworkUnavailable` and others.
    pub conditions: Vec<NodeCondition>,
}

/// `v1.NodeAddress`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname`…
    pub r#type: String,
    /// The address.
    pub address: String,
}

/// `v1.NodeCondition`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NodeCondition {
    /// Which.
    pub r#type: String,
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// Why, in words.
    pub message: String,
}

/// `v1.Namespace`.
#[derive(Clone, Debug, Default, Deserialize, Resource)]
#[resource(inherit = k8s_openapi::api::core::v1::Namespace)]
pub struct Namespace {
    /// Name, uid, labels.
    #[serde(deserialize_with = "lean::metadata")]
    pub metadata: ObjectMeta,
}

/// `discovery.k8s.io/v1.EndpointSlice`.
#[derive(Clone, Debug, Default, Deserialize, Resource)]
#[resource(inherit = k8s_openapi::api::discovery::v1::EndpointSlice)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Its Service is named by the label `kubernetes.io/service-name`.
    #[serde(deserialize_with = "lean::metadata")]
    pub metadata: ObjectMeta,
    /// `IPv4`, `IPv6` or `FQDN`.
    #[serde(default)]
    pub address_type: String,
    /// The endpoints.
    #[serde(default, deserialize_with = "null_as_default")]
    pub endpoints: Vec<Endpoint>,
}

/// `discovery.k8s.io/v1.Endpoint`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// Whether it takes traffic.
    pub conditions: EndpointConditions,
    /// Where it runs.
    pub node_name: Option<String>,
}

/// `discovery.k8s.io/v1.EndpointConditions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Absent counts as ready.
    pub ready: Option<bool>,
}

/// The label that names an EndpointSlice's Service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// The API server writes an empty list of endpoints as `null`.
pub(crate) fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
