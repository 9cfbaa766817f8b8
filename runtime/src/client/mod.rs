//! The Kubernetes client: connections that notice a dead peer, requests that end.

mod connection;
mod request;

pub use connection::Gate;
pub(crate) use request::MAX_ANSWER;
pub use request::{Refusal, RequestError, ask, bounded, open};

use std::time::Duration;

use http::Request;
use hyper_util::{client::legacy, rt::TokioExecutor};
use kube::{
    Client, Config,
    client::{Body, ConfigExt as _},
};
use tower::{BoxError, ServiceBuilder};

/// How long one request may take before its outcome counts as unknown.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the cluster is that this process runs in, or the one that `KUBECONFIG` names.
///
/// # Errors
/// No cluster was found, or its certificate or credentials cannot be read.
pub async fn cluster() -> anyhow::Result<Config> {
    Ok(Config::infer().await?)
}

/// A client of [`cluster`].
///
/// # Errors
/// As [`cluster`] and [`connect_to`].
pub async fn connect() -> anyhow::Result<Client> {
    connect_to(cluster().await?, Gate::open())
}

/// A client of the cluster that `config` names. Each client has connections of its own, so that a flood on one cannot
/// delay another; nothing leaves on them while `gate` is closed. Nothing is retried here: only the caller knows which
/// requests may be sent twice.
///
/// # Errors
/// The certificate or the credentials cannot be read, or a proxy is asked for.
pub fn connect_to(config: Config, gate: Gate) -> anyhow::Result<Client> {
    if let Some(proxy) = &config.proxy_url {
        anyhow::bail!(
            "the proxy {proxy} of the kubeconfig or of HTTPS_PROXY is not supported: name the API server in NO_PROXY"
        );
    }
    let connector = config.rustls_https_connector_with_connector(connection::connector(gate))?;
    let connections = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .map_request(|request: Request<Body>| request)
        .service(connections);
    Ok(Client::new(service, config.default_namespace))
}
