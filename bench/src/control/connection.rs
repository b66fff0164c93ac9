//! A proxy's connection to the control plane.
//!
//! Envoy writes a report at one go. tonic's client writes its headers and its message one after the other: that would
//! cost the control plane a second read.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use h2::RecvStream;
use h2::client::{self, SendRequest};
use http::{HeaderMap, Request, Response, Uri};
use prost::Message;
use tokio::net::TcpSocket;

const METHOD: &str = "/evenkeel.rebalance.v1.Rebalance/Report";
/// In front of a gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Open as long as this lives.
#[derive(Debug)]
pub struct Connection {
    requests: SendRequest<Bytes>,
    uri: Uri,
}

impl Connection {
    /// Connects from the address of a proxy.
    pub async fn open(server: SocketAddr, source: IpAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::new(source, 0))?;
        let stream = socket.connect(server).await.with_context(|| format!("{source} cannot connect"))?;
        stream.set_nodelay(true)?;
        let (requests, connection) = client::handshake(stream).await?;
        tokio::spawn(connection);
        Ok(Self { requests, uri: format!("http://{server}{METHOD}").parse()? })
    }

    /// Sends a report and returns the answer.
    pub async fn report(&self, report: &ReportRequest) -> Result<Directive> {
        let request = Request::post(&self.uri).header("content-type", "application/grpc").header("te", "trailers");
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut body) = requests.send_request(request.body(())?, false)?;
        body.send_data(framed(report)?, true)?;
        answer(response.await?).await
    }
}

fn framed(report: &ReportRequest) -> Result<Bytes> {
    let mut bytes = BytesMut::with_capacity(PREFIX + report.encoded_len());
    bytes.put_u8(0);
    bytes.put_u32(report.encoded_len().try_into()?);
    report.encode(&mut bytes)?;
    Ok(bytes.freeze())
}

async fn answer(response: Response<RecvStream>) -> Result<Directive> {
    let (head, mut body) = response.into_parts();
    check(&head.headers)?;
    let mut bytes = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        bytes.extend_from_slice(&data);
    }
    check(&body.trailers().await?.context("no trailers")?)?;
    Ok(Directive::decode(bytes.get(PREFIX..).context("no message")?)?)
}

/// A status is in the trailers; of an answer that has no message, in the headers.
fn check(headers: &HeaderMap) -> Result<()> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let status = text("grpc-status").unwrap_or("0".into());
    ensure!(status == "0", "status {status}: {}", text("grpc-message").unwrap_or_default());
    Ok(())
}
