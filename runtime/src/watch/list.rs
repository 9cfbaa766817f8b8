//! Lists from the quorum, page by page, so that a large list never lies in memory as text.

use std::time::Duration;

use kube::{Resource, api::ListParams};
use serde::{Deserialize, de::DeserializeOwned};

use super::Source;
use crate::client::{RequestError, ask};

/// Objects a page.
const PAGE: u32 = 500;
/// How long a page may take; large ones are slow on a busy API server.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
#[serde(bound = "K: DeserializeOwned")]
struct Page<K> {
    metadata: PageMetadata,
    #[serde(default, deserialize_with = "crate::kinds::null_as_default")]
    items: Vec<K>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    #[serde(default)]
    r#continue: Option<String>,
}

/// A page of which only the version matters.
#[derive(Deserialize)]
struct Glance {
    metadata: PageMetadata,
}

/// Everything there is, and the version at which it was so.
pub(super) async fn all<K>(source: &Source<'_>) -> Result<(Vec<K>, String), RequestError>
where
    K: Resource + DeserializeOwned,
{
    let mut objects = Vec::new();
    let mut next = None;
    loop {
        let page: Page<K> =
            match ask(source.client, request(source, Some(PAGE), next.take())?, PAGE_TIMEOUT).await {
                // The pages' snapshot was compacted away under us: start over, this time in one piece.
                Err(error) if error.code() == Some(410) && !objects.is_empty() => {
                    objects.clear();
                    ask(source.client, request(source, None, None)?, PAGE_TIMEOUT).await?
                }
                answer => answer?,
            };
        objects.extend(page.items.into_iter().map(|mut object| {
            object.meta_mut().managed_fields = None;
            object
        }));
        match page.metadata.r#continue.filter(|token| !token.is_empty()) {
            Some(token) => next = Some(token),
            None => return Ok((objects, page.metadata.resource_version)),
        }
    }
}

/// The newest version, from the quorum.
pub(super) async fn newest(source: &Source<'_>) -> Result<String, RequestError> {
    let glance: Glance = ask(source.client, request(source, Some(1), None)?, PAGE_TIMEOUT).await?;
    Ok(glance.metadata.resource_version)
}

fn request(
    source: &Source<'_>,
    limit: Option<u32>,
    token: Option<String>,
) -> Result<http::Request<Vec<u8>>, RequestError> {
    let parameters = ListParams {
        label_selector: source.selection.labels.clone(),
        field_selector: source.selection.fields.clone(),
        limit,
        continue_token: token,
        ..ListParams::default()
    };
    Ok(source.request.list(&parameters).map_err(kube::Error::BuildRequest)?)
}
