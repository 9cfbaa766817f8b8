//! `kubectl ferrolb plan`.

mod edit;

use anyhow::{Result, bail};
use ferrolb_explain::{State, Style as _};
use ferrolb_ipam::{Effect, Outcome, plan};
use serde::Serialize;

use crate::{
    args::{Global, Plan},
    cluster::Cluster,
    manifest::{Object, objects},
    output::{API_VERSION, Printer, Table},
    run::Verdict,
    validate::one,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanOut {
    api_version: &'static str,
    kind: &'static str,
    /// Every Service that would change, by namespace and name.
    effects: Vec<EffectOut>,
    /// Objects of the manifests that touch no address, and pools of the cluster that cannot be read.
    notes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EffectOut {
    namespace: String,
    name: String,
    before: Side,
    after: Side,
    cause: String,
}

/// What a Service has on one side of the edit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Side {
    /// `Allocated`, a reason of docs/reasons.md, `Foreign`, or `Absent`.
    reason: String,
    addresses: Vec<Given>,
    /// The sentence of its condition, if something is not as it asks for.
    sentence: Option<String>,
}

#[derive(Serialize)]
struct Given {
    ip: String,
    pool: Option<String>,
}

pub(crate) async fn run(global: &Global, args: &Plan, printer: &mut Printer<'_>) -> Result<Verdict> {
    let objects = objects(&args.filename)?;
    refuse_bad(&objects)?;
    let cluster = Cluster::read(global).await?;
    let (before, invalid) = cluster.snapshot();
    let mut edit = edit::Edit::new(&cluster, before.clone());
    for object in &objects {
        edit.apply(object)?;
    }
    for name in &args.delete {
        edit.delete(name)?;
    }
    let (after, mut notes) = edit.finish();
    notes.extend(invalid.into_iter().map(|(pool, problem)| {
        format!("pool {pool} of the cluster cannot be read, so it is left out: {problem}")
    }));
    let effects = plan(&before, &after);
    let verdict = if effects.is_empty() { Verdict::Fine } else { Verdict::Found };
    let out = PlanOut {
        api_version: API_VERSION,
        kind: "Plan",
        effects: effects.iter().map(told).collect(),
        notes,
    };
    if !printer.data(&out)? {
        print(&out, &effects, printer)?;
    }
    Ok(verdict)
}

/// An edit that the API server would refuse changes nothing, so there is nothing to plan.
fn refuse_bad(objects: &[Object]) -> Result<()> {
    let problems: Vec<String> = objects
        .iter()
        .filter(|object| object.is_ours())
        .flat_map(one)
        .map(|one| format!("{}:{}:{}: {}: {}", one.file, one.line, one.column, one.object, one.message))
        .collect();
    if !problems.is_empty() {
        bail!("the API server would refuse this edit:\n{}", problems.join("\n"));
    }
    Ok(())
}

fn told(effect: &Effect) -> EffectOut {
    EffectOut {
        namespace: effect.service.namespace.to_string(),
        name: effect.service.name.to_string(),
        before: side(&effect.before),
        after: side(&effect.after),
        cause: effect.cause.to_string(),
    }
}

fn side(outcome: &Outcome) -> Side {
    let given = |address: &std::net::IpAddr, pool: Option<String>| Given { ip: address.to_string(), pool };
    let ours = outcome.addresses().iter();
    let mut addresses: Vec<Given> =
        ours.map(|one| given(&one.address, one.pool.as_ref().map(ToString::to_string))).collect();
    let (reason, sentence) = match outcome {
        Outcome::Assigned(_) => ("Allocated".to_owned(), None),
        Outcome::Kept { refusal, addresses: _ } | Outcome::Refused(refusal) => {
            (refusal.reason().to_owned(), Some(refusal.to_string()))
        }
        Outcome::Foreign(foreign) => {
            addresses.extend(foreign.iter().map(|address| given(address, None)));
            ("Foreign".to_owned(), None)
        }
        Outcome::Removed => ("Absent".to_owned(), None),
    };
    Side { reason, addresses, sentence }
}

fn print(out: &PlanOut, effects: &[Effect], printer: &mut Printer<'_>) -> Result<()> {
    for note in &out.notes {
        printer.line(&format!("note: {note}"))?;
    }
    if out.effects.is_empty() {
        return printer.line("No Service would change.");
    }
    let mut table = Table::new(["NAMESPACE", "NAME", "BEFORE", "AFTER", "WHY"]);
    for effect in &out.effects {
        table.row([
            effect.namespace.clone(),
            effect.name.clone(),
            short(&effect.before),
            short(&effect.after),
            effect.cause.clone(),
        ]);
    }
    let text = table.render();
    let mut lines = text.lines();
    printer.line(lines.next().unwrap_or_default())?;
    for (line, effect) in lines.zip(effects) {
        let state = if loses(effect) { State::Broken } else { State::Waiting };
        let line = printer.colour().state(state, line);
        printer.line(&line)?;
    }
    if printer.is_wide() {
        for effect in &out.effects {
            if let Some(sentence) = &effect.after.sentence {
                printer.line(&format!("{}/{}: {sentence}", effect.namespace, effect.name))?;
            }
        }
    }
    let losing = effects.iter().filter(|effect| loses(effect)).count();
    printer.line("")?;
    printer.line(&format!("{} would change; {losing} would lose an address.", services(effects.len())))?;
    if effects.iter().any(gains) {
        printer.line(
            "A new address may be another free one of the same pool: only the controller knows which were released last.",
        )?;
    }
    Ok(())
}

fn services(count: usize) -> String {
    if count == 1 { "1 Service".into() } else { format!("{count} Services") }
}

/// Whether an address that it has is taken from it.
fn loses(effect: &Effect) -> bool {
    let after = effect.after.addresses();
    effect.before.addresses().iter().any(|old| after.iter().all(|new| new.address != old.address))
}

fn gains(effect: &Effect) -> bool {
    let before = effect.before.addresses();
    effect.after.addresses().iter().any(|new| before.iter().all(|old| new.address != old.address))
}

/// `192.0.2.128 (lan)`, `none: PoolExhausted`.
fn short(side: &Side) -> String {
    let addresses: Vec<String> = side
        .addresses
        .iter()
        .map(|one| match &one.pool {
            Some(pool) => format!("{} ({pool})", one.ip),
            None => one.ip.clone(),
        })
        .collect();
    match (addresses.is_empty(), side.reason.as_str()) {
        (false, "Allocated") => addresses.join(","),
        (false, reason) => format!("{}: {reason}", addresses.join(",")),
        (true, "Absent") => "-".into(),
        (true, reason) => format!("none: {reason}"),
    }
}
