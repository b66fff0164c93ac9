//! Compiles `evenkeel/` and `xds/` without protoc.

use std::error::Error;
use std::path::{Path, PathBuf};

const REBALANCE: [&str; 1] = ["evenkeel/rebalance/v1/rebalance.proto"];

const XDS: [&str; 9] = [
    "envoy/config/cluster/v3/cluster.proto",
    "envoy/config/endpoint/v3/endpoint.proto",
    "envoy/config/listener/v3/listener.proto",
    "envoy/config/route/v3/route.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
    "envoy/service/discovery/v3/ads.proto",
    "envoy/service/endpoint/v3/eds.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=evenkeel");
    println!("cargo:rerun-if-changed=xds");
    generate("rebalance", ".", &REBALANCE, has("SERVER"), prost_build::Config::new())?;
    if has("XDS") {
        generate("xds", "xds", &XDS, false, xds_messages())?;
    }
    Ok(())
}

fn has(feature: &str) -> bool {
    std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some()
}

/// Writes `NAME.rs`, one module per package, and `NAME.descriptors`.
fn generate(
    name: &str,
    folder: &str,
    files: &[&str],
    server: bool,
    mut messages: prost_build::Config,
) -> Result<(), Box<dyn Error>> {
    let mut compiler = protox::Compiler::new([folder])?;
    // Source information would turn the comments into doc comments, and their examples into doc tests.
    compiler.include_imports(true).include_source_info(false).open_files(files)?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join(name);
    std::fs::create_dir_all(&out)?;
    std::fs::write(Path::new(&out).join("descriptors"), compiler.encode_file_descriptor_set())?;
    messages.include_file("mod.rs").out_dir(&out);
    tonic_prost_build::configure()
        .build_client(has("CLIENT"))
        .build_server(server)
        .out_dir(&out)
        .compile_fds_with_config(compiler.file_descriptor_set(), messages)?;
    Ok(())
}

/// How the messages of xDS look in Rust. Maps are ordered, so that equal content has equal bytes and versions can be
/// hashes of them. `Any` holds `Bytes`, so that a resource that was encoded once can be shared. Messages know their type
/// URL, which an `Any` needs.
fn xds_messages() -> prost_build::Config {
    let mut config = prost_build::Config::new();
    config.bytes([".google.protobuf.Any"]).btree_map(["."]).compile_well_known_types();
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    config
}
