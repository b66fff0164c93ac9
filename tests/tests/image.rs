//! The image that the Containerfile makes: one binary that runs without anything else, by a user that is not root.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use evenkeel_bed::{image, program};
use evenkeel_tests::artifact;
use evenkeel_tests::network::Namespace;
use serde_json::{Value, json};
use tempfile::TempDir;

const NAME: &str = "evenkeel:test";
const USER: &str = "65532:65532";

/// Images of a test, in a folder of its own.
struct Images {
    folder: TempDir,
}

impl Images {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let accept_all = json!({"default": [{"type": "insecureAcceptAnything"}]});
        fs::write(folder.path().join("policy.json"), accept_all.to_string())?;
        Ok(Self { folder })
    }

    /// Builds the Containerfile with a binary; the files of the image go into `output` as well.
    fn build(&self, binary: &Path, output: &Path) -> Result<()> {
        let context = self.folder.path().join("context");
        fs::create_dir(&context)?;
        fs::copy(binary, context.join("evenkeel"))?;
        let mut command = self.command("build");
        command.arg("--file").arg(artifact::workspace_folder().join("Containerfile"));
        command.arg("--signature-policy").arg(self.folder.path().join("policy.json"));
        command.args(["--isolation", "chroot", "--build-arg", "BINARY=evenkeel", "--tag", NAME]);
        command.arg("--output").arg(format!("type=local,dest={}", output.display())).arg(&context);
        // Without a network: it needs nothing that is not here.
        Namespace::new()?.run(|| program::output(&mut command).map(drop))
    }

    /// How a container of the image is started.
    fn config(&self) -> Result<Value> {
        let inspected = program::output(self.command("inspect").args(["--type", "image", NAME]))?;
        let inspected: Value = serde_json::from_str(&inspected)?;
        Ok(inspected["OCIv1"]["config"].clone())
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(image::BUILDER);
        command.arg("--root").arg(self.folder.path().join("images"));
        command.arg("--runroot").arg(self.folder.path().join("run"));
        command.args(["--storage-driver", "vfs", name]);
        command
    }
}

/// To compile everything once more for it would take as long as all other suites compile.
#[test]
#[ignore = "`cargo xtask test image --soak` builds the static binary and runs this"]
fn the_image_holds_a_binary_that_needs_nothing_else() -> Result<()> {
    let (images, folder) = (Images::new()?, tempfile::tempdir()?);
    let root = folder.path().join("root");
    images.build(&artifact::static_control_plane()?, &root)?;
    let config = images.config()?;
    assert_eq!((&config["User"], &config["Entrypoint"]), (&json!(USER), &json!(["/evenkeel"])));
    let files: Vec<_> = fs::read_dir(&root)?.map(|file| Ok(file?.file_name())).collect::<Result<_>>()?;
    assert_eq!(files, ["evenkeel"]);
    // As a container's root is; what buildah has put the files into is its own user's.
    fs::set_permissions(&root, Permissions::from_mode(0o755))?;
    // What is not in the image is not there for the binary either, and the user is the image's.
    let mut inside = Command::new("chroot");
    inside.arg(format!("--userspec={USER}")).arg(&root).args(["/evenkeel", "--version"]);
    let version = program::output(&mut inside)?;
    ensure!(version.starts_with("evenkeel "), "{version}");
    Ok(())
}

/// Kubernetes refuses to start a pod whose image has another user than root only by name.
#[test]
fn the_chart_runs_it_as_the_image_s_user() -> Result<()> {
    let workspace = artifact::workspace_folder();
    let containerfile = fs::read_to_string(workspace.join("Containerfile"))?;
    let user = containerfile.lines().find_map(|line| line.strip_prefix("USER ")).context("no USER")?;
    let deployment = fs::read_to_string(workspace.join("istio/chart/templates/deployment.yaml"))?;
    let number = |name: &str| deployment.lines().find_map(|line| line.trim().strip_prefix(name).map(str::trim));
    let (run_as, group) = (number("runAsUser:").context("no user")?, number("runAsGroup:").context("no group")?);
    assert_eq!(user, format!("{run_as}:{group}"));
    assert_eq!(user, USER);
    Ok(())
}
