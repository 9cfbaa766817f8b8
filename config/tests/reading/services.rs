//! Services: families, ports, whose they are, and what they ask for.

use ferrolb_config::{Class, class, service};
use ferrolb_model::{Family, FamilyPolicy, Service, TrafficPolicy};
use ferrolb_runtime::kinds;
use serde_json::{Value, json};

fn object(annotations: Value, spec: Value) -> kinds::Service {
    let metadata = json!({
        "name": "web", "namespace": "shop", "uid": "u-1", "resourceVersion": "7",
        "creationTimestamp": "2026-11-22T12:00:00Z", "annotations": annotations,
    });
    serde_json::from_value(json!({"metadata": metadata, "spec": spec})).expect("the object is of the type")
}

fn read(annotations: Value, spec: Value) -> Service {
    service(&object(annotations, spec))
}

const IPS: &str = "ferrolb.io/load-balancer-ips";
const METALLB_IPS: &str = "metallb.io/loadBalancerIPs";

#[test]
fn both_twins_are_read_and_ours_goes_first() {
    for (ours, theirs) in [
        ("ferrolb.io/address-pool", "metallb.io/address-pool"),
        ("ferrolb.io/allow-shared-ip", "metallb.io/allow-shared-ip"),
        (IPS, METALLB_IPS),
    ] {
        let (one, two) = ("192.0.2.1", "192.0.2.2");
        for (annotations, expected) in [
            (json!({ours: one}), Some(one)),
            (json!({theirs: two}), Some(two)),
            (json!({theirs: two, ours: one}), Some(one)),
            (json!({theirs: format!("  {two} ")}), Some(two)),
            (json!({theirs: two, ours: ""}), Some(two)),
            (json!({theirs: two, ours: "  "}), Some(two)),
            (json!({"metallb.universe.tf/address-pool": two}), None),
            (json!({}), None),
        ] {
            let request = read(annotations.clone(), json!({})).request;
            let got = match ours {
                "ferrolb.io/address-pool" => request.pool.map(|pool| pool.to_string()),
                "ferrolb.io/allow-shared-ip" => request.sharing_key,
                _ => request.addresses.first().map(ToString::to_string),
            };
            assert_eq!((got.as_deref(), request.problem), (expected, None), "{annotations}");
        }
    }
}

#[test]
fn addresses_as_people_ask_for_them() {
    for (annotation, field, expected) in [
        (json!("192.0.2.7"), json!(null), &["192.0.2.7"][..]),
        (json!("192.0.2.7,2001:db8::7"), json!(null), &["192.0.2.7", "2001:db8::7"]),
        (json!(" 2001:db8::7 , 192.0.2.7 ,"), json!(null), &["2001:db8::7", "192.0.2.7"]),
        (json!("192.0.2.7,192.0.2.7"), json!(null), &["192.0.2.7"]),
        (json!(null), json!("192.0.2.7"), &["192.0.2.7"]),
        (json!(null), json!(" 192.0.2.7 "), &["192.0.2.7"]),
        (json!(null), json!(""), &[]),
        (json!("192.0.2.7"), json!("192.0.2.7"), &["192.0.2.7"]),
        (json!("2001:DB8:0::7"), json!("2001:db8::7"), &["2001:db8::7"]),
        (json!("192.0.2.7,2001:db8::7"), json!("2001:db8::7"), &["192.0.2.7", "2001:db8::7"]),
        (json!("0.0.0.0"), json!(null), &["0.0.0.0"]),
    ] {
        let annotations = if annotation.is_null() { json!({}) } else { json!({IPS: annotation}) };
        let request = read(annotations, json!({"loadBalancerIP": field})).request;
        let addresses: Vec<_> = request.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, expected, "{annotation} {field}");
        assert_eq!(request.problem, None, "{annotation} {field}");
    }
}

#[test]
fn a_request_that_makes_no_sense_is_one_sentence_with_its_source() {
    for (annotation, field, source, part) in [
        ("gateway", "", IPS, "\"gateway\""),
        ("192.0.2.7 192.0.2.8", "", IPS, "not an IP address"),
        ("192.0.2.7;2001:db8::7", "", IPS, "not an IP address"),
        ("192.0.2.007", "", IPS, "not an IP address"),
        ("192.0.2.0/24", "", IPS, "not an IP address"),
        ("192.0.2.1-192.0.2.9", "", IPS, "not an IP address"),
        ("fe80::1%eth0", "", IPS, "not an IP address"),
        ("[2001:db8::7]", "", IPS, "not an IP address"),
        ("192.0.2.7,192.0.2.8", "", IPS, "two IPv4 addresses"),
        ("2001:db8::7,192.0.2.7,2001:db8::8", "", IPS, "two IPv6 addresses"),
        ("::ffff:192.0.2.7", "", IPS, "write 192.0.2.7"),
        (",", "", IPS, "names no address"),
        ("192.0.2.7", "192.0.2.8", "spec.loadBalancerIP", "remove one of them"),
        ("192.0.2.7", "2001:db8::7", "spec.loadBalancerIP", "remove one of them"),
        ("192.0.2.7", "gateway", "spec.loadBalancerIP", "\"gateway\""),
        ("", "gateway", "spec.loadBalancerIP", "not an IP address"),
        ("", "::ffff:192.0.2.7", "spec.loadBalancerIP", "write 192.0.2.7"),
    ] {
        let request = read(json!({IPS: annotation}), json!({"loadBalancerIP": field})).request;
        let told = request.problem.unwrap_or_else(|| panic!("{annotation:?} {field:?} is accepted"));
        assert!(told.contains(source) && told.contains(part), "{annotation:?} {field:?}: {told}");
        assert!(!told.contains('\n') && told.len() < 250, "{told}");
        assert!(request.addresses.is_empty(), "nothing is asked for by halves: {:?}", request.addresses);
    }
    let told = read(json!({METALLB_IPS: "x"}), json!({})).request.problem.expect("x is no address");
    assert!(told.contains(METALLB_IPS), "the key that the user wrote is named: {told}");
}

