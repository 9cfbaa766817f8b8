//! Why something could not be read, as a sentence for whoever asked.

use kube::core::Status;

use crate::connect::causes;

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum ReadError {
    /// A permission is missing.
    #[error(
        "{user} may not {verb} {resource} {scope}; ask for a role that allows it (docs/cli.md lists what is read)"
    )]
    Forbidden {
        /// As whom the cluster knows us.
        user: String,
        /// `list`, `get`.
        verb: &'static str,
        /// `services`, `ipaddresspools.ferrolb.io`.
        resource: String,
        /// `in namespace a` or `in the whole cluster`.
        scope: String,
    },
    /// The kind is not served.
    #[error(
        "the cluster does not know {resource}: FerroLB is not installed in it, or an older version; \
         kubectl apply -k deploy/ installs it (its custom resources: kubectl apply -f deploy/crds/)"
    )]
    NoSuchKind {
        /// The plural with the group.
        resource: String,
    },
    /// The object does not exist.
    #[error("{resource} {name} does not exist")]
    NotFound {
        /// The plural.
        resource: String,
        /// The name.
        name: String,
    },
    /// Nobody knows us.
    #[error(
        "the cluster does not accept the credentials of the kubeconfig: {0}; log in again, or choose another --context"
    )]
    Unauthorized(String),
    /// No answer in time.
    #[error(
        "the API server {server} did not answer within {seconds} s; is it the right --context? --request-timeout waits longer"
    )]
    TimedOut {
        /// Its address.
        server: String,
        /// How long it was waited for.
        seconds: f32,
    },
    /// No connection.
    #[error("the API server {server} cannot be reached: {cause}; is it the right --context?")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why.
        cause: String,
    },
    /// The exec plugin or the tokens did not work.
    #[error("the credentials of the kubeconfig cannot be used: {0}")]
    Credentials(String),
    /// Anything else.
    #[error("{what} could not be read: {cause}")]
    Other {
        /// What.
        what: String,
        /// Why.
        cause: String,
    },
}

/// What was being read.
#[derive(Clone, Debug)]
pub(crate) struct What {
    pub(crate) verb: &'static str,
    /// The plural, with the group if it has one.
    pub(crate) resource: String,
    pub(crate) namespace: Option<String>,
    /// The object, if it was one.
    pub(crate) name: Option<String>,
    /// Where.
    pub(crate) server: String,
}

impl ReadError {
    /// What the client's error means to the person who asked.
    pub(crate) fn of(error: kube::Error, what: &What) -> Self {
        if let kube::Error::Api(status) = error {
            return Self::of_status(*status, what);
        }
        if let kube::Error::Auth(error) = &error {
            return Self::Credentials(causes(error));
        }
        if let kube::Error::Service(error) = &error {
            return Self::of_connection(error.as_ref(), what);
        }
        let cause = causes(&error);
        if matches!(error, kube::Error::HyperError(_)) {
            return Self::Unreachable { server: what.server.clone(), cause };
        }
        Self::Other { what: what.resource.clone(), cause }
    }

    fn of_connection(error: &(dyn std::error::Error + 'static), what: &What) -> Self {
        // The client's layers wrap their errors; that of the credentials is known by its type only.
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<kube::Error>()
                && matches!(error, kube::Error::Auth(_))
            {
                return Self::Credentials(causes(error));
            }
            if let Some(error) = error.downcast_ref::<kube::client::AuthError>() {
                return Self::Credentials(causes(error));
            }
            next = error.source();
        }
        Self::Unreachable { server: what.server.clone(), cause: causes(error) }
    }

    fn of_status(status: Status, what: &What) -> Self {
        match status.code {
            401 => Self::Unauthorized(status.message),
            403 => Self::Forbidden {
                user: user_of(&status.message),
                verb: what.verb,
                resource: what.resource.clone(),
                scope: match &what.namespace {
                    Some(namespace) => format!("in namespace {namespace}"),
                    None => "in the whole cluster".into(),
                },
            },
            404 => match &what.name {
                // The server names the object that is missing; a kind that is missing it does not know by name.
                Some(name) if status.details.as_ref().is_some_and(|details| !details.name.is_empty()) => {
                    Self::NotFound { resource: what.resource.clone(), name: name.clone() }
                }
                Some(_) | None => Self::NoSuchKind { resource: what.resource.clone() },
            },
            code => Self::Other {
                what: what.resource.clone(),
                cause: format!("the API server answers {code}: {}", status.message),
            },
        }
    }

    /// Whether all else would fail likewise.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Unauthorized(_)
            | Self::TimedOut { .. }
            | Self::Unreachable { .. }
            | Self::Credentials(_) => true,
            Self::Forbidden { .. } | Self::NoSuchKind { .. } | Self::NotFound { .. } | Self::Other { .. } => {
                false
            }
        }
    }
}

/// `User "jane"` of the server's `services is forbidden: User "jane" cannot list …`.
fn user_of(message: &str) -> String {
    let quoted = message.split_once("User \"").and_then(|(_, rest)| rest.split_once('"'));
    match quoted {
        Some((user, _)) => format!("user {user:?}"),
        None => "your user".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(name: Option<&str>) -> What {
        What {
            verb: "list",
            resource: "ipaddresspools.ferrolb.io".into(),
            namespace: None,
            name: name.map(Into::into),
            server: "https://192.0.2.1:6443".into(),
        }
    }

    fn status(code: u16, message: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status { code, message: message.into(), ..Status::default() }))
    }

    #[test]
    fn forbidden_names_user_verb_and_resource() {
        let message = "ipaddresspools.ferrolb.io is forbidden: User \"jane\" cannot list resource";
        let error = ReadError::of(status(403, message), &what(None)).to_string();
        assert!(
            error.starts_with("user \"jane\" may not list ipaddresspools.ferrolb.io in the whole cluster"),
            "{error}"
        );
    }

    #[test]
    fn a_kind_that_is_not_served_is_told_from_an_object_that_is_missing() {
        let error =
            ReadError::of(status(404, "the server could not find the requested resource"), &what(None));
        assert!(error.to_string().contains("kubectl apply -k deploy/"), "{error}");
        assert!(!error.is_fatal());
    }

    #[test]
    fn nothing_else_is_tried_once_nobody_knows_us() {
        assert!(ReadError::of(status(401, "Unauthorized"), &what(None)).is_fatal());
    }
}
