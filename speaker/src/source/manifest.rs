use ferrolb_api::AnnouncementSliceSpec;
use serde::Deserialize;

use super::Slice;

/// As much of an object as the folder source reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
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

/// Reads the AnnouncementSlices of one file, which may hold several documents. The error says in which line it is, and
/// what.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Slice>, String> {
    let manifests: Vec<Manifest> = serde_saphyr::from_multiple(text).map_err(|error| {
        let message = error.to_string();
        let message = message.lines().next().unwrap_or("it is no YAML").to_owned();
        match error.location() {
            Some(place) => format!("{file}, line {}: {message}", place.line()),
            None => format!("{file}: {message}"),
        }
    })?;
    manifests.into_iter().map(|manifest| slice(file, manifest)).collect()
}

fn slice(file: &str, manifest: Manifest) -> Result<Slice, String> {
    let Manifest { api_version, kind, metadata, spec } = manifest;
    let expected = format!("{}/{}", ferrolb_api::GROUP, ferrolb_api::VERSION);
    if kind != "AnnouncementSlice" || api_version != expected {
        return Err(format!(
            "{file}: an object of kind {kind:?} in {api_version:?} is not read here; write an AnnouncementSlice in {expected:?}"
        ));
    }
    Ok(Slice { name: format!("{file}/{}", metadata.name), revision: 0, vips: spec.vips })
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
        let slices = parse("vips.yaml", GOOD).unwrap();
        assert_eq!(
            slices.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["vips.yaml/one", "vips.yaml/two"]
        );
        assert_eq!(slices[0].vips[0].layer2.as_ref().unwrap().nodes, ["a", "b"]);
        assert_eq!(parse("empty.yaml", "").unwrap(), []);
    }

    #[test]
    fn json_is_yaml() {
        let json = r#"{"apiVersion":"ferrolb.io/v1beta1","kind":"AnnouncementSlice","metadata":{"name":"j"},
            "spec":{"vips":[{"ip":"192.0.2.1","trafficPolicy":"Local"}]}}"#;
        assert_eq!(parse("a.json", json).unwrap()[0].vips[0].ip, "192.0.2.1");
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
}
