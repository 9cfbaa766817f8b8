//! What kubectl makes of our kinds.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::scene::Scene;
use crate::trial::{Disturbs, trial};

const KINDS: [&str; 8] = [
    "ipaddresspools",
    "l2advertisements",
    "bgpadvertisements",
    "bgppeers",
    "bfdprofiles",
    "communities",
    "announcementslices",
    "speakerstates",
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("kubectl_explain_has_a_text_for_every_field", Disturbs::Nobody, explained),
        trial("columns_and_short_names_are_as_documented", Disturbs::Nobody, columns_and_names),
    ]
}

fn explained(scene: &Scene<'_>) -> Result<()> {
    for kind in KINDS {
        let text = scene.kubectl(&["explain", kind])?;
        ensure!(
            text.contains("DESCRIPTION:") && !text.contains("<empty>"),
            "kubectl explain {kind} says {text}"
        );
        let crd: Value = serde_json::from_str(&scene.kubectl(&[
            "get",
            "crd",
            &format!("{kind}.ferrolb.io"),
            "-o",
            "json",
        ])?)?;
        for version in crd["spec"]["versions"].as_array().into_iter().flatten() {
            for part in ["spec", "status"] {
                let schema = &version["schema"]["openAPIV3Schema"]["properties"][part];
                let silent = undescribed(schema, part);
                ensure!(
                    silent.is_empty(),
                    "fields of {kind} that kubectl explain has no text for: {silent:?}"
                );
            }
        }
    }
    Ok(())
}

/// Paths of all fields without a description.
fn undescribed(schema: &Value, path: &str) -> Vec<String> {
    let mut silent = Vec::new();
    if schema.is_null() {
        return silent;
    }
    if schema["description"].as_str().is_none_or(str::is_empty) {
        silent.push(path.to_owned());
    }
    let items = if schema["items"].is_object() { &schema["items"] } else { schema };
    for (name, field) in items["properties"].as_object().into_iter().flatten() {
        silent.extend(undescribed(field, &format!("{path}.{name}")));
    }
    silent
}

fn columns_and_names(scene: &Scene<'_>) -> Result<()> {
    let pool = scene.pool("lan", 1)?;
    scene.load_balancer("web", "")?;
    scene.address("web")?;
    let row = |kind: &str, name: &str| -> Result<(String, String)> {
        let table = scene.kubectl(&["get", kind, name])?;
        let mut lines = table.lines().map(ToOwned::to_owned);
        Ok((lines.next().unwrap_or_default(), lines.next().unwrap_or_default()))
    };
    let (head, line) = row("flbpool", &pool.name)?;
    for column in ["AUTO ASSIGN", "ADDRESSES", "ASSIGNED IPV4", "AVAILABLE IPV4", "READY", "AGE"] {
        ensure!(head.contains(column), "flbpool has no column {column}: {head}");
    }
    ensure!(line.contains(&pool.v4[0].to_string()), "its addresses are not shown: {line}");
    let (head, line) = row("flbspeaker", "n1")?;
    for column in ["NAME", "VIPS", "BGP", "FORWARDING", "AGE"] {
        ensure!(head.contains(column), "flbspeaker has no column {column}: {head}");
    }
    ensure!(line.contains("delegate"), "the forwarding mode is not shown: {line}");

    let resources = scene.kubectl(&["api-resources", "--no-headers"])?;
    let short_names: Vec<&str> = resources
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns.len() == 5)
        .flat_map(|columns| columns[1].split(','))
        .collect();
    let ours: Vec<Vec<&str>> = resources
        .lines()
        .filter(|line| line.contains("ferrolb.io/"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    ensure!(ours.len() == KINDS.len(), "our kinds are {ours:?}");
    for kind in ours {
        ensure!(kind.len() == 5, "{} has no short name", kind[0]);
        let others = short_names.iter().filter(|name| **name == kind[1]).count();
        ensure!(others == 1, "{others} kinds have the short name {}", kind[1]);
    }
    Ok(())
}
