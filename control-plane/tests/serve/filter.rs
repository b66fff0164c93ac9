//! The port from which proxies fetch the filter: in this process with narrow limits, and as the program opens it.

use crate::client::PATIENCE;
use crate::program::{Program, command, directory};
use bytes::Bytes;
use evenkeel::filter_module::{FilterModule, FilterModules, Limits, serve};
use evenkeel::xds::server::bind;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, RETRY_AFTER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More than the buffers of two sockets hold.
const LARGE: usize = 32 << 20;

fn module(size: usize) -> FilterModule {
    FilterModule::new([&b"\0asm\x01\0\0\0"[..], &vec![7; size]].concat()).unwrap()
}

fn start(modules: Vec<FilterModule>, limits: Limits) -> SocketAddr {
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, FilterModules::new(modules).unwrap(), limits));
    address
}

async fn send(address: SocketAddr, method: Method, path: &str, headers: HeaderMap) -> Response<Bytes> {
    let connection = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (mut sender, connection) = http1::handshake(connection).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header(HOST, "evenkeel");
    request.headers_mut().unwrap().extend(headers);
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap());
    let (head, body) = timeout(PATIENCE, response).await.unwrap().unwrap().into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

async fn get(address: SocketAddr, path: &str) -> Response<Bytes> {
    send(address, Method::GET, path, HeaderMap::new()).await
}

fn header(response: &Response<Bytes>, name: http::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Whether the server ends the connection.
async fn ends(mut connection: TcpStream) -> bool {
    timeout(PATIENCE, connection.read_to_end(&mut Vec::new())).await.is_ok()
}

#[tokio::test]
async fn the_filter_may_be_kept_for_ever() {
    let module = module(100_000);
    let address = start(vec![module.clone()], Limits::default());
    let whole = get(address, &module.path()).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(FilterModule::new(whole.body().clone()).unwrap(), module);
    let head = send(address, Method::HEAD, &module.path(), HeaderMap::new()).await;
    assert!(head.body().is_empty());
    for response in [&whole, &head] {
        assert_eq!(header(response, CONTENT_TYPE), "application/wasm");
        assert_eq!(header(response, CONTENT_LENGTH), "100008");
        assert_eq!(header(response, CACHE_CONTROL), "public, max-age=31536000, immutable");
        assert_eq!(header(response, ETAG), format!("\"{}\"", module.sha256()));
    }
}

#[tokio::test]
async fn who_has_it_does_not_get_it_again() {
    let module = module(10);
    let address = start(vec![module.clone()], Limits::default());
    for (known, status) in [
        (format!("\"{}\"", module.sha256()), StatusCode::NOT_MODIFIED),
        (format!("\"other\", W/\"{}\"", module.sha256()), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"other\"".to_owned(), StatusCode::OK),
    ] {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, known.parse().unwrap())]);
        let response = send(address, Method::GET, &module.path(), headers).await;
        assert_eq!(response.status(), status, "{known}");
        assert_eq!(response.body().is_empty(), status == StatusCode::NOT_MODIFIED);
    }
}

/// Istio's agent tries again after a 503, and another replica may have it; after a 404 it does not.
#[tokio::test]
async fn what_is_not_here_is_said_in_words() {
    let (new, old, unknown) = (module(1), module(2), module(3));
    let address = start(vec![new.clone(), old.clone()], Limits::default());
    assert_eq!(get(address, &old.path()).await.status(), StatusCode::OK);
    let (unknown, unnamed) = (unknown.path(), new.path());
    let nowhere = ["/", "/filter/", "/filter/x.wasm", unnamed.trim_end_matches(".wasm")];
    let nowhere = nowhere.map(|path| (path, StatusCode::NOT_FOUND));
    for (path, status) in nowhere.into_iter().chain([(unknown.as_str(), StatusCode::SERVICE_UNAVAILABLE)]) {
        let response = get(address, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(&response, RETRY_AFTER).is_empty(), status == StatusCode::NOT_FOUND);
        assert_eq!(header(&response, CACHE_CONTROL), "no-store", "it may come");
        let text = String::from_utf8(response.into_body().to_vec()).unwrap();
        assert_eq!(text, format!("this replica does not have it; the filter that it has is {}\n", new.path()));
    }
    let posted = send(address, Method::POST, &new.path(), HeaderMap::new()).await;
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_reads_too_slowly_or_says_nothing_is_cut_off_and_makes_room() {
    let large = module(LARGE);
    let limits = Limits { connections: 2, silence: Duration::from_millis(300), age: Duration::from_secs(1) };
    let address = start(vec![large.clone()], limits);
    let silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nhost: evenkeel\r\n\r\n", large.path());
    slow.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    slow.read_exact(&mut first).await.unwrap();
    // Both places are taken: this one waits in the backlog.
    assert_eq!(get(address, "/").await.status(), StatusCode::NOT_FOUND);
    assert!(ends(silent).await);
    // Not read until now, when it is too late for the whole.
    tokio::time::sleep(limits.age).await;
    let mut rest = Vec::new();
    // A connection that was cut off may end with a reset.
    let _ = timeout(PATIENCE, slow.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.len() < LARGE, "{} bytes", rest.len());
}

#[tokio::test]
async fn the_program_serves_the_file_that_it_is_given() {
    let (directory, file) = directory();
    let path = directory.path().join("filter.wasm");
    fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    let flags = ["--filter-address", "127.0.0.1:0", "--filter-module"];
    let program = Program::of(command(&file).args(flags).arg(&path));
    let module = FilterModule::new(fs::read(&path).unwrap()).unwrap();
    assert_eq!(get(program.filter.unwrap(), &module.path()).await.status(), StatusCode::OK);
    assert_eq!(get(program.filter.unwrap(), "/metrics").await.status(), StatusCode::NOT_FOUND);
}

#[test]
fn a_file_that_is_no_filter_is_refused_at_the_start() {
    let (directory, file) = directory();
    let wrong = directory.path().join("filter.wasm");
    fs::write(&wrong, "<html>").unwrap();
    let says = |module: &str| {
        let output = command(&file).args(["--filter-module", module]).stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let problem = says(&wrong.display().to_string());
    assert!(
        problem.contains("--filter-module ") && problem.contains("no WebAssembly module of version 1"),
        "{problem}"
    );
    assert!(says("missing.wasm").contains("--filter-module missing.wasm: No such file"));
}
