//! Services of `type: LoadBalancer`.

use std::{fmt::Write as _, net::IpAddr};

use ferrolb_api::{
    ADDRESS_POOL, ALLOW_SHARED_IP, LOAD_BALANCER_CLASS, LOAD_BALANCER_IPS, METALLB_ADDRESS_POOL,
    METALLB_ALLOW_SHARED_IP, METALLB_LOAD_BALANCER_IPS, MOVE_TO, condition::IP_ALLOCATED, read_assignment,
};
use ferrolb_model::{
    Assignment, Family, FamilyPolicy, Ingress, Port, Protocol, Request, Service, ServiceId, TrafficPolicy,
};
use ferrolb_runtime::kinds;

use crate::address::mapped;

/// Whose business a Service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// FerroLB's.
    Ours,
    /// Another load balancer's, or no load balancer's.
    NotOurs,
}

/// Whether a Service is FerroLB's: of type LoadBalancer, and of our class, or of none where `default_class` says that
/// those are ours too (KEP-1959).
pub fn class(object: &kinds::Service, default_class: bool) -> Class {
    let ours = object.spec.r#type == "LoadBalancer"
        && match object.spec.load_balancer_class.as_deref() {
            Some(class) => class == LOAD_BALANCER_CLASS,
            None => default_class,
        };
    if ours { Class::Ours } else { Class::NotOurs }
}

/// A Service's namespace and name.
pub fn service_id(object: &kinds::Service) -> ServiceId {
    let metadata = &object.metadata;
    ServiceId::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// Parses a Service. A request that cannot be understood is part of the result: see [`Request::problem`].
pub fn service(object: &kinds::Service) -> Service {
    let (metadata, spec) = (&object.metadata, &object.spec);
    Service {
        id: service_id(object),
        uid: metadata.uid.as_deref().unwrap_or_default().into(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
        created: metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        labels: metadata.labels.as_ref().into(),
        families: families(spec),
        policy: match spec.ip_family_policy.as_deref() {
            Some("PreferDualStack") => FamilyPolicy::Prefer,
            Some("RequireDualStack") => FamilyPolicy::Require,
            Some(_) | None => FamilyPolicy::Single,
        },
        traffic_policy: match spec.external_traffic_policy.as_deref() {
            Some("Local") => TrafficPolicy::Local,
            Some(_) | None => TrafficPolicy::Cluster,
        },
        ports: spec.ports.iter().filter_map(port).collect(),
        selector: selector_text(spec),
        request: request(object),
        move_to: annotation(object, MOVE_TO).map(Into::into),
        ingress: ingress(object),
    }
}

/// The families it has cluster IPs of; those it asks for while it has none (headless Services keep none).
fn families(spec: &kinds::ServiceSpec) -> Vec<Family> {
    let from_ips = spec.cluster_ips.iter().filter_map(|ip| ip.parse::<IpAddr>().ok()).map(Family::of);
    let families: Vec<Family> = from_ips.collect();
    if !families.is_empty() {
        return families;
    }
    let named = spec.ip_families.iter().filter_map(|family| match family.as_str() {
        "IPv4" => Some(Family::V4),
        "IPv6" => Some(Family::V6),
        _ => None,
    });
    named.collect()
}

fn port(port: &kinds::ServicePort) -> Option<Port> {
    let protocol = match port.protocol.as_deref() {
        Some("TCP") | None => Protocol::Tcp,
        Some("UDP") => Protocol::Udp,
        Some("SCTP") => Protocol::Sctp,
        Some(_) => return None,
    };
    Some(Port { protocol, number: port.port })
}

fn selector_text(spec: &kinds::ServiceSpec) -> String {
    spec.selector.iter().fold(String::new(), |mut text, (key, value)| {
        let separator = if text.is_empty() { "" } else { "," };
        write!(text, "{separator}{key}={value}").expect("writing to a String does not fail");
        text
    })
}

fn request(object: &kinds::Service) -> Request {
    let either = |ours: &'static str, theirs: &'static str| {
        [ours, theirs].into_iter().find_map(|key| Some((key, annotation(object, key)?)))
    };
    let mut request = Request {
        pool: either(ADDRESS_POOL, METALLB_ADDRESS_POOL).map(|(_, pool)| pool.into()),
        addresses: Vec::new(),
        sharing_key: either(ALLOW_SHARED_IP, METALLB_ALLOW_SHARED_IP).map(|(_, key)| key.to_owned()),
        problem: None,
    };
    match requested(object, either(LOAD_BALANCER_IPS, METALLB_LOAD_BALANCER_IPS)) {
        Ok(addresses) => request.addresses = addresses,
        Err(problem) => request.problem = Some(problem),
    }
    request
}

/// What an annotation says, if anything.
fn annotation<'a>(object: &'a kinds::Service, key: &str) -> Option<&'a str> {
    let value = object.metadata.annotations.as_ref()?.get(key)?.trim();
    (!value.is_empty()).then_some(value)
}

