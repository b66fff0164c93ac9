//! Accepts connections and hands their requests to [`super::answer`].

use std::io;
use std::sync::Arc;

use anyhow::Result;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::answer::{Body, answer};
use super::record::{Record, ServedConnection};
use super::{CONNECTION_HEADER, Certificate, Options};

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Server {
    record: Arc<Record>,
    tls: Option<TlsAcceptor>,
    drop_every: Option<u64>,
}

impl Server {
    pub(super) fn new(options: &Options, record: Arc<Record>) -> Result<Self> {
        let tls = options.certificate.as_ref().map(Certificate::server_config).transpose()?;
        Ok(Self { record, tls: tls.map(TlsAcceptor::from), drop_every: options.drop_every })
    }

    pub(super) async fn run(self, listener: TcpListener) {
        loop {
            // Accepting fails for one connection at a time (reset in the queue, no descriptor free).
            if let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.clone().connection(stream));
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        let connection = self.record.accept();
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.requests(stream, &connection).await,
            Some(tls) => {
                if let Ok(stream) = tls.accept(stream).await {
                    self.requests(stream, &connection).await;
                }
            }
        }
        connection.closed();
    }

    async fn requests<S>(self, stream: S, connection: &Arc<ServedConnection>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(|request| self.clone().request(request, Arc::clone(connection)));
        let builder = auto::Builder::new(TokioExecutor::new());
        // How a connection ends is the client's business; what it got is judged there.
        let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
    }

    async fn request(
        self,
        request: Request<Incoming>,
        connection: Arc<ServedConnection>,
    ) -> io::Result<Response<Body>> {
        let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let number = self.record.note(id, &connection);
        if self.drop_every.is_some_and(|every| number.is_multiple_of(every)) {
            return Err(io::Error::other("dropped on purpose"));
        }
        let mut response = answer(request).await.map_err(io::Error::other)?;
        response.headers_mut().insert(CONNECTION_HEADER, HeaderValue::from(connection.number()));
        Ok(response)
    }
}
