use std::collections::BTreeMap;

use ferrolb_api::{AnnouncementSliceSpec, BFDProfile, BGPAdvertisement, BGPPeer, Community};
use ferrolb_runtime::kinds::Node;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Common, NodeFacts, Passwords, Slice, passwords};

/// What manifests say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manifests {
    pub(super) slices: Vec<Slice>,
    pub(super) peers: Vec<BGPPeer>,
    pub(super) advertisements: Vec<BGPAdvertisement>,
    pub(super) profiles: Vec<BFDProfile>,
    pub(super) communities: Vec<Community>,
    /// By name.
    pub(super) nodes: BTreeMap<String, NodeFacts>,
    pub(super) passwords: Passwords,
}

/// As much of every object as says what it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
}

/// An AnnouncementSlice.
#[derive(Debug, Deserialize)]
struct SliceManifest {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: AnnouncementSliceSpec,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

impl Manifests {
    /// Adds those of another file.
    pub(super) fn extend(&mut self, other: Self) {
        let Self { slices, peers, advertisements, profiles, communities, nodes, passwords } = other;
        self.slices.extend(slices);
        self.peers.extend(peers);
        self.advertisements.extend(advertisements);
        self.profiles.extend(profiles);
        self.communities.extend(communities);
        self.nodes.extend(nodes);
        self.passwords.extend(passwords);
    }
}

/// Reads the objects of one file, which may hold several documents. The error says what is wrong, and where: in which line,
/// or, in a file that does not hold AnnouncementSlices alone, in which object.
pub(super) fn parse(file: &str, text: &str) -> Result<Manifests, String> {
    let heads: Vec<Head> = read(file, text)?;
    let (mut manifests, mut common) = (Manifests::default(), Common::default());
    if heads.iter().all(|head| is_ours(head, "AnnouncementSlice")) {
        let slices: Vec<SliceManifest> = read(file, text)?;
        manifests.slices = slices.into_iter().map(|manifest| slice(file, manifest, &mut common)).collect();
        return Ok(manifests);
    }
    let objects: Vec<Value> = read(file, text)?;
    for (head, object) in heads.into_iter().zip(objects) {
        let found = &mut manifests;
        match head.kind.as_str() {
            "AnnouncementSlice" if is_ours(&head, &head.kind) => {
                found.slices.push(slice(file, typed(file, &head, object)?, &mut common));
            }
            "BGPPeer" if is_ours(&head, &head.kind) => found.peers.push(typed(file, &head, object)?),
            "BGPAdvertisement" if is_ours(&head, &head.kind) => {
                found.advertisements.push(typed(file, &head, object)?);
            }
            "BFDProfile" if is_ours(&head, &head.kind) => found.profiles.push(typed(file, &head, object)?),
            "Community" if is_ours(&head, &head.kind) => found.communities.push(typed(file, &head, object)?),
            "Node" if head.api_version == "v1" => {
                let node: Node = typed(file, &head, object)?;
                found.nodes.insert(head.metadata.name, NodeFacts::of(&node));
            }
            "Secret" if head.api_version == "v1" => {
                let secret = typed(file, &head, object)?;
                found.passwords.insert(head.metadata.name, passwords::read(&secret));
            }
            _ => return Err(unread(file, &head)),
        }
    }
    Ok(manifests)
}

fn is_ours(head: &Head, kind: &str) -> bool {
    head.kind == kind && head.api_version == format!("{}/{}", ferrolb_api::GROUP, ferrolb_api::VERSION)
}

fn unread(file: &str, head: &Head) -> String {
    let Head { api_version, kind, metadata: _ } = head;
    let expected = format!("{}/{}", ferrolb_api::GROUP, ferrolb_api::VERSION);
    format!(
        "{file}: an object of kind {kind:?} in {api_version:?} is not read here; write an AnnouncementSlice, BGPAdvertisement, \
         BGPPeer, BFDProfile or Community in {expected:?}, or a Node or Secret in \"v1\""
    )
}

fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<Vec<T>, String> {
    serde_saphyr::from_multiple(text).map_err(|error| {
        let message = error.to_string();
        let message = message.lines().next().unwrap_or("it is no YAML").to_owned();
        match error.location() {
            Some(place) => format!("{file}, line {}: {message}", place.line()),
            None => format!("{file}: {message}"),
        }
    })
}

fn typed<T: DeserializeOwned>(file: &str, head: &Head, object: Value) -> Result<T, String> {
    let Head { kind, metadata: Metadata { name }, api_version: _ } = head;
    if name.is_empty() {
        return Err(format!("{file}: a {kind} has no metadata.name; give it one"));
    }
    serde_json::from_value(object).map_err(|error| format!("{file}, {kind} {name}: {error}"))
}

fn slice(file: &str, manifest: SliceManifest, common: &mut Common) -> Slice {
    let SliceManifest { metadata, spec } = manifest;
    common.slice(format!("{file}/{}", metadata.name), 0, spec.vips)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: one}
spec:
  vips:
    - ip: 192.0.2.200
      layer2: {nodes: [a, b], revision: 1}
---
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: two}
spec: {vips: [{ip: '2001:db8::1', layer2: {nodes: [b]}}]}
";

    #[test]
    fn a_file_may_hold_several_slices() {
        let slices = parse("vips.yaml", GOOD).unwrap().slices;
        assert_eq!(
            slices.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["vips.yaml/one", "vips.yaml/two"]
        );
        assert_eq!(slices[0].vips[0].layer2.as_ref().unwrap().nodes, ["a", "b"]);
        assert_eq!(parse("empty.yaml", "").unwrap(), Manifests::default());
    }

    #[test]
    fn json_is_yaml() {
        let json = r#"{"apiVersion":"ferrolb.io/v1beta1","kind":"AnnouncementSlice","metadata":{"name":"j"},
            "spec":{"vips":[{"ip":"192.0.2.1","trafficPolicy":"Local"}]}}"#;
        assert_eq!(parse("a.json", json).unwrap().slices[0].vips[0].ip(), "192.0.2.1");
    }

    #[test]
    fn errors_name_file_and_line() {
        let error = parse("vips.yaml", &GOOD.replace("nodes: [a, b]", "nodes: 7")).unwrap_err();
        assert!(error.starts_with("vips.yaml, line 7:"), "{error}");
        let error =
            parse("vips.yaml", &GOOD.replace("spec:\n  vips:", "spec:\n vips: [\n  - [")).unwrap_err();
        assert!(error.starts_with("vips.yaml, line "), "{error}");
        let error = parse("pool.yaml", "apiVersion: ferrolb.io/v1beta1\nkind: IPAddressPool\n").unwrap_err();
        assert!(error.contains("pool.yaml") && error.contains("IPAddressPool"), "{error}");
    }

    const ROUTES: &str = "\
apiVersion: ferrolb.io/v1beta1
kind: BGPPeer
metadata: {name: tor}
spec: {myASNFromNodeLabel: asn, peerASN: 64501, peerAddress: 192.0.2.1, bfdProfile: fast}
---
apiVersion: ferrolb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all}
spec: {communities: [customers], maxNodes: 2}
---
apiVersion: ferrolb.io/v1beta1
kind: BFDProfile
metadata: {name: fast}
spec: {transmitInterval: 50}
---
apiVersion: ferrolb.io/v1beta1
kind: Community
metadata: {name: names}
spec: {communities: [{name: customers, value: 'large:64500:1:2'}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-a, labels: {asn: '64500'}}
spec: {unschedulable: true}
---
apiVersion: ferrolb.io/v1beta1
kind: AnnouncementSlice
metadata: {name: one}
spec: {vips: [{ip: 192.0.2.200, bgp: {advertisements: [{name: all, nodes: [node-a]}]}}]}
";

    #[test]
    fn peers_advertisements_profiles_communities_and_nodes_are_read() {
        let manifests = parse("bgp.yaml", ROUTES).unwrap();
        assert_eq!(manifests.peers[0].spec.peer_address.as_deref(), Some("192.0.2.1"));
        assert_eq!(manifests.peers[0].spec.peer_port, 179, "what is not written is the default");
        assert_eq!(manifests.advertisements[0].spec.max_nodes, Some(2));
        assert_eq!(manifests.profiles[0].spec.receive_interval, 300);
        assert_eq!(manifests.communities[0].spec.communities[0].value, "large:64500:1:2");
        let node = &manifests.nodes["node-a"];
        assert_eq!((node.labels["asn"].as_str(), node.leaving.as_deref()), ("64500", Some("cordoned")));
        let by = &manifests.slices[0].vips[0].bgp.as_ref().unwrap().advertisements[0];
        assert_eq!((by.name.as_str(), by.nodes.as_deref()), ("all", Some(&["node-a".to_owned()][..])));
    }

    #[test]
    fn errors_of_other_kinds_name_the_object() {
        let error = parse("bgp.yaml", &ROUTES.replace("64501", "many")).unwrap_err();
        assert!(error.starts_with("bgp.yaml, BGPPeer tor:"), "{error}");
        let error = parse("bgp.yaml", &ROUTES.replace("{name: tor}", "{}")).unwrap_err();
        assert!(error.contains("a BGPPeer has no metadata.name"), "{error}");
    }
}
