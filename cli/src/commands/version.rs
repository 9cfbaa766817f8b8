//! `kubectl ferrolb version`.

use anyhow::Result;
use ferrolb_api::SpeakerState;
use serde::Serialize;

use crate::{
    args::{Global, Version},
    cluster::{exist, reader},
    output::{API_VERSION, Printer, Table},
    read::Pod,
    run::Verdict,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    api_version: &'static str,
    kind: &'static str,
    client: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    controllers: Option<Vec<Installed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speakers: Option<Vec<Installed>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Installed {
    version: String,
    count: usize,
}

pub(crate) async fn run(global: &Global, args: &Version, printer: &mut Printer<'_>) -> Result<Verdict> {
    let mut versions = Versions {
        api_version: API_VERSION,
        kind: "Version",
        client: env!("CARGO_PKG_VERSION"),
        kubernetes: None,
        controllers: None,
        speakers: None,
    };
    let mut unread = Vec::new();
    if !args.client {
        let (reader, _) = reader(global).await?;
        versions.kubernetes = Some(reader.version().await?.0);
        match reader.all(None).await {
            Ok(namespaces) => exist(global, &namespaces)?,
            Err(error) => unread.push(error.to_string()),
        }
        let labels = Some("app.kubernetes.io/name=ferrolb");
        match reader.within::<Pod>(&global.ferrolb_namespace, labels).await {
            Ok(pods) => {
                let controllers = pods.iter().filter(|pod| pod.component() == Some("controller"));
                versions.controllers = Some(counted(controllers.map(image)));
            }
            Err(error) => unread.push(error.to_string()),
        }
        match reader.all::<SpeakerState>(None).await {
            Ok(states) => {
                let reported = states.iter().filter_map(|state| state.status.as_ref());
                versions.speakers = Some(counted(reported.map(|status| status.version.clone())));
            }
            Err(error) => unread.push(error.to_string()),
        }
    }
    if !printer.data(&versions)? {
        print(&versions, printer)?;
        for error in unread {
            printer.line(&format!("{error}."))?;
        }
    }
    Ok(Verdict::Fine)
}

fn print(versions: &Versions, printer: &mut Printer<'_>) -> Result<()> {
    let mut table = Table::new(["WHAT", "VERSION"]);
    table.row(["kubectl-ferrolb".into(), versions.client.into()]);
    let lists = [("controller", &versions.controllers), ("speaker", &versions.speakers)];
    for (what, list) in lists {
        for one in list.iter().flatten() {
            table.row([format!("{what} ({})", one.count), one.version.clone()]);
        }
    }
    if let Some(kubernetes) = &versions.kubernetes {
        table.row(["kubernetes".into(), kubernetes.clone()]);
    }
    printer.table(&table)
}

fn counted(versions: impl Iterator<Item = String>) -> Vec<Installed> {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    versions.for_each(|version| *counts.entry(version).or_default() += 1);
    counts.into_iter().map(|(version, count)| Installed { version, count }).collect()
}

/// The image of its first container, by which a pod's version is known.
pub(crate) fn image(pod: &Pod) -> String {
    pod.spec.containers.first().map(|container| container.image.clone()).unwrap_or_default()
}
