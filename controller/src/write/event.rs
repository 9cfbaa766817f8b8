//! Events as the API server takes them.

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::api::ObjectMeta;

use super::ServiceEvent;

/// Who tells.
const CONTROLLER: &str = "ferrolb.io/controller";

/// The object that tells `event` at `now`. Ours are told on change only, or under a name that the API server takes once, so none
/// is the repetition of another, and nothing needs to be remembered of those told: kube's `Recorder` keeps all of the last
/// minutes and walks them each time.
/// `instance`: the pod's name.
pub(super) fn event_object(event: ServiceEvent, instance: &str, now: Timestamp) -> Event {
    let ServiceEvent { service, uid, warning, reason, note, name } = event;
    let name = name.unwrap_or_else(|| format!("{}.{:x}", service.name, now.as_nanosecond()));
    Event {
        action: Some("Allocate".into()),
        event_time: Some(MicroTime(now)),
        metadata: ObjectMeta {
            namespace: Some(service.namespace.to_string()),
            name: Some(name),
            ..ObjectMeta::default()
        },
        note: Some(note),
        reason: Some(reason),
        regarding: Some(ObjectReference {
            api_version: Some("v1".into()),
            kind: Some("Service".into()),
            namespace: Some(service.namespace.to_string()),
            name: Some(service.name.to_string()),
            uid: Some(uid),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(CONTROLLER.into()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(if warning { "Warning" } else { "Normal" }.into()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_model::ServiceId;

    use super::*;

    #[test]
    fn an_event_is_about_its_service_and_has_a_name_of_its_own() {
        let told = ServiceEvent {
            service: ServiceId::new("default", "web"),
            uid: "u1".into(),
            warning: true,
            reason: "PoolExhausted".into(),
            note: "Nothing is left.".into(),
            name: None,
        };
        let now: Timestamp = "2026-11-22T12:00:00.000001Z".parse().unwrap();
        let first = event_object(told.clone(), "pod-1", now);
        assert_eq!(first.regarding.as_ref().unwrap().uid.as_deref(), Some("u1"));
        assert_eq!(first.type_.as_deref(), Some("Warning"));
        assert_eq!(first.metadata.namespace.as_deref(), Some("default"));
        let later = now + jiff::SignedDuration::from_nanos(1);
        let next = event_object(told.clone(), "pod-1", later);
        assert_ne!(first.metadata.name, next.metadata.name);

        let named = ServiceEvent { name: Some("web.u1.f".into()), ..told };
        let names = [now, later].map(|time| event_object(named.clone(), "pod-1", time).metadata.name);
        assert_eq!(names, [Some("web.u1.f".to_owned()), Some("web.u1.f".to_owned())]);
    }
}
