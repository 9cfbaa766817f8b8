//! Objects that the CRDs' own rules refuse, checked by an implementation of Kubernetes' CEL. The same list is put to a
//! real API server by the tests on the lab.

use ferrolb_api::crds;
use kube_cel::Validator;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    by: String,
    message: String,
    object: Value,
}

#[test]
fn every_bad_object_is_refused_with_its_message() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("bad_objects.yaml")).unwrap();
    let ours: Vec<_> = cases.iter().filter(|case| case.by == "cel").collect();
    assert!(ours.len() >= 75, "only {} bad objects", ours.len());
    for case in ours {
        let errors = errors(&case.object);
        assert!(
            errors.iter().any(|error| error.contains(&case.message)),
            "{}: wanted {:?}, got {errors:?}",
            case.object["metadata"]["name"],
            case.message
        );
    }
}

#[test]
fn good_objects_pass() {
    let pool =
        |spec: Value| json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "IPAddressPool", "spec": spec});
    let bgp =
        |kind: &str, spec: Value| json!({"apiVersion": "ferrolb.io/v1beta1", "kind": kind, "spec": spec});
    for object in [
        pool(json!({"addresses": ["192.0.2.0/24"]})),
        pool(
            json!({"addresses": ["192.0.2.10-192.0.2.20", "2001:db8::/64", "2001:db8:1::1 - 2001:db8:1::ffff"]}),
        ),
        pool(
            json!({"addresses": ["192.0.2.7-192.0.2.7"], "exclude": ["192.0.2.7", "192.0.2.0/30", "192.0.2.8-192.0.2.9"]}),
        ),
        pool(json!({"addresses": ["198.51.100.9-203.0.113.1"], "serviceAllocation": {"priority": 5}})),
        pool(json!({"addresses": ["192.0.2.0/24"], "serviceAllocation": {"serviceSelectors": [
            {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}, {"key": "e", "operator": "Exists"}]}
        ]}})),
        json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "L2Advertisement", "spec": {}}),
        json!({"apiVersion": "ferrolb.io/v1beta1", "kind": "L2Advertisement", "spec": {"interfaces": ["eth0", "bond*", "enp3s0.12"]}}),
        bgp("BGPPeer", json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "192.0.2.1"})),
        bgp("BGPPeer", json!({"myASN": 4_294_967_295_i64, "dynamicASN": "external", "interface": "eth0.12"})),
        bgp(
            "BGPPeer",
            json!({"myASNFromNodeLabel": "example.com/asn", "dynamicASN": "internal", "defaultGateway": "IPv6",
                "sourceAddress": "2001:db8::7", "holdTime": "0s", "keepaliveTime": "0s", "passive": true}),
        ),
        bgp(
            "BGPPeer",
            json!({"myASN": 64500, "peerASN": 64501, "peerAddress": "127.0.0.1", "peerPort": 1790, "routerID": "192.0.2.7",
                "holdTime": "1m30s", "keepaliveTime": "30s", "connectTime": "1s", "ebgpMultiHop": true, "localASN": 64502,
                "nextHop": {"ipv4": "192.0.2.7", "ipv6": "2001:db8::7"}, "passwordSecret": {"name": "router"},
                "gracefulRestart": {"enabled": true, "restartTime": "4095s"}, "bfdProfile": "fast"}),
        ),
        bgp(
            "BGPPeer",
            json!({"myASN": 64500, "peerASN": 64500, "peerAddress": "2001:db8::1", "ttlSecurity": 1}),
        ),
        bgp("BGPAdvertisement", json!({})),
        bgp(
            "BGPAdvertisement",
            json!({"communities": ["64500:100", "65535:65281", "large:4294967295:0:1", "rt:64500:100", "soo:192.0.2.1:7",
                "extended:0x0002fbf400000064", "no-export", "customers.eu-1"], "localPref": 4_294_967_295_i64, "med": 0,
                "aggregationLength": 24, "aggregationLengthV6": 64, "asPathPrepend": 3, "weighted": true, "maxNodes": 2}),
        ),
        bgp("BFDProfile", json!({})),
        bgp(
            "BFDProfile",
            json!({"receiveInterval": 10, "transmitInterval": 50, "passiveMode": true, "minimumTtl": 250}),
        ),
        bgp(
            "Community",
            json!({"communities": [{"name": "customers", "value": "64500:100"},
            {"name": "keep", "value": "no-export"}, {"name": "l", "value": "large:1:2:3"}]}),
        ),
    ] {
        assert_eq!(errors(&object), Vec::<String>::new(), "{object}");
    }
}

fn errors(object: &Value) -> Vec<String> {
    let crd = crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == object["kind"])
        .unwrap_or_else(|| panic!("no CRD for {}", object["kind"]));
    let schema = serde_json::to_value(&crd.spec.versions[0].schema).expect("a schema is plain data");
    match Validator::new().validate(&schema["openAPIV3Schema"], object, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.message.clone()).collect(),
    }
}
