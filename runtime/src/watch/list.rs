//! Lists from the quorum, page by page and object by object, so that of a large list only what is kept lies in memory.

use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use kube::{Resource, api::ListParams};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{Source, cut::Cutter};
use crate::client::{MAX_ANSWER, RequestError, ask, open};

/// Objects a page.
const PAGE: u32 = 500;
/// How long a page may take; large ones are slow on a busy API server.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// A page without its objects.
#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    #[serde(default)]
    #[expect(dead_code, reason = "what is no object among the objects is refused")]
    items: Option<[(); 0]>,
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

/// What `read` makes of everything there is, and the version at which it was so.
pub(super) async fn all<K, T>(
    source: &Source<'_>,
    read: &mut impl FnMut(K) -> Option<T>,
) -> Result<(Vec<T>, String), RequestError>
where
    K: Resource + DeserializeOwned,
{
    let mut all = Vec::new();
    let mut metadata = page(source, Some(PAGE), None, read, &mut all).await?;
    while let Some(token) = metadata.r#continue.filter(|token| !token.is_empty()) {
        metadata = match page(source, Some(PAGE), Some(token), read, &mut all).await {
            // The pages' snapshot was compacted away under us: start over, this time in one piece.
            Err(error) if error.code() == Some(410) => {
                all.clear();
                page(source, None, None, read, &mut all).await?
            }
            answer => answer?,
        };
    }
    Ok((all, metadata.resource_version))
}

/// Adds what `read` makes of a page's objects, one after the other as they arrive.
async fn page<K, T>(
    source: &Source<'_>,
    limit: Option<u32>,
    token: Option<String>,
    read: &mut impl FnMut(K) -> Option<T>,
    all: &mut Vec<T>,
) -> Result<PageMetadata, RequestError>
where
    K: Resource + DeserializeOwned,
{
    let request = request(source, limit, token)?;
    let answer = async {
        let mut body = Limited::new(open(source.client, request).await?, MAX_ANSWER);
        let mut cutter = Cutter::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| RequestError::BrokenOff(error.to_string()))?;
            let Ok(bytes) = frame.into_data() else { continue };
            let take = |object: &[u8]| {
                let mut object: K = serde_json::from_slice(object)?;
                object.meta_mut().managed_fields = None;
                all.extend(read(object));
                Ok(())
            };
            cutter.feed(&bytes, take).map_err(RequestError::Unreadable)?;
        }
        let page: Page = serde_json::from_slice(&cutter.into_rest()).map_err(RequestError::Unreadable)?;
        Ok(page.metadata)
    };
    timeout(PAGE_TIMEOUT, answer).await.map_err(|_| RequestError::TimedOut(PAGE_TIMEOUT))?
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
