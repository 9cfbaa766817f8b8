//! `IPAddressPool`.

use ferrolb_api::IPAddressPool;
use ferrolb_config::{Error, pool};
use ferrolb_model::{Pool, Sharing};
use serde_json::{Value, json};

fn read(spec: Value) -> Result<Pool, Error> {
    let object = json!({
        "apiVersion": "ferrolb.io/v1beta1",
        "kind": "IPAddressPool",
        "metadata": {"name": "lan", "labels": {"site": "one"}, "creationTimestamp": "2026-11-22T12:00:00Z"},
        "spec": spec,
    });
    let object: IPAddressPool = serde_json::from_value(object).expect("the object is of the type");
    pool(&object)
}

#[test]
fn what_is_not_written_is_the_default() {
    let pool = read(json!({"addresses": ["192.0.2.0/24"]})).unwrap();
    assert_eq!((pool.name.as_str(), pool.created), ("lan", 1_795_348_800));
    assert_eq!(pool.labels.get("site"), Some("one"));
    assert!(pool.auto_assign && pool.allow_requests);
    assert!(!pool.avoid_buggy_ips && !pool.drain && pool.exclude.is_empty());
    assert_eq!((pool.sharing, pool.allocation), (Sharing::SameNamespace, None));
}

#[test]
fn everything_that_is_written_arrives() {
    let pool = read(json!({
        "addresses": ["192.0.2.0/24"], "exclude": ["192.0.2.1", "192.0.2.240/28"], "autoAssign": false,
        "avoidBuggyIPs": true, "drain": true, "allowRequests": false, "sharing": "AnyNamespace",
        "serviceAllocation": {
            "priority": 7,
            "namespaces": ["shop"],
            "namespaceSelectors": [{"matchLabels": {"team": "x"}}],
            "serviceSelectors": [{"matchExpressions": [{"key": "tier", "operator": "Exists"}]}],
        },
    }))
    .unwrap();
    assert!(!pool.auto_assign && !pool.allow_requests && pool.avoid_buggy_ips && pool.drain);
    let excluded: Vec<_> = pool.exclude.iter().map(ToString::to_string).collect();
    assert_eq!(excluded, ["192.0.2.1", "192.0.2.240-192.0.2.255"]);
    assert_eq!(pool.sharing, Sharing::AnyNamespace);
    let allocation = pool.allocation.unwrap();
    assert_eq!((allocation.priority, allocation.namespaces), (7, vec!["shop".to_owned()]));
    assert!(allocation.namespace_selectors[0].matches(&[("team".into(), "x".into())].into()));
    assert!(!allocation.service_selectors[0].matches(&[].into()));
}

#[test]
fn addresses_as_people_write_them() {
    for (entry, expected) in [
        ("192.0.2.0/24", "192.0.2.0-192.0.2.255"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.0/31 ", "192.0.2.0-192.0.2.1"),
        ("192.0.2.250-192.0.3.5", "192.0.2.250-192.0.3.5"),
        ("192.0.2.7 - 192.0.2.7", "192.0.2.7"),
        ("2001:db8::/64", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff"),
        ("2001:DB8:0::A-2001:db8::0:f", "2001:db8::a-2001:db8::f"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("2000::/3", "2000::-3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ] {
        let pool = read(json!({"addresses": [entry]})).unwrap_or_else(|error| panic!("{entry}: {error}"));
        assert_eq!(pool.ranges.len(), 1);
        assert_eq!(pool.ranges[0].to_string(), expected, "{entry}");
    }
    let mixed = read(json!({"addresses": ["2001:db8::/64", "192.0.2.9", "192.0.2.0/30"]})).unwrap();
    let ranges: Vec<_> = mixed.ranges.iter().map(|range| range.first().to_string()).collect();
    assert_eq!(ranges, ["2001:db8::", "192.0.2.9", "192.0.2.0"], "in the order in which they are written");
}

#[test]
fn what_makes_no_sense_is_one_sentence_with_the_field() {
    for (entry, part) in [
        ("", "neither a CIDR"),
        ("lan", "neither a CIDR"),
        ("192.0.2.0/33", "neither a CIDR"),
        ("2001:db8::/129", "neither a CIDR"),
        ("192.0.2.0/-1", "not an IP address"),
        ("192.0.2.0/ 24", "neither a CIDR"),
        ("192.0.2.256", "neither a CIDR"),
        ("192.0.2.010", "neither a CIDR"),
        ("192.0.2", "neither a CIDR"),
        ("192.0.2.0/24,198.51.100.0/24", "neither a CIDR"),
        ("192.0.2.1\u{2013}192.0.2.9", "neither a CIDR"),
        ("fe80::1%eth0", "neither a CIDR"),
        ("-", "\"\" in \"-\""),
        ("192.0.2.1-", "\"\" in"),
        ("-192.0.2.1", "\"\" in"),
        ("192.0.2.1-20", "\"20\" in"),
        ("192.0.2.1-192.0.2.3-192.0.2.9", "not an IP address"),
        ("192.0.2.0/28-192.0.2.32/28", "not an IP address"),
        ("192.0.2.1/24", "write 192.0.2.0/24"),
        ("2001:db8::1/64", "write 2001:db8::/64"),
        ("192.0.2.9-192.0.2.1", "lower address"),
        ("2001:db8::9-2001:db8::1", "lower address"),
        ("192.0.2.1-2001:db8::1", "one family"),
        ("0.0.0.0/0", "unspecified"),
        ("::/0", "unspecified"),
        ("126.0.0.0-128.0.0.0", "loopback"),
        ("169.254.1.0/24", "link-local"),
        ("200.0.0.0-250.0.0.0", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("fe80::/64", "link-local"),
        ("ff02::1", "multicast"),
        ("::1", "loopback"),
        ("::ffff:192.0.2.0/120", "IPv4 addresses written as IPv6"),
    ] {
        let error = read(json!({"addresses": ["192.0.2.0/24", entry]})).unwrap_err();
        let told = error.to_string();
        assert!(told.starts_with("spec.addresses[1]: "), "{entry}: {told}");
        assert!(told.contains(part), "{entry}: {told}");
        assert!(!told.contains('\n') && told.len() < 250, "{entry}: {told}");
    }
    let error = read(json!({"addresses": ["192.0.2.0/24"], "exclude": ["192.0.2.1-"]})).unwrap_err();
    assert!(error.to_string().starts_with("spec.exclude[0]: "), "{error}");
    let whole = read(json!({"addresses": ["192.0.2.0/24"], "exclude": ["0.0.0.0/0"]}));
    assert!(whole.is_ok(), "anything may be left out: {whole:?}");
}

#[test]
fn a_priority_below_zero_is_read_as_none() {
    for (priority, expected) in [(-1, 0), (0, 0), (2_147_483_647_i64, 2_147_483_647)] {
        let pool =
            read(json!({"addresses": ["192.0.2.1"], "serviceAllocation": {"priority": priority}})).unwrap();
        assert_eq!(pool.allocation.unwrap().priority, expected);
    }
}
