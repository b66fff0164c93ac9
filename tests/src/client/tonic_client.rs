//! tonic's `Channel`, with and without a retry of calls that were never sent.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::connector::CountingConnector;
use super::drive::{causes, drive, on_own_threads, reason};
use super::{Kind, Load, Outcome, STREAM_MESSAGES, STREAM_MILLIS};

/// How often a call that was never sent is made again.
const ATTEMPTS: u32 = 5;

pub(super) async fn run(load: &Load, retry: bool) -> Result<Outcome> {
    let load = load.clone();
    on_own_threads(load.threads, async move || calls(&load, retry).await).await
}

async fn calls(load: &Load, retry: bool) -> Result<Outcome> {
    let dials = Arc::new(AtomicU64::new(0));
    let channel = connect(load.target, &dials).await?;
    let (kind, attempts) = (load.kind, if retry { ATTEMPTS } else { 1 });
    let sent = drive(load, move |id| call(channel.clone(), kind, id, attempts)).await?;
    Ok(Outcome { dials: Some(dials.load(Ordering::Relaxed)), ..sent })
}

async fn connect(target: SocketAddr, dials: &Arc<AtomicU64>) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{target}"))?;
    endpoint
        .connect_with_connector(CountingConnector::new(dials))
        .await
        .with_context(|| format!("cannot connect to {target}"))
}

async fn call(channel: Channel, kind: Kind, id: String, attempts: u32) -> Result<(), String> {
    let mut attempt = 1;
    loop {
        match attempt_call(channel.clone(), kind, &id).await {
            Err(status) if attempt < attempts && was_never_sent(&status) => attempt += 1,
            done => return done.map_err(|status| describe(&status)),
        }
    }
}

async fn attempt_call(channel: Channel, kind: Kind, id: &str) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let mut request = Request::new(Bytes::from(id.to_owned()));
    let id_value = id.parse().map_err(|_| Status::invalid_argument("not an id"))?;
    request.metadata_mut().insert("x-request-id", id_value);
    request.metadata_mut().insert("x-stream-millis", STREAM_MILLIS.into());
    let answers = if kind == Kind::Unary { unary(grpc, request).await? } else { stream(grpc, request).await? };
    let expected = if kind == Kind::Unary { 1 } else { STREAM_MESSAGES };
    let right = answers.len() == expected && answers.iter().all(|answer| answer == id.as_bytes());
    if right { Ok(()) } else { Err(Status::data_loss(format!("{} wrong answers", answers.len()))) }
}

async fn unary(mut grpc: Grpc<Channel>, request: Request<Bytes>) -> Result<Vec<Bytes>, Status> {
    let path = PathAndQuery::from_static("/evenkeel.Echo/Unary");
    Ok(vec![grpc.unary(request, path, Opaque).await?.into_inner()])
}

async fn stream(mut grpc: Grpc<Channel>, request: Request<Bytes>) -> Result<Vec<Bytes>, Status> {
    let path = PathAndQuery::from_static("/evenkeel.Echo/Stream");
    let mut messages = grpc.server_streaming(request, path, Opaque).await?.into_inner();
    let mut answers = Vec::new();
    while let Some(message) = messages.message().await? {
        answers.push(message);
    }
    Ok(answers)
}

/// hyper calls a request canceled when its connection went away before the request was sent.
///
/// Making such a call again is safe for any method, and is what hyper-util's own client does by default.
fn was_never_sent(status: &Status) -> bool {
    let mut causes = status.source().into_iter().flat_map(causes);
    causes.any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled))
}

fn describe(status: &Status) -> String {
    let causes = status.source().map(reason).unwrap_or_default();
    format!("{:?}: {}: {causes}", status.code(), status.message())
}

/// Messages are bytes that nobody looks into.
#[derive(Clone, Copy, Debug, Default)]
struct Opaque;

impl Codec for Opaque {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Opaque {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Opaque {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
