//! `cargo xtask image`: the image of the control plane, with the filter inside.

use std::process::Command;

use anyhow::{Context, Result};
use evenkeel_bed::{artifact, image, program};

use crate::{bed, cargo, wasm};

/// Builds everything that goes into it, and the image with this name.
pub fn build(name: &str) -> Result<()> {
    bed::prepare(&[bed::Name::Image])?;
    wasm::build(false)?;
    cargo::build_for_image("evenkeel", &artifact::wasm()?)?;
    let folder = artifact::target_folder().join(image::target()).join("release");
    let containerfile = artifact::workspace_folder().join("Containerfile");
    let mut command = Command::new(image::BUILDER);
    command.args(["build", "--tag", name, "--build-arg", "BINARY=evenkeel", "--file"]).arg(containerfile).arg(&folder);
    program::run(&mut command).context("the image was not built")?;
    println!("{}", folder.join("evenkeel").display());
    Ok(())
}
