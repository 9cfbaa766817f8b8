//! `validate` without a cluster: the list of bad objects that a real API server refuses too, in its words.

mod program;

use program::Program;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    message: String,
    object: Value,
}

#[test]
fn every_bad_object_is_refused_in_the_api_servers_words() {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("../../api/tests/bad_objects.yaml")).unwrap();
    assert!(cases.len() >= 30, "only {} bad objects", cases.len());
    let manifests: String = cases.iter().map(|case| format!("---\n{}\n", case.object)).collect();
    let answer = Program::new(&["validate", "-f", "-", "-o", "json"]).input(&manifests).run();
    assert_eq!(answer.code, 2, "{}", answer.stderr);
    let told: Value = serde_json::from_str(&answer.stdout).unwrap();
    let problems = told["problems"].as_array().unwrap();
    for case in &cases {
        let name = case.object["metadata"]["name"].as_str().unwrap();
        let of = |problem: &&Value| problem["object"].as_str().unwrap().ends_with(&format!(" {name}"));
        let messages: Vec<&str> =
            problems.iter().filter(of).filter_map(|problem| problem["message"].as_str()).collect();
        assert!(
            messages.iter().any(|message| message.contains(&case.message)),
            "{name}: wanted {:?}, got {messages:?}",
            case.message
        );
    }
}

#[test]
fn the_examples_that_are_shipped_are_good() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/example");
    let answer = Program::new(&["validate", "-f", example]).run();
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "2 objects, no errors\n"), "{}", answer.stderr);
}

#[test]
fn problems_have_a_place_and_near_names() {
    let manifests = "apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: a}
spec:
  adresses: [192.0.2.0/24]
---
apiVersion: ferrolb.io/v1beta1
kind: IPAdressPool
metadata: {name: b}
---
apiVersion: ferrolb.io/v1
kind: IPAddressPool
metadata: {name: c}
spec: {addresses: [192.0.2.0/24]}
---
apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: d}
spec:
  addresses:
  - 192.0.2.0/24
  - 2001:db8::9-2001:db8::1
";
    let answer = Program::new(&["validate", "-f", "-"]).input(manifests).run();
    assert_eq!(answer.code, 2);
    let lines: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "standard input:5:3: error: IPAddressPool a: strict decoding error: unknown field \"spec.adresses\"; did you mean addresses?",
            "standard input:8:7: error: IPAdressPool b: ferrolb.io/v1beta1 has no kind IPAdressPool; did you mean IPAddressPool?",
            "standard input:11:13: error: IPAddressPool c: ferrolb.io/v1 is not served; write ferrolb.io/v1beta1",
            "standard input:22:5: error: IPAddressPool d: spec.addresses[1]: \"2001:db8::9-2001:db8::1\" must begin with its lower address, \
             and both ends must be of one family (the API server accepts it; its condition Accepted becomes False)",
            "4 objects, 4 errors",
        ]
    );
}

#[test]
fn objects_are_looked_at_beside_each_other() {
    let manifests = "apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: first}
spec: {addresses: [192.0.2.0/25]}
---
apiVersion: ferrolb.io/v1beta1
kind: IPAddressPool
metadata: {name: second}
spec:
  addresses: [198.51.100.0/24, 192.0.2.64/26]
---
apiVersion: ferrolb.io/v1beta1
kind: L2Advertisement
metadata: {name: all}
spec: {ipAddressPools: [first, secnd]}
";
    let answer = Program::new(&["validate", "-f", "-"]).input(manifests).run();
    assert_eq!(answer.code, 2);
    let lines: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "standard input:10:32: error: IPAddressPool second: 192.0.2.64-192.0.2.127 belongs to the older pool first, \
             so pool second does without it",
            "standard input:15:32: warning: L2Advertisement all: pool secnd is not in these manifests; did you mean second? \
             (--server looks in the cluster too)",
            "3 objects, 1 error",
        ]
    );
}

#[test]
fn names_of_peers_profiles_and_communities_are_looked_up() {
    let manifests = "apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {name: tor}
spec: {myASN: 64500, peerASN: 64501, peerAddress: 192.0.2.1, bfdProfile: fasst}
---
apiVersion: ferrolb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
spec: {}
---
apiVersion: ferrolb.io/v1beta1
kind: Community
metadata: {name: names}
spec: {communities: [{name: customers, value: '64500:100'}]}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all}
spec: {peers: [tor, spine], communities: [customers, no-export, custumers, 'rt:65536:65536']}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: other}
spec: {peers: [tor, spine], communities: [customers, no-export, custumers]}
";
    let answer = Program::new(&["validate", "-f", "-"]).input(manifests).run();
    assert_eq!(answer.code, 2);
    let lines: Vec<&str> =
        answer.stdout.lines().map(|line| line.trim_start_matches("standard input:")).collect();
    let there = "is not in these manifests";
    for part in [
        "BGPPeer tor: BFDProfile fasst is not in these manifests; did you mean fast?".to_owned(),
        "BGPAdvertisement all: spec.communities[3]: \"65536\" in the community \"rt:65536:65536\"".to_owned(),
        format!("BGPAdvertisement other: BGPPeer spine {there}"),
        format!("BGPAdvertisement other: community custumers {there}; did you mean customers?"),
    ] {
        assert!(lines.iter().any(|line| line.contains(&part)), "{part} is not among {lines:?}");
    }
    assert!(!answer.stdout.contains("no-export"), "{}", answer.stdout);
}

#[test]
fn what_cannot_be_looked_at_is_an_error_of_its_own() {
    for (input, part) in [
        ("a: [1\nb: 2\n", "is not YAML"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", "nothing of FerroLB's"),
        ("", "nothing of FerroLB's"),
    ] {
        let answer = Program::new(&["validate", "-f", "-"]).input(input).run();
        assert_eq!(answer.code, 1, "{input}");
        assert!(answer.stderr.contains(part), "{input}: {}", answer.stderr);
    }
    let answer = Program::new(&["validate", "-f", "/does/not/exist.yaml"]).run();
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("/does/not/exist.yaml cannot be read"), "{}", answer.stderr);
}
