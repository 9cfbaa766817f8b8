//! Names that Services and Nodes carry: annotations, the load balancer class, the exclusion label.

/// `spec.loadBalancerClass` of Services that are FerroLB's whatever the flag for class-less ones says.
pub const LOAD_BALANCER_CLASS: &str = "ferrolb.io/lb";

/// The pool (by name) a Service wants its address from.
pub const ADDRESS_POOL: &str = "ferrolb.io/address-pool";
/// The addresses a Service wants, comma separated, at most one a family.
pub const LOAD_BALANCER_IPS: &str = "ferrolb.io/load-balancer-ips";
/// The sharing key: Services with equal keys may share one address.
pub const ALLOW_SHARED_IP: &str = "ferrolb.io/allow-shared-ip";

/// The node that is to answer for a Service's addresses while it can. Nothing moves when the annotation is taken off.
pub const MOVE_TO: &str = "ferrolb.io/move-to";
/// On an L2Advertisement: its VIPs are to be balanced anew, once for each value; a time, as `kubectl ferrolb rebalance` writes it.
pub const REBALANCE: &str = "ferrolb.io/rebalance";

/// MetalLB's twin of [`ADDRESS_POOL`], read when ours is absent.
pub const METALLB_ADDRESS_POOL: &str = "metallb.io/address-pool";
/// MetalLB's twin of [`LOAD_BALANCER_IPS`], read when ours is absent.
pub const METALLB_LOAD_BALANCER_IPS: &str = "metallb.io/loadBalancerIPs";
/// MetalLB's twin of [`ALLOW_SHARED_IP`], read when ours is absent.
pub const METALLB_ALLOW_SHARED_IP: &str = "metallb.io/allow-shared-ip";

/// A node with this label announces nothing (KEP-1143); only its presence counts.
pub const EXCLUDE_NODE_LABEL: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// Taints of nodes that are about to be taken away: by the autoscaler, by whoever knows that the machine is off, by a cloud
/// whose machine is shut down.
pub const LEAVING_TAINTS: [&str; 3] = [
    "ToBeDeletedByClusterAutoscaler",
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/shutdown",
];

/// Kubernetes' own finalizer of load balancers: a Service that has it stays, while it is being deleted, until the load
/// balancer is cleaned up.
pub const CLEANUP_FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";
