//! TCP connections that die with their peer, and on which nothing leaves while it must not.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower::{Service, ServiceExt as _};

use super::REQUEST_TIMEOUT;

/// Silence on a connection after which the kernel asks whether the peer is still there, and between two such questions.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// Questions without an answer after which the connection is dead.
const KEEPALIVE_RETRIES: u32 = 2;

/// Whether bytes may leave. Asked right before each write to a socket, so that a request that waited in this process,
/// for a connection or because the process was frozen, is dropped rather than sent too late.
#[derive(Clone)]
pub struct Gate(Arc<dyn Fn() -> bool + Send + Sync>);

impl Gate {
    /// A gate that `may_pass` opens and closes.
    pub fn new(may_pass: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(may_pass))
    }

    /// A gate that is never closed.
    pub fn open() -> Self {
        Self::new(|| true)
    }

    fn pass(&self) -> io::Result<()> {
        if (self.0)() {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "this process may not write any more"))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gate").field("open", &(self.0)()).finish()
    }
}

/// Makes TCP connections. What was sent and not acknowledged within [`REQUEST_TIMEOUT`] ends the connection, so that the
/// kernel does not deliver a request long after its sender has given it up.
pub(super) fn connector(
    gate: Gate,
) -> impl Service<
    Uri,
    Response = Gated<TokioIo<TcpStream>>,
    Error = <HttpConnector as Service<Uri>>::Error,
    Future: Send + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(REQUEST_TIMEOUT));
    connector.set_tcp_user_timeout(Some(REQUEST_TIMEOUT));
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    connector.map_response(move |stream| Gated { stream, gate: gate.clone() })
}

/// A connection behind a gate.
pub(super) struct Gated<S> {
    stream: S,
    gate: Gate,
}

impl<S: Connection> Connection for Gated<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl<S: Read + Unpin> Read for Gated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for Gated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.gate.pass()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.gate.pass()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
