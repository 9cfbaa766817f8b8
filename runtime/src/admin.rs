//! The admin server: `/metrics`, `/healthz`, `/readyz`.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text, registry::Registry};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// What the admin server tells.
pub struct Admin {
    /// Every metric.
    pub registry: Registry,
    /// Whether the process works at all; kubelet restarts it while not. The error says what is wrong.
    pub healthy: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Whether it does its job by now. The error says what it waits for.
    pub ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
}

/// Serves until the process ends.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(address: SocketAddr, admin: Admin) -> anyhow::Result<()> {
    let listener = listen(address).map_err(|error| {
        anyhow::anyhow!(
            "the admin address {address} cannot be listened on ({error}): free it or set --admin-address"
        )
    })?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|State(admin): State<Arc<Admin>>| async move { verdict((admin.healthy)()) }))
        .route("/readyz", get(|State(admin): State<Arc<Admin>>| async move { verdict((admin.ready)()) }))
        .with_state(Arc::new(admin));
    axum::serve(listener, router).await?;
    Ok(())
}

/// `[::]` means every address of either family, whatever the machine's default is, also where it has no IPv6.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match listen_at(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && error.kind() != io::ErrorKind::AddrInUse => {
            listen_at((Ipv4Addr::UNSPECIFIED, address.port()).into()).map_err(|_| error)
        }
        result => result,
    }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut body = String::new();
    match text::encode(&mut body, &admin.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPENMETRICS)], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn verdict(verdict: Result<(), String>) -> Response {
    match verdict {
        Ok(()) => "ok\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn all_addresses_are_those_of_both_families() {
        let listener = listen("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error_whatever_the_family() {
        let first = listen("[::]:0".parse().unwrap()).unwrap();
        let port = first.local_addr().unwrap().port();
        assert_eq!(
            listen((Ipv6Addr::UNSPECIFIED, port).into()).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
    }
}
