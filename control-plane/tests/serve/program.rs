//! The program as it is shipped: files, signals, exit codes, the admin port.

use crate::client::{Client, PATIENCE, TRANSPORTS, Transport};
use crate::server::{GATEWAY, only_gateway, sum};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tonic::Code;

pub struct Program {
    child: Child,
    pub xds: SocketAddr,
    pub admin: SocketAddr,
    pub filter: Option<SocketAddr>,
}

impl Program {
    pub fn start(file: &Path) -> Self {
        Self::of(&mut command(file))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| addresses[name].as_str().map(|address| address.parse().unwrap());
        Self { xds: address("xds").unwrap(), admin: address("admin").unwrap(), filter: address("filter"), child }
    }

    pub async fn client(&self) -> Client {
        let mut client = Client::open(self.xds, Transport::EdsDelta).await.unwrap();
        client.subscribe(GATEWAY).await;
        client
    }

    /// Status line and body.
    pub fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn metric(&self, name: &str) -> f64 {
        sum(&self.get("/metrics").1, name)
    }

    pub async fn wait_for(&self, name: &str, value: f64) {
        let since = Instant::now();
        while (self.metric(name) - value).abs() > f64::EPSILON {
            assert!(since.elapsed() < PATIENCE, "{name} did not become {value}: {}", self.get("/metrics").1);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    async fn exit(&mut self) -> ExitStatus {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(since.elapsed() < PATIENCE, "the program does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(file: &Path) -> Command {
    command_on("127.0.0.1:0", file)
}

pub fn command_on(xds_address: &str, file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args(["serve", "--xds-address", xds_address, "--admin-address", "127.0.0.1:0", "--file"]).arg(file);
    command.stderr(Stdio::null());
    command
}

fn content(ports: &[u16]) -> String {
    let endpoints: Vec<String> =
        ports.iter().map(|port| format!("{{address: 127.0.0.1, ports: {{http: {port}}}}}")).collect();
    format!(
        "services:\n- name: gateway\n  ports: [{{name: http, port: 80}}]\n  endpoints: [{}]\n",
        endpoints.join(", ")
    )
}

pub fn directory() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("cluster.yaml");
    fs::write(&file, content(&[8080])).unwrap();
    (directory, file)
}

#[tokio::test]
async fn a_file_that_goes_wrong_is_reported_and_the_last_good_one_stays_until_it_is_right() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    let mut client = program.client().await;
    assert_eq!(client.accepted().await, only_gateway(&["127.0.0.1:8080"]));

    fs::write(&file, "services: [{name: gateway, prots: []}]").unwrap();
    program.wait_for("evenkeel_source_last_reload_failed", 1.0).await;
    assert_eq!(program.client().await.accepted().await, only_gateway(&["127.0.0.1:8080"]));
    assert_eq!(program.get("/readyz"), ("HTTP/1.0 200 OK".to_owned(), "ok\n".to_owned()));

    fs::write(&file, content(&[8080, 8081])).unwrap();
    assert_eq!(client.accepted().await, only_gateway(&["127.0.0.1:8080", "127.0.0.1:8081"]));
    program.wait_for("evenkeel_source_last_reload_failed", 0.0).await;
    program.wait_for("evenkeel_source_reloads_total{outcome=\"failed\"}", 1.0).await;
}

#[tokio::test]
async fn a_file_that_vanishes_is_reported_and_empties_nothing() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    fs::remove_file(&file).unwrap();
    program.wait_for("evenkeel_source_last_reload_failed", 1.0).await;
    assert_eq!(program.client().await.accepted().await, only_gateway(&["127.0.0.1:8080"]));
    fs::write(&file, content(&[8080])).unwrap();
    program.wait_for("evenkeel_source_last_reload_failed", 0.0).await;
}

#[tokio::test]
async fn a_file_that_is_written_in_pieces_is_taken_when_it_is_complete() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    let mut client = program.client().await;
    client.accepted().await;
    let whole = content(&[8081, 8082, 8083]);
    let mut open = fs::File::create(&file).unwrap();
    for piece in whole.as_bytes().chunks(whole.len() / 4) {
        open.write_all(piece).unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    drop(open);
    assert_eq!(client.accepted().await, only_gateway(&["127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"]));
    assert!(program.metric("evenkeel_source_reloads_total{outcome=\"failed\"}").abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_file_renamed_into_place_is_taken() {
    let (directory, file) = directory();
    let program = Program::start(&file);
    let mut client = program.client().await;
    client.accepted().await;
    for port in 8081..8086 {
        let new = directory.path().join("new.yaml");
        fs::write(&new, content(&[port])).unwrap();
        fs::rename(&new, &file).unwrap();
        assert_eq!(client.accepted().await, only_gateway(&[&format!("127.0.0.1:{port}")]));
    }
}

/// The kubelet's way: `cluster.yaml -> ..data/cluster.yaml`, `..data -> ..1`, and `..data` is swapped by a rename.
#[tokio::test]
async fn a_config_map_that_is_swapped_is_taken() {
    let directory = TempDir::new().unwrap();
    let version = |number: u16| {
        let name = format!("..{number}");
        fs::create_dir(directory.path().join(&name)).unwrap();
        fs::write(directory.path().join(&name).join("cluster.yaml"), content(&[8080 + number])).unwrap();
        symlink(&name, directory.path().join("..data_tmp")).unwrap();
        fs::rename(directory.path().join("..data_tmp"), directory.path().join("..data")).unwrap();
    };
    version(1);
    let file = directory.path().join("cluster.yaml");
    symlink("..data/cluster.yaml", &file).unwrap();
    let program = Program::start(&file);
    let mut client = program.client().await;
    assert_eq!(client.accepted().await, only_gateway(&["127.0.0.1:8081"]));
    for number in 2..5 {
        version(number);
        assert_eq!(client.accepted().await, only_gateway(&[&format!("127.0.0.1:{}", 8080 + number)]));
    }
}

#[tokio::test]
async fn a_signal_ends_all_streams_and_then_the_program() {
    for signal in ["TERM", "INT"] {
        let (_directory, file) = directory();
        let mut program = Program::start(&file);
        let mut clients = Vec::new();
        for transport in TRANSPORTS {
            let mut client = Client::open(program.xds, transport).await.unwrap();
            client.subscribe(GATEWAY).await;
            client.accepted().await;
            clients.push(client);
        }
        program.signal(signal);
        for client in &mut clients {
            assert_eq!(client.response().await.unwrap_err().code(), Code::Unavailable);
        }
        assert!(program.exit().await.success());
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_hold_up_the_end() {
    let (_directory, file) = directory();
    // More than a client takes in without being read.
    fs::write(&file, content(&(1..=20_000).collect::<Vec<u16>>())).unwrap();
    let mut program = Program::start(&file);
    let _unread = program.client().await;
    program.wait_for("evenkeel_xds_pushes_total", 1.0).await;
    program.signal("TERM");
    assert!(program.exit().await.success());
}

#[test]
fn a_file_that_is_missing_or_wrong_at_the_start_is_an_exit_code_of_1_and_a_reason() {
    let (directory, file) = directory();
    let failed = |file: &Path| {
        let output = command(file).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = failed(&directory.path().join("missing.yaml"));
    assert!(missing.contains("missing.yaml: the file cannot be read: No such file"), "{missing}");
    fs::write(&file, "services: [{name: gateway, prots: []}]").unwrap();
    let wrong = failed(&file);
    assert!(wrong.contains("cluster.yaml: line 1, column 28: services[0].prots: unknown field `prots`"), "{wrong}");
}