/// The addresses asked for by the annotation and by `spec.loadBalancerIP`, which has room for one family only.
fn requested(object: &kinds::Service, annotation: Option<(&str, &str)>) -> Result<Vec<IpAddr>, String> {
    let field = object.spec.load_balancer_ip.as_deref().map(str::trim).filter(|ip| !ip.is_empty());
    let of_field = field.map_or(Ok(Vec::new()), |text| addresses("spec.loadBalancerIP", text))?;
    let Some((key, text)) = annotation else { return Ok(of_field) };
    let asked = addresses(&format!("the annotation {key}"), text)?;
    if !of_field.iter().all(|address| asked.contains(address)) {
        return Err(format!(
            "the annotation {key} asks for {text} and spec.loadBalancerIP for {}; remove one of them",
            field.unwrap_or_default()
        ));
    }
    Ok(asked)
}

fn addresses(source: &str, text: &str) -> Result<Vec<IpAddr>, String> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let address: IpAddr = part.parse().map_err(|_| {
            format!("{source} asks for {part:?}, which is not an IP address; write one such as 192.0.2.7")
        })?;
        if let Some(v4) = mapped(address) {
            return Err(format!("{source} asks for {part}, an IPv4 address written as IPv6; write {v4}"));
        }
        if addresses.contains(&address) {
            continue;
        }
        if addresses.iter().any(|other| Family::of(*other) == Family::of(address)) {
            return Err(format!(
                "{source} asks for two {} addresses; ask for at most one of a family",
                Family::of(address)
            ));
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(format!("{source} names no address; name one, or remove it"));
    }
    Ok(addresses)
}

/// Ours is an ingress of which our condition names an address, whatever was put beside it; if it names none of those there
/// are, the ingress was edited; without our condition it is another's.
fn ingress(object: &kinds::Service) -> Ingress {
    let points = &object.status.load_balancer.ingress;
    let hostnames: Vec<String> = points.iter().filter_map(|point| point.hostname.clone()).collect();
    let addresses: Vec<IpAddr> =
        points.iter().filter_map(|point| point.ip.as_deref()?.parse().ok()).collect();
    let (given, since) = given(object).unwrap_or_default();
    let (assigned, removed): (Vec<_>, Vec<_>) =
        given.iter().cloned().partition(|one| addresses.contains(&one.address));
    if !assigned.is_empty() {
        return Ingress::Ours { assigned, removed, since };
    }
    match (points.is_empty(), given.is_empty()) {
        (true, true) => Ingress::Empty,
        (_, false) if hostnames.is_empty() => Ingress::Edited { addresses, given, since },
        (_, _) => Ingress::Foreign { addresses, hostnames },
    }
}

