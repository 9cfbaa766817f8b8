//! What of ours is on a Service that is not ours to serve any more.

use ferrolb_api::{CLEANUP_FINALIZER, LOAD_BALANCER_CLASS, condition::IP_ALLOCATED};
use ferrolb_runtime::kinds::{ServiceSpec, ServiceStatus};
use kube::core::ObjectMeta;
use serde::Deserialize;

use super::send::FIELD_MANAGER;

/// A Service as it is read to take off what is ours: with its managed fields, which are watched by nobody.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: ServiceSpec,
    #[serde(default)]
    pub(crate) status: ServiceStatus,
}

/// What is to be taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remains {
    /// The finalizer.
    pub(crate) finalizer: bool,
    /// Our conditions.
    pub(crate) conditions: bool,
}

impl Found {
    /// What of ours is to go. Other load balancers put the same finalizer on their Services, and its going before they
    /// have cleaned up would leak what they made: it is ours if the managed fields say so, or if we gave the Service
    /// its addresses, or if the Service names our class. Of a Service that is served it goes only if no finalizers are asked
    /// for and it surely is ours.
    pub(crate) fn remains(&self, cleanup_finalizer: bool) -> Remains {
        let deleted = self.metadata.deletion_timestamp.is_some();
        let class = self.spec.load_balancer_class.as_deref();
        let is_load_balancer = self.spec.r#type == "LoadBalancer";
        let was_told = self.status.conditions.iter().any(|condition| condition.type_ == IP_ALLOCATED);
        if is_load_balancer && !deleted {
            let finalizer = !cleanup_finalizer && was_told && self.we_put_the_finalizer();
            return Remains { finalizer, conditions: false };
        }
        if is_load_balancer && class.is_some_and(|class| class != LOAD_BALANCER_CLASS) {
            return Remains { finalizer: false, conditions: false };
        }
        let finalizers = self.metadata.finalizers.as_deref().unwrap_or_default();
        let has_finalizer = finalizers.iter().any(|finalizer| finalizer == CLEANUP_FINALIZER);
        let is_ours = was_told || class == Some(LOAD_BALANCER_CLASS) || self.we_put_the_finalizer();
        // Without its finalizer one that is being deleted is gone.
        Remains { finalizer: has_finalizer && is_ours, conditions: was_told && !deleted }
    }

    fn we_put_the_finalizer(&self) -> bool {
        let key = format!("v:\"{CLEANUP_FINALIZER}\"");
        let ours = self.metadata.managed_fields.iter().flatten();
        let mut ours = ours.filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
        ours.any(|entry| {
            let fields = entry.fields_v1.as_ref();
            fields.is_some_and(|fields| fields.0["f:metadata"]["f:finalizers"].get(&key).is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOTHING: Remains = Remains { finalizer: false, conditions: false };

    fn service(manager: &str, deleted: bool, told: bool, spec: &Value) -> Found {
        let mut service = json!({
            "metadata": {
                "name": "web",
                "finalizers": [CLEANUP_FINALIZER],
                "managedFields": [
                    {"manager": FIELD_MANAGER, "subresource": "status", "fieldsV1": {"f:status": {}}},
                    {"manager": manager, "fieldsV1": {"f:metadata": {"f:finalizers": {
                        ".": {}, "v:\"service.kubernetes.io/load-balancer-cleanup\"": {},
                    }}}},
                ],
            },
            "spec": spec,
        });
        if deleted {
            service["metadata"]["deletionTimestamp"] = "2026-11-22T12:00:00Z".into();
        }
        if told {
            service["status"]["conditions"] = json!([{
                "type": IP_ALLOCATED, "status": "True", "reason": "Allocated", "message": "",
                "lastTransitionTime": "2026-11-22T12:00:00Z",
            }]);
        }
        serde_json::from_value(service).unwrap()
    }

    #[test]
    fn of_a_service_of_another_type_the_finalizer_goes_only_if_it_is_ours() {
        let spec = || json!({"type": "ClusterIP"});
        let remains = |manager, told| service(manager, false, told, &spec()).remains(true);
        assert_eq!(remains("cloud-controller-manager", false), NOTHING);
        assert_eq!(remains(FIELD_MANAGER, false), Remains { finalizer: true, conditions: false });
        assert_eq!(remains("velero", true), Remains { finalizer: true, conditions: true });
        assert_eq!(
            service("another", true, false, &spec()).remains(true),
            NOTHING,
            "also when it is being deleted"
        );
    }

    #[test]
    fn of_a_served_load_balancer_our_finalizer_goes_if_none_is_asked_for() {
        let spec = json!({"type": "LoadBalancer"});
        let remains = |manager, told| service(manager, false, told, &spec).remains(false);
        assert_eq!(remains(FIELD_MANAGER, true), Remains { finalizer: true, conditions: false });
        assert_eq!(remains(FIELD_MANAGER, false), NOTHING);
        assert_eq!(remains("another", true), NOTHING);
    }

    #[test]
    fn of_a_load_balancer_nothing_goes_before_it_is_deleted() {
        let spec = json!({"type": "LoadBalancer"});
        assert_eq!(service(FIELD_MANAGER, false, true, &spec).remains(true), NOTHING);
        assert_eq!(service("another", true, false, &spec).remains(true), NOTHING);
        assert!(service(FIELD_MANAGER, true, false, &spec).remains(true).finalizer);
        assert!(service("another", true, true, &spec).remains(true).finalizer, "we gave it addresses");
        let ours = json!({"type": "LoadBalancer", "loadBalancerClass": LOAD_BALANCER_CLASS});
        assert!(
            service("velero", true, false, &ours).remains(true).finalizer,
            "nobody else serves our class"
        );
        let other = json!({"type": "LoadBalancer", "loadBalancerClass": "other.io/lb"});
        assert_eq!(service(FIELD_MANAGER, true, true, &other).remains(true), NOTHING);
    }
}
