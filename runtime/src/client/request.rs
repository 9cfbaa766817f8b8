//! One request: bounded in time and size, its answer decoded without a copy, its refusal with all that the API server
//! said about when to come again.

use std::{future::Future, time::Duration};

use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt as _, Limited};
use kube::{Client, client::Body, core::Status};
use serde::de::DeserializeOwned;

use super::REQUEST_TIMEOUT;

/// The largest answer taken, in bytes: a page of 500 large objects stays well below it.
pub(crate) const MAX_ANSWER: usize = 256 << 20;
/// The largest refusal that is worth reading, in bytes.
const MAX_REFUSAL: usize = 64 << 10;
/// Characters of a refusal's text that are kept.
const MAX_TEXT: usize = 400;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The API server answered with an error.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The API server answered with an error, or could not be reached.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// The connection broke while the answer came, so the request may have taken effect.
    #[error("the API server's answer broke off: {0}")]
    BrokenOff(String),
    /// The answer is not what was asked for.
    #[error("the API server's answer cannot be understood: {0}")]
    Unreadable(#[source] serde_json::Error),
    /// No answer came in time, so the request may or may not have taken effect.
    #[error("the API server did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// An error that the API server answered with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the API server says {code} {reason}: {message}")]
pub struct Refusal {
    /// The HTTP status.
    pub code: u16,
    /// One word, as `Conflict`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl RequestError {
    /// The HTTP status the API server answered with, if it answered.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Api(kube::Error::Api(status)) => Some(status.code),
            Self::Api(_) | Self::BrokenOff(_) | Self::Unreadable(_) | Self::TimedOut(_) => None,
        }
    }

    /// How long the API server asks to be left alone, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Api(kube::Error::Api(status)) => asked_pause(status),
            Self::Api(_) | Self::BrokenOff(_) | Self::Unreadable(_) | Self::TimedOut(_) => None,
        }
    }
}

/// Waits for a request, but not for ever: connections can stay half open for minutes.
///
/// # Errors
/// The API server's error, or [`RequestError::TimedOut`].
pub async fn bounded<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, RequestError> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(RequestError::TimedOut(REQUEST_TIMEOUT)),
    }
}

/// Sends a request and decodes its answer, all `within` a time.
///
/// # Errors
/// Every [`RequestError`].
pub async fn ask<T: DeserializeOwned>(
    client: &Client,
    request: Request<Vec<u8>>,
    within: Duration,
) -> Result<T, RequestError> {
    let answer = async {
        let body = open(client, request).await?;
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        body.map(http_body_util::Collected::to_bytes)
            .map_err(|error| RequestError::BrokenOff(error.to_string()))
    };
    let bytes = tokio::time::timeout(within, answer).await.map_err(|_| RequestError::TimedOut(within))??;
    serde_json::from_slice(&bytes).map_err(RequestError::Unreadable)
}

/// Sends a request and returns its answer's body, still to be read. The caller bounds the time.
///
/// # Errors
/// [`RequestError::Refused`] or [`RequestError::Api`].
pub async fn open(client: &Client, request: Request<Vec<u8>>) -> Result<Body, RequestError> {
    let answer = client.send(request.map(Body::from)).await?;
    match answer.status().is_success() {
        true => Ok(answer.into_body()),
        false => Err(RequestError::Refused(Box::new(refusal(answer).await))),
    }
}

/// Reads an error. Flow control answers in plain text and says in a header when to come again; all else is a `Status`.
async fn refusal(answer: Response<Body>) -> Refusal {
    let (head, body) = answer.into_parts();
    let in_header = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Limited::new(body, MAX_REFUSAL).collect().await;
    let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let status: Option<Status> = serde_json::from_slice(&bytes).ok();
    let in_status = status.as_ref().and_then(asked_pause);
    let (reason, message) = match status {
        Some(status) => (status.reason, status.message),
        None => (words(head.status), String::from_utf8_lossy(&bytes).trim().to_owned()),
    };
    Refusal {
        code: head.status.as_u16(),
        reason,
        message: message.chars().take(MAX_TEXT).collect(),
        retry_after: in_status.or_else(|| in_header.map(Duration::from_secs)),
    }
}

fn asked_pause(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)))
}

fn words(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().replace(' ', "")
}
