//! Objects that the API server must refuse, each with the message its author sees: the list that the CRDs' unit tests
//! use too.

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::Value;

use crate::scene::Scene;
use crate::trial::{Disturbs, trial};

const CASES: &str = include_str!("../../api/tests/bad_objects.yaml");

#[derive(Deserialize)]
struct Case {
    message: String,
    object: Value,
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("bad_objects_are_refused_with_a_message_for_people", Disturbs::Nobody, refused)]
}

fn refused(scene: &Scene<'_>) -> Result<()> {
    let cases: Vec<Case> = serde_saphyr::from_str(CASES)?;
    ensure!(cases.len() >= 30, "only {} bad objects", cases.len());
    // One kubectl for all: it goes on after a refusal, and says each by the object's name.
    let manifests: String = cases.iter().map(|case| format!("---\n{}\n", case.object)).collect();
    let answer = scene.dry_run(&manifests)?;
    ensure!(!answer.success && answer.stdout.is_empty(), "these were accepted: {}", answer.stdout);
    let mut wrong = Vec::new();
    for case in &cases {
        let name = case.object["metadata"]["name"].as_str().unwrap_or_default();
        let told = refusal_of(&answer.stderr, name);
        if !told.contains(&case.message) {
            wrong.push(format!("{name}: wanted {:?}, got {told:?}", case.message));
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} of {} were refused in other words:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    Ok(())
}

/// The part of kubectl's complaints that is about the object called `name`.
fn refusal_of(complaints: &str, name: &str) -> String {
    let begin =
        |line: &str| line.starts_with("The ") || line.starts_with("Error ") || line.starts_with("error:");
    let mut parts: Vec<String> = Vec::new();
    for line in complaints.lines() {
        match parts.last_mut() {
            Some(part) if !begin(line) => {
                part.push('\n');
                part.push_str(line);
            }
            Some(_) | None => parts.push(line.to_owned()),
        }
    }
    let about = |part: &&String| part.contains(&format!("\"{name}\""));
    parts.iter().find(about).cloned().unwrap_or_default()
}
