//! A client of the cluster that the kubeconfig names, or of the one this process runs in.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{args::Global, names::suggestion};

/// A client, where it goes, and the namespace that counts when none is named.
pub(crate) async fn connect(global: &Global) -> anyhow::Result<(Client, String, String)> {
    let mut config = config(global).await?;
    config.connect_timeout = global.request_timeout.0;
    config.default_retry = false;
    if let Some(user) = &global.impersonate {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups =
            (!global.impersonate_groups.is_empty()).then(|| global.impersonate_groups.clone());
    }
    let namespace = global.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config)
        .map_err(|error| anyhow!("the credentials of the kubeconfig cannot be used: {}", causes(&error)))?;
    Ok((client, server, namespace))
}

async fn config(global: &Global) -> anyhow::Result<Config> {
    let options = KubeConfigOptions { context: global.context.clone(), ..KubeConfigOptions::default() };
    let Some(kubeconfig) = kubeconfig(global.kubeconfig.as_deref())? else {
        return match Config::incluster() {
            Ok(config) if global.context.is_none() => Ok(config),
            Ok(_) | Err(_) => bail!(
                "no cluster is configured: there is no kubeconfig ({}), and this is no pod; pass --kubeconfig or set KUBECONFIG",
                sources()
            ),
        };
    };
    let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    match &global.context {
        Some(context) if !contexts.contains(context) => bail!(
            "the kubeconfig has no context {context:?}{}",
            suggestion(context, contexts.iter().map(String::as_str))
        ),
        None if kubeconfig.current_context.as_deref().unwrap_or_default().is_empty() => bail!(
            "the kubeconfig has no current context; pass --context ({}) or run kubectl config use-context",
            contexts.join(", ")
        ),
        Some(_) | None => {}
    }
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| anyhow!("the kubeconfig cannot be used: {}", causes(&error)))
}

/// What the named file says, or else those that KUBECONFIG lists, merged, or else the one in the home folder.
/// As kubectl, it passes over files of the list that do not exist.
fn kubeconfig(named: Option<&Path>) -> anyhow::Result<Option<Kubeconfig>> {
    if let Some(file) = named {
        return read(file).map(Some);
    }
    let mut merged = None;
    for file in candidates().iter().filter(|file| file.exists()) {
        let next = read(file)?;
        merged = Some(match merged {
            None => next,
            Some(before) => Kubeconfig::merge(before, next)
                .with_context(|| format!("{} cannot be merged with the files before it", file.display()))?,
        });
    }
    Ok(merged)
}

fn read(file: &Path) -> anyhow::Result<Kubeconfig> {
    Kubeconfig::read_from(file).map_err(|error| anyhow!("{}: {}", file.display(), causes(&error)))
}

fn candidates() -> Vec<PathBuf> {
    let listed: Vec<PathBuf> = std::env::var_os("KUBECONFIG")
        .map(|list| std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if !listed.is_empty() {
        return listed;
    }
    std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect()
}

fn sources() -> String {
    let files: Vec<String> = candidates().iter().map(|file| file.display().to_string()).collect();
    if files.is_empty() { "no home folder".into() } else { files.join(", ") }
}

/// An error and those behind it, each said once, on one line.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
