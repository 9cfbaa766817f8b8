//! Whose an ingress is: ours is one of which our condition names an address, whatever was put beside it.

use ferrolb_config::service;
use ferrolb_model::Ingress;
use serde_json::{Value, json};

fn read(ingress: Value, conditions: Value) -> Ingress {
    let status = json!({"loadBalancer": {"ingress": ingress}, "conditions": conditions});
    let object = json!({"metadata": {"name": "web", "namespace": "shop"}, "status": status});
    service(&serde_json::from_value(object).expect("the object is of the type")).ingress
}

fn allocated(status: &str, message: &str) -> Value {
    json!([
        {"type": "example.com/Other", "status": "True", "reason": "X", "message": "198.51.100.1 from pool x",
         "lastTransitionTime": "2026-11-22T11:00:00Z"},
        {"type": "ferrolb.io/IPAllocated", "status": status, "reason": "Allocated", "message": message,
         "lastTransitionTime": "2026-11-22T12:00:00Z"},
    ])
}

#[test]
fn ours_is_what_our_condition_names() {
    let both = json!([{"ip": "192.0.2.7", "ipMode": "VIP"}, {"ip": "2001:db8::7"}]);
    let message = "192.0.2.7 from pool lan, 2001:db8::7 from pool six";
    for (ingress, conditions, expected) in [
        (json!([]), json!([]), "empty"),
        (json!([]), allocated("True", message), "edited, was 192.0.2.7 2001:db8::7"),
        (json!([]), allocated("False", message), "empty"),
        (json!([{"ip": "192.0.2.7"}]), allocated("True", "192.0.2.7 from pool lan"), "ours 192.0.2.7"),
        (both.clone(), allocated("True", message), "ours 192.0.2.7 2001:db8::7"),
        (json!([{"ip": "192.0.2.7"}]), allocated("True", message), "ours 192.0.2.7 without 2001:db8::7"),
        (json!([{"ip": "2001:DB8::0:7"}]), allocated("True", message), "ours 2001:db8::7 without 192.0.2.7"),
        (
            json!([{"ip": "192.0.2.7"}]),
            allocated("True", "192.0.2.7 from pool lan; 192.0.2.8 is taken by shop/other"),
            "ours 192.0.2.7",
        ),
        (
            json!([{"ip": "192.0.2.8"}]),
            allocated("True", "192.0.2.7 from pool lan; 192.0.2.8 is taken by shop/other"),
            "edited 192.0.2.8, was 192.0.2.7",
        ),
        (json!([{"ip": "192.0.2.7"}]), json!([]), "foreign 192.0.2.7"),
        (json!([{"ip": "192.0.2.7"}]), allocated("False", "192.0.2.7 from pool lan"), "foreign 192.0.2.7"),
        (json!([{"ip": "192.0.2.7"}]), allocated("Unknown", "192.0.2.7 from pool lan"), "foreign 192.0.2.7"),
        (
            json!([{"ip": "192.0.2.8"}]),
            allocated("True", message),
            "edited 192.0.2.8, was 192.0.2.7 2001:db8::7",
        ),
        (
            json!([{"ip": "192.0.2.7"}, {"ip": "203.0.113.1"}]),
            allocated("True", message),
            "ours 192.0.2.7 without 2001:db8::7",
        ),
        (
            json!([{"ip": "192.0.2.7", "hostname": "lb.example.com"}]),
            allocated("True", message),
            "ours 192.0.2.7 without 2001:db8::7",
        ),
        (json!([{"hostname": "lb.example.com"}]), allocated("True", message), "foreign lb.example.com"),
        (
            json!([{"ip": "198.51.100.1"}]),
            allocated("True", message),
            "edited 198.51.100.1, was 192.0.2.7 2001:db8::7",
        ),
        (json!([{"ip": "192.0.2.7"}]), allocated("True", ""), "foreign 192.0.2.7"),
    ] {
        let read = read(ingress.clone(), conditions);
        let addresses = read.addresses().into_iter().map(|one| one.to_string());
        let told: Vec<String> = match &read {
            Ingress::Empty => vec!["empty".into()],
            Ingress::Ours { removed, .. } => {
                let removed = removed.iter().map(|one| format!("without {}", one.address));
                std::iter::once("ours".into()).chain(addresses).chain(removed).collect()
            }
            Ingress::Edited { addresses: _, given, since: _ } => {
                let given: Vec<_> = given.iter().map(|one| one.address.to_string()).collect();
                let edited = std::iter::once("edited".into()).chain(addresses).collect::<Vec<_>>().join(" ");
                vec![format!("{edited}, was {}", given.join(" "))]
            }
            Ingress::Foreign { addresses: _, hostnames } => {
                std::iter::once("foreign".into()).chain(addresses).chain(hostnames.clone()).collect()
            }
        };
        assert_eq!(told.join(" "), expected, "{ingress}");
    }
}

#[test]
fn where_from_and_since_when_is_read_back() {
    let message = "192.0.2.7 from pool lan, 2001:db8::7";
    let read = read(json!([{"ip": "192.0.2.7"}, {"ip": "2001:db8::7"}]), allocated("True", message));
    let Ingress::Ours { assigned, removed: _, since } = read else { panic!("it is ours: {read:?}") };
    let pools: Vec<_> = assigned.iter().map(|one| one.pool.as_ref().map(|pool| pool.as_str())).collect();
    assert_eq!((pools, since), (vec![Some("lan"), None], 1_795_348_800));
}
