//! `kubectl ferrolb validate`.

use anyhow::{Result, bail};
use ferrolb_explain::{State, Style as _};
use serde::Serialize;

use crate::{
    args::{Global, Validate},
    cluster::reader,
    manifest::{Object, objects},
    output::{API_VERSION, Printer},
    run::Verdict,
    validate::{Others, Problem, Severity, across, one},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Validation {
    api_version: &'static str,
    kind: &'static str,
    /// How many objects of FerroLB's kinds were looked at.
    objects: usize,
    problems: Vec<ProblemOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProblemOut {
    file: String,
    line: u64,
    column: u64,
    object: String,
    field: String,
    severity: &'static str,
    message: String,
}

pub(crate) async fn run(global: &Global, args: &Validate, printer: &mut Printer<'_>) -> Result<Verdict> {
    let all = objects(&args.filename)?;
    let (ours, foreign): (Vec<Object>, Vec<Object>) = all.into_iter().partition(Object::is_ours);
    if ours.is_empty() {
        bail!(
            "there is nothing of FerroLB's in {}: {} of other groups than {}",
            args.filename.join(", "),
            counted(foreign.len()),
            ferrolb_api::GROUP
        );
    }
    let mut others = Others::default();
    if args.server {
        let (reader, _) = reader(global).await?;
        others = Others { asked: true, pools: reader.all(None).await?, ..Others::default() };
        if ours.iter().any(|object| ["BGPPeer", "BGPAdvertisement"].contains(&object.kind())) {
            others.peers = reader.all(None).await?;
            others.profiles = reader.all(None).await?;
            others.communities = reader.all(None).await?;
        }
    }
    let mut problems: Vec<Problem> = Vec::new();
    let mut good: Vec<&Object> = Vec::new();
    for object in &ours {
        let found = one(object);
        if found.is_empty() {
            good.push(object);
        }
        problems.extend(found);
    }
    problems.extend(across(&good, &others));
    problems.sort_by(|one, other| {
        (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column))
    });

    let found = problems.iter().any(|problem| problem.severity == Severity::Error);
    let validation = Validation {
        api_version: API_VERSION,
        kind: "Validation",
        objects: ours.len(),
        problems: problems.into_iter().map(told).collect(),
    };
    if !printer.data(&validation)? {
        print(&validation, printer)?;
    }
    Ok(if found { Verdict::Found } else { Verdict::Fine })
}

fn told(problem: Problem) -> ProblemOut {
    ProblemOut {
        file: problem.file,
        line: problem.line,
        column: problem.column,
        object: problem.object,
        field: problem.field,
        severity: match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        message: problem.message,
    }
}

fn print(validation: &Validation, printer: &mut Printer<'_>) -> Result<()> {
    for problem in &validation.problems {
        let state = if problem.severity == "error" { State::Broken } else { State::Waiting };
        let severity = printer.colour().state(state, problem.severity);
        printer.line(&format!(
            "{}:{}:{}: {severity}: {}: {}",
            problem.file, problem.line, problem.column, problem.object, problem.message
        ))?;
    }
    let verdict = match validation.problems.iter().filter(|problem| problem.severity == "error").count() {
        0 => "no errors".to_owned(),
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    };
    printer.line(&format!("{}, {verdict}", counted(validation.objects)))
}

fn counted(objects: usize) -> String {
    if objects == 1 { "1 object".into() } else { format!("{objects} objects") }
}