/// What our condition says FerroLB gave, and since when.
fn given(object: &kinds::Service) -> Option<(Vec<Assignment>, i64)> {
    let mut conditions = object.status.conditions.iter();
    let condition =
        conditions.find(|condition| condition.type_ == IP_ALLOCATED && condition.status == "True")?;
    let named = read_assignment(&condition.message).into_iter();
    let given = named.map(|(address, pool)| Assignment { address, pool: pool.map(Into::into) });
    Some((given.collect(), condition.last_transition_time.0.as_second()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

    use super::*;

    fn with_annotations(annotations: &[(&str, &str)]) -> kinds::Service {
        let mut object = kinds::Service::default();
        object.metadata.annotations = Some(
            annotations
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        );
        object
    }

    fn with_ingress(ips: &[&str], message: &str) -> kinds::Service {
        let mut object = kinds::Service::default();
        object.status.load_balancer.ingress = ips
            .iter()
            .map(|ip| kinds::Ingress { ip: Some((*ip).into()), hostname: None, ip_mode: Some("VIP".into()) })
            .collect();
        object.status.conditions = vec![Condition {
            type_: IP_ALLOCATED.into(),
            status: "True".into(),
            reason: "Allocated".into(),
            message: message.into(),
            last_transition_time: Time("2026-11-22T12:00:00Z".parse().unwrap()),
            observed_generation: None,
        }];
        object
    }

    #[test]
    fn the_class_matrix() {
        let mut object = kinds::Service::default();
        object.spec.r#type = "LoadBalancer".into();
        for (class_name, default_class, expected) in [
            (None, true, Class::Ours),
            (None, false, Class::NotOurs),
            (Some("ferrolb.io/lb"), false, Class::Ours),
            (Some("ferrolb.io/lb"), true, Class::Ours),
            (Some("example.com/other"), true, Class::NotOurs),
        ] {
            object.spec.load_balancer_class = class_name.map(str::to_owned);
            assert_eq!(class(&object, default_class), expected, "{class_name:?} {default_class}");
        }
        object.spec = kinds::ServiceSpec { r#type: "ClusterIP".into(), ..kinds::ServiceSpec::default() };
        assert_eq!(class(&object, true), Class::NotOurs);
    }

    #[test]
    fn families_are_those_of_the_cluster_ips_in_their_order() {
        use Family::{V4, V6};
        for (cluster_ips, named, expected) in [
            (&["2001:db8::1", "192.0.2.1"][..], &["IPv6", "IPv4"][..], &[V6, V4][..]),
            (&["192.0.2.1"], &["IPv4", "IPv6"], &[V4]),
            (&["None"], &["IPv4"], &[V4]),
            (&[], &[], &[]),
        ] {
            let text = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
            let spec = kinds::ServiceSpec {
                cluster_ips: text(cluster_ips),
                ip_families: text(named),
                ..kinds::ServiceSpec::default()
            };
            assert_eq!(families(&spec), expected);
        }
    }

    #[test]
    fn our_annotation_goes_before_metallbs_twin() {
        let object = with_annotations(&[(METALLB_ADDRESS_POOL, "old"), (ADDRESS_POOL, "new")]);
        assert_eq!(request(&object).pool, Some("new".into()));
        let object = with_annotations(&[(METALLB_LOAD_BALANCER_IPS, "192.0.2.7, 2001:db8::7")]);
        assert_eq!(request(&object).addresses.len(), 2);
    }

    #[test]
    fn requests_that_make_no_sense_say_why() {
        for (object, part) in [
            (
                with_annotations(&[(LOAD_BALANCER_IPS, "192.0.2.7, gateway")]),
                "\"gateway\", which is not an IP address",
            ),
            (with_annotations(&[(LOAD_BALANCER_IPS, "192.0.2.7,192.0.2.8")]), "two IPv4 addresses"),
            (
                {
                    let mut object = with_annotations(&[(LOAD_BALANCER_IPS, "192.0.2.7")]);
                    object.spec.load_balancer_ip = Some("192.0.2.8".into());
                    object
                },
                "remove one of them",
            ),
        ] {
            let request = request(&object);
            assert!(request.problem.as_ref().is_some_and(|problem| problem.contains(part)), "{request:?}");
            assert!(request.addresses.is_empty());
        }
    }

    #[test]
    fn an_ingress_is_ours_if_our_condition_names_an_address_of_it() {
        let ours = with_ingress(&["192.0.2.7"], "192.0.2.7 from pool lan");
        assert!(
            matches!(ingress(&ours), Ingress::Ours { assigned, .. } if assigned[0].pool == Some("lan".into()))
        );
        let other = with_ingress(&["192.0.2.8"], "192.0.2.7 from pool lan");
        assert!(
            matches!(ingress(&other), Ingress::Edited { given, .. } if given[0].pool == Some("lan".into()))
        );
        let mut false_now = ours.clone();
        false_now.status.conditions[0].status = "False".into();
        assert!(matches!(ingress(&false_now), Ingress::Foreign { .. }));
        let beside = with_ingress(&["198.51.100.9", "192.0.2.7"], "192.0.2.7 from pool lan");
        assert_eq!(ingress(&beside), ingress(&ours), "what was put beside it is not");
    }
}
