//! The program that is shipped, with its flags for Kubernetes.

use crate::followed::{api_server, eventually};
use evenkeel::source::kubernetes::Kind;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;
use evenkeel_proto::envoy::service::endpoint::v3::endpoint_discovery_service_client::EndpointDiscoveryServiceClient;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;
use tonic::{Code, Status};

/// Nothing else listens there, so that a port that is free stays free.
const LOOPBACK: &str = "127.0.0.83:0";

struct Program {
    child: Child,
    xds: SocketAddr,
    admin: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without anything that would tell it of a cluster.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(["serve", "--xds-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0"]).args(arguments);
    command
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env("HOME", "/nowhere")
        .stderr(Stdio::null());
    command
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| addresses[name].as_str().unwrap().parse().unwrap();
        Self { xds: address("xds"), admin: address("admin"), child }
    }

    /// Status line and body.
    fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    /// How a stream for an endpoint begins.
    async fn stream(&self) -> Result<Vec<String>, Status> {
        let mut client = EndpointDiscoveryServiceClient::connect(format!("http://{}", self.xds)).await.unwrap();
        let resource_names = vec!["pods/default/web:80".to_owned()];
        let first = DiscoveryRequest { node: Some(Node::default()), resource_names, ..DiscoveryRequest::default() };
        let requests = tokio_stream::StreamExt::chain(tokio_stream::once(first), tokio_stream::pending());
        let mut responses = client.stream_endpoints(requests).await?.into_inner();
        let response = responses.message().await?.unwrap();
        Ok(response.resources.into_iter().map(|resource| resource.type_url).collect())
    }
}

fn kubeconfig(directory: &TempDir, server: SocketAddr) -> PathBuf {
    let path = directory.path().join("config");
    let content = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: \"http://{server}\"}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{}}}}]\n"
    );
    fs::write(&path, content).unwrap();
    path
}

fn flag(path: &Path) -> [&str; 2] {
    ["--kubeconfig", path.to_str().unwrap()]
}

#[tokio::test]
async fn without_an_api_server_it_lives_and_is_not_ready_and_with_one_it_serves() {
    let address = TcpListener::bind(LOOPBACK).unwrap().local_addr().unwrap();
    let directory = TempDir::new().unwrap();
    let path = kubeconfig(&directory, address);
    let program = Program::start(&flag(&path));
    eventually(|| program.get("/readyz").1.matches("Connection refused").count() == Kind::ALL.len()).await;
    assert_eq!(program.get("/livez").0, "HTTP/1.0 200 OK");
    let (status, body) = program.get("/readyz");
    assert_eq!(status, "HTTP/1.0 503 Service Unavailable");
    assert!(body.starts_with("source: Services: not listed yet: "), "{body}");
    assert_eq!(program.stream().await.unwrap_err().code(), Code::Unavailable);

    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    tokio::spawn(axum::serve(listener, api_server().routes()).into_future());
    eventually(|| program.get("/readyz").1 == "ok\n").await;
    assert_eq!(program.stream().await.unwrap(), [evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT]);
}

fn failed(arguments: &[&str], code: i32) -> String {
    let Output { status, stderr, .. } = command(arguments).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(status.code(), Some(code));
    String::from_utf8(stderr).unwrap()
}

#[test]
fn without_any_cluster_it_says_what_to_give() {
    let error = failed(&[], 1);
    assert!(error.contains("no cluster was found: give --file CLUSTER.yaml, or --kubeconfig PATH"), "{error}");
}

#[test]
fn a_kubeconfig_or_context_that_cannot_be_used_is_named() {
    let error = failed(&["--kubeconfig", "/nowhere/config"], 1);
    assert!(error.contains("--kubeconfig /nowhere/config: failed to read kubeconfig"), "{error}");
    let directory = TempDir::new().unwrap();
    let path = kubeconfig(&directory, LOOPBACK.parse().unwrap());
    let error = failed(&[&flag(&path)[..], &["--context", "elsewhere"]].concat(), 1);
    assert!(error.contains("failed to load current context: elsewhere"), "{error}");
    let error = failed(&["--context", "elsewhere"], 1);
    assert!(error.contains("--context elsewhere: ") && error.contains("with --kubeconfig or KUBECONFIG"), "{error}");
}

#[test]
fn there_is_one_source() {
    for other in ["--kubeconfig", "--context", "--namespace", "--selector"] {
        let error = failed(&["--file", "cluster.yaml", other, "value"], 2);
        assert!(error.contains("cannot be used with"), "{error}");
    }
}
