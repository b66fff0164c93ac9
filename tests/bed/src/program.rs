//! Programs of the machine that prepare beds: Python with pip, Go, and apt where we may install.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a command to its end with the terminal's output.
///
/// # Errors
/// When it cannot start or does not end with 0; the text names the whole command.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// As [`run`]; the text has what the command wrote to standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command starts and ends with 0.
pub fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Installs Debian packages when this user may; else the error is the exact command to run.
pub fn install_packages(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install -y {}", packages.join(" "));
    if !is_root() || !works(Command::new("apt-get").arg("--version")) {
        bail!("missing Debian packages: run `sudo {command}`");
    }
    eprintln!("{command}");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(install).args(packages))
}

/// Downloads a Debian package and unpacks it into a folder: nothing is installed or started, and any user may.
///
/// # Errors
/// When apt cannot be had or does not know the package; the text has its own words.
pub fn unpack_package(package: &str, folder: &Path) -> Result<()> {
    let download = || output(Command::new("apt-get").args(["download", "-qq", package]).current_dir(folder));
    let mut downloaded = download();
    // A new machine has no list of packages yet.
    if downloaded.is_err() && is_root() {
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        downloaded = download();
    }
    downloaded
        .with_context(|| format!("cannot download Debian's package {package}; `sudo apt-get update` may help"))?;
    let archive = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let archive = archive.with_context(|| format!("apt-get has downloaded no file for {package}"))?;
    run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(folder))?;
    fs::remove_file(archive).context("cannot remove the unpacked package")
}

/// The owner of our own `/proc` entry is the effective user.
fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// A Python 3 with pip.
#[derive(Clone, Copy, Debug)]
pub struct Python;

impl Python {
    /// Finds `python3` with pip, installing Debian's packages when root.
    pub fn find() -> Result<Self> {
        if !works(Command::new("python3").args(["-m", "pip", "--version"])) {
            install_packages(&["python3", "python3-pip", "python3-venv"])?;
        }
        Ok(Self)
    }

    /// Installs a requirements file, every wheel checked against its hash, into a folder.
    pub fn install(self, requirements: &Path, folder: &Path) -> Result<()> {
        let mut command = Command::new("python3");
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        command.args(["--no-deps", "--require-hashes", "--only-binary", ":all:", "--upgrade"]);
        // Debian's pip warns that root should use a virtual environment; a folder of our own is one already.
        command.args(["--root-user-action", "ignore", "--target"]).arg(folder).arg("-r").arg(requirements);
        run(&mut command)
    }
}

/// A Go toolchain that is new enough for what we build, or that can download one.
#[derive(Clone, Copy, Debug)]
pub struct Go;

impl Go {
    /// Finds `go` on the `PATH`.
    ///
    /// # Errors
    /// Debian 12's package is too old, so the error tells where Go comes from instead of installing it.
    pub fn find() -> Result<Self> {
        if works(Command::new("go").arg("version")) {
            return Ok(Self);
        }
        bail!(
            "`go` is not on the PATH; the beds need Go 1.26 (1.21 and newer download it by themselves), and the \
             package of Debian 12 is older. Get it from https://go.dev/dl: `sudo tar -C /usr/local -xzf \
             goVERSION.linux-ARCH.tar.gz`, then `export PATH=$PATH:/usr/local/go/bin`"
        )
    }

    /// Builds `package` as seen from the module in `sources` into the file `binary`, with these flags for the linker.
    pub fn build(self, sources: &Path, package: &str, linker: &str, binary: &Path) -> Result<()> {
        let linker = format!("-s -w {linker}");
        let arguments = ["build", "-mod=readonly", "-trimpath", "-ldflags", &linker, "-o"];
        run(Command::new("go").current_dir(sources).args(arguments).arg(binary).arg(package))
    }
}
