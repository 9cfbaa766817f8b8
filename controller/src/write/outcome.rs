//! What became of a request.

use std::time::Duration;

use ferrolb_model::ServiceId;
use ferrolb_runtime::client::RequestError;

use super::{ConfigKind, Write, limit::Signal};

/// What became of a request, and which.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The object written.
    pub(crate) target: Target,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

/// Which object a request was about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A Service's status.
    Service(ServiceId),
    /// The conditions of a Service that is no load balancer any more.
    LeftService(ServiceId),
    /// A slice by name.
    Slice(String),
    /// The status of one of our own objects.
    Object(ConfigKind, String),
    /// An Event; nobody waits for it.
    Event,
}

impl Target {
    /// What `write` is about.
    pub(crate) fn of(write: &Write) -> Self {
        match write {
            Write::ServiceStatus { service, .. } | Write::Finalizer { service, .. } => {
                Self::Service(service.clone())
            }
            Write::ForgetService { service, cleanup_finalizer: _ } => Self::LeftService(service.clone()),
            Write::CreateSlice(slice) | Write::ReplaceSlice(slice) => {
                Self::Slice(slice.metadata.name.clone().unwrap_or_default())
            }
            Write::DeleteSlice { name, resource_version: _ } => Self::Slice(name.clone()),
            Write::ObjectStatus { kind, name, .. } => Self::Object(*kind, name.clone()),
            Write::Event(_) => Self::Event,
        }
    }
}

impl Target {
    /// The kind of object, for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Service(_) | Self::LeftService(_) => "service",
            Self::Slice(_) => "slice",
            Self::Object(..) => "object",
            Self::Event => "event",
        }
    }
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is written, as this version; empty for a deletion.
    Done {
        /// The object's resourceVersion after the write.
        resource_version: String,
    },
    /// Somebody wrote in between: decide again from the newer object.
    Conflict,
    /// The object is gone.
    Gone,
    /// The API server will not have it, now or later. The text is its reason.
    Refused(String),
    /// Not written, or nobody knows: try again after a pause.
    Again {
        /// The pause the API server asked for, if it did.
        after: Option<Duration>,
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// The verdict in a word, for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::Refused(_) => "refused",
            Self::Again { .. } => "again",
        }
    }

    /// Sorts an answer by what is to be done about it.
    pub(crate) fn of(answer: Result<String, RequestError>) -> Self {
        let error = match answer {
            Ok(resource_version) => return Self::Done { resource_version },
            Err(error) => error,
        };
        let why = error.to_string();
        match error.code() {
            Some(409) => Self::Conflict,
            Some(404 | 410) => Self::Gone,
            Some(400 | 403 | 405 | 413 | 422) => Self::Refused(why),
            Some(_) | None => Self::Again { after: error.retry_after(), why },
        }
    }
}

impl Signal {
    /// What an answer says about the API server, whatever it says about the request.
    pub(super) fn of(answer: &Result<String, RequestError>) -> Self {
        let Err(error) = answer else { return Self::Served };
        match error.code() {
            Some(429) => Self::Busy(error.retry_after()),
            // A 503 or 504 may carry a time as well.
            Some(500..) => error.retry_after().map_or(Self::Failing, |pause| Self::Busy(Some(pause))),
            Some(_) => Self::Served,
            None => Self::Failing,
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_runtime::client::Refusal;

    use super::*;

    fn refused(code: u16, seconds: Option<u64>) -> Result<String, RequestError> {
        let retry_after = seconds.map(Duration::from_secs);
        let refusal = Refusal { code, reason: String::new(), message: "words".into(), retry_after };
        Err(RequestError::Refused(Box::new(refusal)))
    }

    #[test]
    fn answers_are_sorted_by_what_is_to_be_done() {
        let done = Verdict::of(Ok("7".into()));
        assert_eq!(done, Verdict::Done { resource_version: "7".into() });
        assert_eq!(Verdict::of(refused(409, None)), Verdict::Conflict);
        for code in [404, 410] {
            assert_eq!(Verdict::of(refused(code, None)), Verdict::Gone, "{code}");
        }
        for code in [400, 403, 405, 413, 422] {
            assert!(matches!(Verdict::of(refused(code, None)), Verdict::Refused(_)), "{code}");
        }
        for code in [401, 408, 429, 500, 502, 503, 504] {
            assert!(matches!(Verdict::of(refused(code, None)), Verdict::Again { after: None, .. }), "{code}");
        }
        let lost = Err(RequestError::TimedOut(Duration::from_secs(5)));
        assert!(matches!(Verdict::of(lost), Verdict::Again { after: None, .. }), "nobody knows");
        let busy = Verdict::of(refused(429, Some(3)));
        assert!(matches!(busy, Verdict::Again { after: Some(pause), .. } if pause.as_secs() == 3));
    }

    #[test]
    fn only_answers_about_the_api_server_slow_the_writer() {
        assert_eq!(Signal::of(&Ok("7".into())), Signal::Served);
        for code in [404, 409, 410, 422] {
            assert_eq!(Signal::of(&refused(code, None)), Signal::Served, "{code}");
        }
        assert_eq!(Signal::of(&refused(429, Some(2))), Signal::Busy(Some(Duration::from_secs(2))));
        assert_eq!(Signal::of(&refused(503, Some(2))), Signal::Busy(Some(Duration::from_secs(2))));
        assert_eq!(Signal::of(&refused(500, None)), Signal::Failing);
        assert_eq!(Signal::of(&Err(RequestError::TimedOut(Duration::ZERO))), Signal::Failing);
    }
}
