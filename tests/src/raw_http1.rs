//! A raw HTTP/1.1 client: sees the head as it is on the wire, and the end of the connection.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection, one request at a time.
#[derive(Debug)]
pub struct RawHttp1 {
    stream: BufReader<TcpStream>,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, and their values, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this (lower case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether the server says that this is the connection's last answer.
    pub fn closes_connection(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl RawHttp1 {
    /// Opens a connection and sends nothing yet.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// As [`Self::connect`], with a first line that says where the connection came from and was going (version 1 of the
    /// PROXY protocol, <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>).
    pub async fn connect_by_proxy_protocol(
        address: SocketAddr,
        source: SocketAddr,
        destination: SocketAddr,
    ) -> Result<Self> {
        let mut connection = Self::connect(address).await?;
        let (from, to) = ((source.ip(), source.port()), (destination.ip(), destination.port()));
        let line = format!("PROXY TCP4 {} {} {} {}\r\n", from.0, to.0, from.1, to.1);
        connection.stream.get_mut().write_all(line.as_bytes()).await?;
        Ok(connection)
    }

    /// Sends `GET path` with these headers and reads the whole answer.
    ///
    /// # Errors
    /// When the connection ends first, or the answer is not complete within 10 s.
    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        self.send(path, headers).await?;
        timeout(PATIENCE, self.answer()).await.context("no answer in time")?
    }

    /// Sends `GET path` without waiting for the answer.
    pub async fn send(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<()> {
        let mut head = format!("GET {path} HTTP/1.1\r\nhost: evenkeel.test\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        Ok(self.stream.get_mut().write_all(head.as_bytes()).await?)
    }

    /// Sends any bytes.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes).await?)
    }

    /// Reads the answer to the oldest request that has none.
    pub async fn answer(&mut self) -> Result<Answer> {
        let mut answer = self.head().await?;
        answer.body = match (answer.header("content-length"), answer.header("transfer-encoding")) {
            (Some(length), _) => self.bytes(length.parse()?).await?,
            (None, Some(_)) => self.chunks().await?,
            (None, None) => Vec::new(),
        };
        Ok(answer)
    }

    /// Waits until the server ends the connection.
    ///
    /// # Errors
    /// When it still stands after `patience`, or bytes come that nobody asked for.
    pub async fn wait_for_end(&mut self, patience: Duration) -> Result<()> {
        let read = timeout(patience, self.stream.read_u8()).await;
        match read.with_context(|| format!("the connection still stands after {patience:?}"))? {
            Err(_) => Ok(()),
            Ok(byte) => bail!("the server sent {byte:#x} instead of ending the connection"),
        }
    }

    /// Reads the head of an answer: all that there is of one to HEAD.
    pub async fn head(&mut self) -> Result<Answer> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("not a status line: {first:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(Answer { status, headers, body: Vec::new() });
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line).await? > 0, "the connection ended before the answer did");
        Ok(line.trim_end().to_owned())
    }

    async fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line().await?, 16).context("not a chunk's length")?;
            if length == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.bytes(length).await?);
            self.line().await?;
        }
    }
}
