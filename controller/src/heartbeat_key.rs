//! The key that speakers sign their heartbeats with: a Secret that the leader makes once.

use std::collections::BTreeMap;

use anyhow::Context as _;
use ferrolb_runtime::client::bounded;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

/// The Secret's name, in FerroLB's namespace.
const NAME: &str = "ferrolb-heartbeat";
/// The file that speakers see it as.
const FIRST_KEY: &str = "key-1";
/// Length of a key in bytes: that of SHA-256.
const LENGTH: usize = 32;

/// Makes the Secret if it does not exist, or gives it a key if it is empty.
///
/// # Errors
/// The API server cannot be reached or refuses.
pub(crate) async fn ensure(client: Client, namespace: &str) -> anyhow::Result<()> {
    let api: Api<Secret> = Api::namespaced(client, namespace);
    let found = bounded(api.get_opt(NAME)).await.context("the heartbeat key could not be read")?;
    // Whatever is there was put there on purpose, a rotated key for instance.
    if found.as_ref().and_then(|secret| secret.data.as_ref()).is_some_and(|data| !data.is_empty()) {
        return Ok(());
    }
    let mut key = vec![0; LENGTH];
    getrandom::fill(&mut key).context("the kernel gave no random bytes for a heartbeat key")?;
    let parameters = PostParams::default();
    let data = BTreeMap::from([(FIRST_KEY.to_owned(), ByteString(key))]);
    let written = match found {
        Some(secret) => {
            bounded(api.replace(NAME, &parameters, &Secret { data: Some(data), ..secret })).await.map(drop)
        }
        None => {
            let metadata = ObjectMeta { name: Some(NAME.into()), ..ObjectMeta::default() };
            bounded(api.create(&parameters, &Secret { metadata, data: Some(data), ..Secret::default() }))
                .await
                .map(drop)
        }
    };
    match written {
        Ok(()) => tracing::info!(secret = NAME, "A key for the speakers' heartbeats was made."),
        // Somebody else made it in between, which is as good.
        Err(error) if error.code() == Some(409) => {}
        Err(error) => return Err(error).context("the heartbeat key could not be written"),
    }
    Ok(())
}
