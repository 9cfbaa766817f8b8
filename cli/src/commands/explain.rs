//! `kubectl ferrolb explain`.

use anyhow::{Result, bail};
use ferrolb_explain::{Chain, State, Style as _, explain, text};
use ferrolb_runtime::kinds;
use serde::Serialize;

use crate::{
    args::{Explain, Global},
    cluster::Cluster,
    facts::subject,
    names::suggestion,
    output::{API_VERSION, Printer, Table},
    read::ReadError,
    routing::Routing,
    run::Verdict,
};

pub(crate) async fn run(global: &Global, args: &Explain, printer: &mut Printer<'_>) -> Result<Verdict> {
    let names = service_names(&args.services)?;
    let cluster = Cluster::read(global).await?;
    let asked = asked(&cluster, &names, global.all_namespaces).await?;
    let routed =
        cluster.slices.iter().flatten().flat_map(|slice| &slice.spec.vips).any(|vip| vip.bgp.is_some());
    let routing = Routing::read(&cluster.reader, routed).await;
    let facts = cluster.facts(Some(&routing));
    let mut chains: Vec<Chain> = asked.iter().map(|object| explain(&facts, &subject(object))).collect();
    if names.is_empty() {
        // What is another load balancer's is nobody's concern unless it is asked for by name.
        chains.retain(|chain| chain.ours || !args.broken);
    }
    if args.broken {
        chains.retain(|chain| chain.broken().is_some());
    }
    let verdict = if chains.iter().any(|chain| chain.ours && chain.broken().is_some())
        || (!names.is_empty() && chains.iter().any(|chain| chain.broken().is_some()))
    {
        Verdict::Found
    } else {
        Verdict::Fine
    };
    if printer.data(&listed(&chains))? {
        return Ok(verdict);
    }
    if names.is_empty() {
        print_list(&chains, args.broken, &cluster, printer)?;
    } else {
        for (position, chain) in chains.iter().enumerate() {
            if position > 0 {
                printer.line("")?;
            }
            printer.text(&text(chain, &printer.colour()))?;
        }
    }
    Ok(verdict)
}

/// The names in `svc/a`, `service/b`, `c`, and `svc a b`.
fn service_names(arguments: &[String]) -> Result<Vec<String>> {
    let is_kind = |text: &str| matches!(text, "svc" | "service" | "services");
    let arguments = match arguments {
        [kind] if is_kind(kind) => return Ok(Vec::new()),
        [kind, names @ ..] if is_kind(kind) => names,
        all => all,
    };
    arguments
        .iter()
        .map(|argument| match argument.split_once('/') {
            None => Ok(argument.clone()),
            Some((kind, name)) if is_kind(kind) && !name.is_empty() => Ok(name.to_owned()),
            Some((_, name)) => {
                bail!("{argument:?} names no Service; write svc/{name}, and its namespace with -n")
            }
        })
        .collect()
}