#[test]
fn families_and_policy_and_what_they_are_by_default() {
    use Family::{V4, V6};
    for (spec, families, policy) in [
        (json!({"clusterIPs": ["192.0.2.1"], "ipFamilies": ["IPv4"]}), &[V4][..], FamilyPolicy::Single),
        (
            json!({"clusterIPs": ["2001:db8::1"], "ipFamilyPolicy": "SingleStack"}),
            &[V6],
            FamilyPolicy::Single,
        ),
        (
            json!({"clusterIPs": ["2001:db8::1", "192.0.2.1"], "ipFamilyPolicy": "RequireDualStack"}),
            &[V6, V4],
            FamilyPolicy::Require,
        ),
        (
            json!({"clusterIPs": ["192.0.2.1"], "ipFamilyPolicy": "PreferDualStack"}),
            &[V4],
            FamilyPolicy::Prefer,
        ),
        (json!({"ipFamilies": ["IPv6", "IPv4"]}), &[V6, V4], FamilyPolicy::Single),
        (json!({"clusterIPs": ["None"], "ipFamilies": ["IPv4"]}), &[V4], FamilyPolicy::Single),
        (json!({"clusterIPs": [""], "ipFamilies": []}), &[], FamilyPolicy::Single),
        (json!({}), &[], FamilyPolicy::Single),
    ] {
        let service = read(json!({}), spec.clone());
        assert_eq!((service.families.as_slice(), service.policy), (families, policy), "{spec}");
    }
}

#[test]
fn ports_are_told_apart_by_protocol_and_number() {
    for (ports, expected) in [
        (json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]), "53/UDP 53/TCP"),
        (json!([{"port": 53, "protocol": "SCTP"}, {"port": 53}]), "53/SCTP 53/TCP"),
        (json!([{"port": 80, "targetPort": "http", "nodePort": 30080, "name": "web"}]), "80/TCP"),
        (json!([{"port": 1}, {"port": 65535}]), "1/TCP 65535/TCP"),
        (json!([]), ""),
    ] {
        let service = read(json!({}), json!({"ports": ports}));
        let read: Vec<_> = service.ports.iter().map(ToString::to_string).collect();
        assert_eq!(read.join(" "), expected);
    }
    assert!(read(json!({}), json!({})).ports.is_empty());
}

#[test]
fn the_rest_of_what_decides() {
    let service = read(
        json!({}),
        json!({"externalTrafficPolicy": "Local", "selector": {"b": "2", "a": "1"}, "allocateLoadBalancerNodePorts": false}),
    );
    assert_eq!((service.traffic_policy, service.selector.as_str()), (TrafficPolicy::Local, "a=1,b=2"));
    assert_eq!((service.id.to_string().as_str(), service.uid.as_str()), ("shop/web", "u-1"));
    assert_eq!((service.resource_version.as_str(), service.created), ("7", 1_795_348_800));
    let plain = read(json!({}), json!({}));
    assert_eq!((plain.traffic_policy, plain.selector.as_str()), (TrafficPolicy::Cluster, ""));
}

#[test]
fn two_selectors_are_equal_as_text_only_if_they_are() {
    let text = |selector: Value| read(json!({}), json!({"selector": selector})).selector;
    assert_eq!(text(json!({"a": "1", "b": "2"})), text(json!({"b": "2", "a": "1"})));
    assert_ne!(text(json!({"a": "1"})), text(json!({"a": "1", "b": ""})));
    assert_ne!(text(json!({"a": ""})), "", "a selector with an empty value is a selector");
}

#[test]
fn whose_a_service_is() {
    for (spec, with_default, without) in [
        (json!({"type": "LoadBalancer"}), Class::Ours, Class::NotOurs),
        (json!({"type": "LoadBalancer", "loadBalancerClass": "ferrolb.io/lb"}), Class::Ours, Class::Ours),
        (
            json!({"type": "LoadBalancer", "loadBalancerClass": "ferrolb.io/LB"}),
            Class::NotOurs,
            Class::NotOurs,
        ),
        (json!({"type": "LoadBalancer", "loadBalancerClass": "other"}), Class::NotOurs, Class::NotOurs),
        (json!({"type": "LoadBalancer", "loadBalancerClass": ""}), Class::NotOurs, Class::NotOurs),
        (json!({"type": "ClusterIP"}), Class::NotOurs, Class::NotOurs),
        (json!({"type": "ClusterIP", "clusterIPs": ["None"]}), Class::NotOurs, Class::NotOurs),
        (json!({"type": "NodePort", "loadBalancerIP": "192.0.2.1"}), Class::NotOurs, Class::NotOurs),
        (json!({"type": "ExternalName", "externalName": "example.com"}), Class::NotOurs, Class::NotOurs),
        (json!({}), Class::NotOurs, Class::NotOurs),
    ] {
        let object = object(json!({}), spec.clone());
        assert_eq!((class(&object, true), class(&object, false)), (with_default, without), "{spec}");
    }
}
