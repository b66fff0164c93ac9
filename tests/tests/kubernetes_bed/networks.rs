//! Each test has a network for itself.

use std::fs;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::network::{self, Namespace, NodeNetwork};
use evenkeel_tests::process::Process;
use tokio::task::spawn_blocking;

fn network_of_this_thread() -> Result<PathBuf> {
    Ok(fs::read_link("/proc/thread-self/ns/net")?)
}

#[test]
fn addresses_and_ports_are_free_in_every_network() {
    let outside = network_of_this_thread().unwrap();
    network::isolated(|| async {
        let _here = TcpListener::bind("10.96.0.1:6443").context("in the first network")?;
        network::isolated(|| async {
            TcpListener::bind("10.96.0.1:6443").context("in the second network")?;
            Ok(())
        })?;
        ensure!(network_of_this_thread()? != outside);
        Ok(())
    })
    .unwrap();
    assert_eq!(network_of_this_thread().unwrap(), outside);
}

#[test]
fn what_a_test_starts_is_inside() {
    network::isolated(|| async {
        let inside = network_of_this_thread()?;
        ensure!(tokio::spawn(async { network_of_this_thread() }).await?? == inside, "a task");
        ensure!(spawn_blocking(network_of_this_thread).await?? == inside, "the blocking pool");
        let listed = links_seen_by_a_child()?;
        ensure!(listed.lines().count() == 1 && listed.contains("lo"), "a child sees {listed}");
        Ok(())
    })
    .unwrap();
}

fn links_seen_by_a_child() -> Result<String> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("ip");
    command.args(["-brief", "link"]);
    let mut child = Process::spawn("ip", command, &folder.path().join("log"))?;
    child.wait(Duration::from_secs(10))?;
    Ok(child.log())
}

#[test]
fn a_namespace_reaches_no_other() {
    let [one, two] = [Namespace::new().unwrap(), Namespace::new().unwrap()];
    let server = one.run(|| Ok(TcpListener::bind("127.0.0.1:0")?)).unwrap();
    let address = server.local_addr().unwrap();
    let connect = || Ok(TcpStream::connect(address).is_ok());
    assert_eq!((one.run(connect).unwrap(), two.run(connect).unwrap()), (true, false));
}

#[test]
fn a_pod_is_reached_at_its_address_from_everywhere() {
    network::isolated(|| async {
        let nodes = NodeNetwork::new(2)?;
        let [pod, beside, elsewhere] = [nodes.pod(1, 1)?, nodes.pod(1, 2)?, nodes.pod(2, 1)?];
        let (own, other) = (nodes.node(1)?, nodes.node(2)?);
        let server = pod.namespace().run(|| Ok(TcpListener::bind((pod.address(), 0))?))?;
        let address = server.local_addr()?;
        let connect = || Ok(TcpStream::connect_timeout(&address, Duration::from_secs(5))?.local_addr()?.ip());
        ensure!(connect()? == IpAddr::from([10, 1, 0, 254]), "from outside");
        ensure!(own.run(connect)? == IpAddr::from([10, 1, 0, 1]), "from its node");
        ensure!(other.run(connect)? == IpAddr::from([10, 1, 0, 2]), "from another node");
        ensure!(beside.namespace().run(connect)? == beside.address(), "from a pod beside it");
        ensure!(elsewhere.namespace().run(connect)? == elsewhere.address(), "from another node's pod");
        Ok(())
    })
    .unwrap();
}

#[test]
fn the_error_of_a_test_is_its_result() {
    let result = network::isolated(|| async { anyhow::bail!("as it should") });
    assert_eq!(result.unwrap_err().to_string(), "as it should");
}