/// The Services to explain: those named, or every one of type LoadBalancer.
async fn asked(cluster: &Cluster, names: &[String], all_namespaces: bool) -> Result<Vec<kinds::Service>> {
    let is_here = |object: &&kinds::Service| {
        all_namespaces || object.metadata.namespace.as_deref() == Some(cluster.namespace.as_str())
    };
    if names.is_empty() {
        return Ok(cluster.services.iter().filter(is_here).cloned().collect());
    }
    let mut found = Vec::new();
    for name in names {
        let named = |object: &&kinds::Service| object.metadata.name.as_deref() == Some(name);
        let before = found.len();
        found.extend(cluster.services.iter().filter(is_here).filter(named).cloned());
        if found.len() > before {
            continue;
        }
        if all_namespaces {
            bail!("no namespace has a Service {name} of type LoadBalancer{}", near(cluster, name));
        }
        // One of another type, or a misspelt name.
        match cluster.reader.one::<kinds::Service>(&cluster.namespace, name).await {
            Ok(service) => found.push(service),
            Err(ReadError::NotFound { .. }) => {
                bail!("namespace {} has no Service {name}{}", cluster.namespace, near(cluster, name))
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Names like this one here, or where else this one is.
fn near(cluster: &Cluster, name: &str) -> String {
    let elsewhere: Vec<&str> = cluster
        .services
        .iter()
        .filter(|object| object.metadata.name.as_deref() == Some(name))
        .filter_map(|object| object.metadata.namespace.as_deref())
        .collect();
    if let [first, ..] = elsewhere.as_slice() {
        return format!("; namespace {first} has one: -n {first}");
    }
    let here = cluster
        .services
        .iter()
        .filter(|object| object.metadata.namespace.as_deref() == Some(cluster.namespace.as_str()));
    suggestion(name, here.filter_map(|object| object.metadata.name.as_deref()))
}

fn print_list(
    chains: &[Chain],
    only_broken: bool,
    cluster: &Cluster,
    printer: &mut Printer<'_>,
) -> Result<()> {
    if chains.is_empty() {
        let what =
            if only_broken { "no Service with a broken link" } else { "no Service of type LoadBalancer" };
        return printer.line(&format!("There is {what} among the {} looked at.", cluster.services.len()));
    }
    let wide = printer.is_wide();
    let mut table = Table::new(
        ["NAMESPACE", "NAME", "STATE", "LINK"].into_iter().chain(wide.then_some("ADDRESSES")).chain(["WHY"]),
    );
    let addresses = |chain: &Chain| {
        let id = &chain.service;
        let object = cluster.services.iter().find(|one| ferrolb_config::service_id(one) == *id);
        let points = object.into_iter().flat_map(|one| &one.status.load_balancer.ingress);
        let list: Vec<&str> = points.filter_map(|point| point.ip.as_deref()).collect();
        if list.is_empty() { "<none>".to_owned() } else { list.join(",") }
    };
    for chain in chains {
        let (link, why) = summary(chain);
        let row = [
            chain.service.namespace.to_string(),
            chain.service.name.to_string(),
            chain.state().to_string(),
            link,
        ];
        table.row(row.into_iter().chain(wide.then(|| addresses(chain))).chain([why]));
    }
    let text = table.render();
    // Colour after the columns are laid out: its bytes have no width.
    let mut lines = text.lines();
    printer.line(lines.next().unwrap_or_default())?;
    for (line, chain) in lines.zip(chains) {
        let state = chain.state();
        let coloured = if state == State::Ok { line.to_owned() } else { printer.colour().state(state, line) };
        printer.line(&coloured)?;
    }
    Ok(())
}

/// The link that a chain hangs at, and why.
fn summary(chain: &Chain) -> (String, String) {
    let worst = chain.links.iter().find(|link| link.state == chain.state());
    match worst {
        Some(link) if link.state != State::Ok => {
            let reason = link.reason.as_ref().map(|reason| format!("{reason}: ")).unwrap_or_default();
            (link.kind.to_string(), format!("{reason}{}", link.sentence))
        }
        Some(_) | None => ("-".into(), "every link holds".into()),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExplanationList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Explanation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    namespace: String,
    name: String,
    ours: bool,
    state: &'static str,
    broken: Option<&'static str>,
    links: Vec<LinkOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LinkOut {
    link: &'static str,
    state: &'static str,
    reason: Option<String>,
    sentence: String,
    details: Vec<String>,
    advice: Option<String>,
}

fn listed(chains: &[Chain]) -> ExplanationList {
    let item = |chain: &Chain| Explanation {
        namespace: chain.service.namespace.to_string(),
        name: chain.service.name.to_string(),
        ours: chain.ours,
        state: chain.state().as_str(),
        broken: chain.broken().map(|link| link.kind.as_str()),
        links: chain
            .links
            .iter()
            .map(|link| LinkOut {
                link: link.kind.as_str(),
                state: link.state.as_str(),
                reason: link.reason.clone(),
                sentence: link.sentence.clone(),
                details: link.details.clone(),
                advice: link.advice.clone(),
            })
            .collect(),
    };
    ExplanationList {
        api_version: API_VERSION,
        kind: "ExplanationList",
        items: chains.iter().map(item).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Result<Vec<String>> {
        service_names(&arguments.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn services_are_named_as_kubectl_names_them() {
        assert_eq!(names(&["svc/a", "service/b", "services/c", "d"]).unwrap(), ["a", "b", "c", "d"]);
        assert_eq!(names(&["svc", "a", "b"]).unwrap(), ["a", "b"]);
        assert_eq!(names(&["svc"]).unwrap(), Vec::<String>::new());
        let error = names(&["pod/a"]).unwrap_err().to_string();
        assert_eq!(error, "\"pod/a\" names no Service; write svc/a, and its namespace with -n");
        assert!(names(&["svc/"]).is_err());
    }
}
