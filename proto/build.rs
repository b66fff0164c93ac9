//! Compiles `xds/` without protoc.

use std::error::Error;
use std::path::Path;

const FILES: [&str; 9] = [
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
    println!("cargo:rerun-if-changed=xds");
    let mut compiler = protox::Compiler::new(["xds"])?;
    // Source information would turn the comments into doc comments, and their examples into doc tests.
    compiler.include_imports(true).include_source_info(false).open_files(FILES)?;
    let folder = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    std::fs::write(Path::new(&folder).join("xds.descriptors"), compiler.encode_file_descriptor_set())?;
    let descriptors = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        .build_client(std::env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .build_server(false)
        .compile_fds_with_config(descriptors, messages())?;
    Ok(())
}

/// How messages look in Rust. Maps are ordered, so that equal content has equal bytes and versions can be hashes of
/// them. `Any` holds `Bytes`, so that a resource that was encoded once can be shared. Messages know their type URL, which
/// an `Any` needs.
fn messages() -> prost_build::Config {
    let mut config = prost_build::Config::new();
    config.bytes([".google.protobuf.Any"]).btree_map(["."]).compile_well_known_types().include_file("xds.rs");
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    config
}
