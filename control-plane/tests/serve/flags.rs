//! The flags of `evenkeel serve` for the xDS port, and `/v1/clients` of the program.

use crate::certificates::{Authority, Secret};
use crate::program::{Program, command_on, directory};
use crate::server::GATEWAY;
use std::process::{Command, Stdio};

/// What the program says when it does not start with these arguments.
fn refused(arguments: &[&str]) -> String {
    refused_on("127.0.0.1:0", arguments)
}

fn refused_on(address: &str, arguments: &[&str]) -> String {
    let (_directory, file) = directory();
    let output = command_on(address, &file).args(arguments).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn clear_text_that_others_can_reach_needs_a_decision() {
    let refused = refused_on("0.0.0.0:0", &[]);
    assert!(refused.contains("--xds-address 0.0.0.0:0 can be reached from other machines"), "{refused}");
    assert!(refused.contains("--tls-cert, --tls-key and --client-ca, or --insecure"), "{refused}");
    let (_directory, file) = directory();
    let program = Program::of(command_on("0.0.0.0:0", &file).arg("--insecure"));
    assert!(program.xds.ip().is_unspecified());
}

#[test]
fn tls_flags_come_together() {
    for (alone, missing) in [("--tls-key", "--tls-cert"), ("--tls-cert", "--tls-key"), ("--client-ca", "--tls-cert")] {
        let refused = refused(&[alone, "file"]);
        assert!(refused.contains(missing), "{alone}: {refused}");
    }
}

#[test]
fn nobody_can_be_a_reader_where_nobody_proves_anything() {
    let refused = refused(&["--endpoint-reader-namespace", "shop"]);
    assert!(refused.contains("--endpoint-reader-namespace: ") && refused.contains("add --client-ca"), "{refused}");
}

#[test]
fn files_that_do_not_fit_are_named_with_flag_and_remedy() {
    let authority = Authority::new();
    let (good, other) = (authority.issue("evenkeel"), authority.issue("evenkeel"));
    let says = |certificate: &str, key: &str, ca: &str, expected: &str| {
        let secret = Secret::with(&(certificate.to_owned(), key.to_owned()), ca);
        let path = |name: &str| secret.file(name).display().to_string();
        let (certificate, key, ca) = (path("tls.crt"), path("tls.key"), path("ca.crt"));
        let refused = refused(&["--tls-cert", &certificate, "--tls-key", &key, "--client-ca", &ca]);
        assert!(refused.contains(expected), "{expected}: {refused}");
    };
    says(&good.0, &other.1, &authority.pem(), "tls.key: it is not the key of the certificate in");
    says("", &good.1, &authority.pem(), "tls.crt: no certificate is in it; it needs the server's certificate in PEM");
    says(&good.0, "", &authority.pem(), "it needs one private key in PEM");
    says(&good.0, &good.1, "", "it needs the certificates of the clients' authorities in PEM");
    let missing = refused(&["--tls-cert", "missing.crt", "--tls-key", "missing.key"]);
    assert!(missing.contains("--tls-cert missing.crt: it cannot be read"), "{missing}");
}

#[test]
fn policies_come_from_one_place() {
    for other in ["--policies=policies.yaml", "--file=cluster.yaml"] {
        let output = serve(&["--policies-from-cluster", other]);
        assert!(output.contains("--policies-from-cluster") && output.contains("cannot be used with"), "{output}");
    }
}

#[test]
fn policies_of_the_cluster_need_a_filter_to_name() {
    let output = serve(&["--policies-from-cluster"]);
    assert!(output.contains("built without the filter; name it with --filter-module"), "{output}");
    let (directory, _) = directory();
    let module = directory.path().join("filter.wasm");
    std::fs::write(&module, b"\0asm\x01\0\0\0").unwrap();
    let module = format!("--filter-module={}", module.display());
    let output = serve(&["--policies-from-cluster", &module, "--filter-url=ftp://evenkeel/filter.wasm"]);
    assert!(output.contains("--filter-url: \"ftp://evenkeel/filter.wasm\" is no URL of a module"), "{output}");
}

/// What `evenkeel serve` says when it does not start.
fn serve(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_evenkeel")).arg("serve").args(arguments).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn the_admin_port_tells_what_each_client_has() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    let mut client = program.client().await;
    client.accepted().await;
    program.wait_for("evenkeel_xds_acks_total", 1.0).await;
    let clients = |query: &str| -> serde_json::Value {
        serde_json::from_str(&program.get(&format!("/v1/clients{query}")).1).unwrap()
    };
    let all = clients("");
    assert_eq!(all["matching"], 1);
    let one = &all["clients"][0];
    assert_eq!(
        (&one["node"]["id"], &one["transport"], &one["behind"]),
        (&"test".into(), &"eds_delta".into(), &false.into())
    );
    let assignments = &one["types"][0];
    assert_eq!((&assignments["type"], &assignments["names"]), (&"ClusterLoadAssignment".into(), &1.into()));
    assert_eq!(assignments["sent"], assignments["acknowledged"]);
    assert!(assignments["sent"].is_string());
    // The version of one resource is that of everything.
    let gateway = serde_json::json!([{ "name": GATEWAY, "version": assignments["sent"] }]);
    assert_eq!(assignments["resources"], gateway);
    assert_eq!(clients("?node=es")["clients"], all["clients"]);
    assert_eq!(clients("?node=another")["matching"], 0);
    let limited = clients("?limit=0");
    assert_eq!((&limited["matching"], &limited["clients"]), (&1.into(), &serde_json::json!([])));
    assert!(program.get("/v1/clients?nod=typo").0.contains("400"));
}
