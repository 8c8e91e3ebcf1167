use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::filter::log_prefixes;
use crate::log::{FORMAT, LogFile};
use crate::{Admin, Bootstrap, EnvoyBinary, Obituary};

/// How long Envoy may take from its start until it serves.
const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);

/// How an Envoy is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Worker threads.
    pub concurrency: u32,
    /// Logs everything that a plugin logs, and every hostcall; this costs time.
    pub trace_plugins: bool,
}

/// A running Envoy; dropping it ends it.
#[derive(Debug)]
pub struct EnvoyProcess {
    child: Reaped,
    // After the child: a watch that ends early ends nothing.
    _watch: Option<Reaped>,
    admin: Admin,
    listener: SocketAddr,
    log_prefixes: Vec<String>,
    directory: TempDir,
}

/// Why an Envoy did not start.
#[derive(Debug)]
pub enum StartError {
    /// Envoy ended by itself.
    Exited(Obituary),
    /// It could not be started or did not serve in time.
    Failed(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(obituary) => write!(f, "Envoy does not start: {obituary}"),
            Self::Failed(why) => write!(f, "Envoy does not start: {why}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl EnvoyProcess {
    /// Starts `bootstrap` with its files in `directory` and waits until it serves.
    ///
    /// # Errors
    /// Envoy refuses the configuration, or does not come up.
    pub fn start(
        binary: &EnvoyBinary,
        bootstrap: &Bootstrap,
        launch: Launch,
        directory: TempDir,
    ) -> Result<Self, StartError> {
        let log_prefixes = log_prefixes(&bootstrap.filters);
        let mut child = spawn(binary, bootstrap, launch, directory.path())?;
        // Without a shell we still end Envoy ourselves, unless we are killed.
        let watch = watch(child.0.id()).ok();
        let deadline = Instant::now() + START;
        let admin = loop {
            if let Some(admin) = serving(directory.path())? {
                break admin;
            }
            if let Some(status) = child.0.try_wait()? {
                let log = LogFile::new(&log_path(directory.path()), log_prefixes);
                return Err(StartError::Exited(Obituary::new(status, log)));
            }
            if Instant::now() > deadline {
                return Err(StartError::Failed(format!("it does not serve after {} s", START.as_secs())));
            }
            thread::sleep(POLL);
        };
        let listener = admin.listener(Bootstrap::LISTENER).map_err(StartError::Failed)?;
        Ok(Self { child, _watch: watch, admin, listener, log_prefixes, directory })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Where its HTTP listener listens.
    pub fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// Its admin interface.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Why it has ended, if it has.
    pub fn obituary(&mut self) -> Option<Obituary> {
        let status = self.child.0.try_wait().ok()??;
        Some(Obituary::new(status, self.log()))
    }

    /// Its log, from the beginning.
    pub(crate) fn log(&self) -> LogFile {
        LogFile::new(&log_path(self.directory.path()), self.log_prefixes.clone())
    }
}

/// The file in `directory` that Envoy's log goes to.
fn log_path(directory: &Path) -> PathBuf {
    directory.join("envoy.log")
}

fn admin_path(directory: &Path) -> PathBuf {
    directory.join("admin.address")
}

fn spawn(
    binary: &EnvoyBinary,
    bootstrap: &Bootstrap,
    launch: Launch,
    directory: &Path,
) -> io::Result<Reaped> {
    let config = directory.join("bootstrap.json");
    fs::write(&config, bootstrap.to_json().to_string())?;
    let log = File::create(log_path(directory))?;
    let mut command = Command::new(binary.path());
    command.arg("--config-path").arg(config);
    command.arg("--admin-address-path").arg(admin_path(directory));
    command.args(["--concurrency", &launch.concurrency.to_string()]);
    command.args(["--use-dynamic-base-id", "--disable-hot-restart"]);
    if bootstrap.access_log.is_some() {
        // Somebody waits for its lines.
        command.args(["--file-flush-interval-msec", "2"]);
    }
    command.args(["--log-level", "warning", "--log-format", FORMAT, "--log-format-escaped"]);
    if launch.trace_plugins {
        command.args(["--component-log-level", "wasm:trace"]);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().map(Reaped)
}

/// A shell that kills Envoy when this process ends in whatever way: its input is a pipe from us, and ends with us.
/// It cannot hit anybody else, as long as we live the id of our child stays taken.
fn watch(envoy: u32) -> io::Result<Reaped> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "read -r _; kill -9 \"$0\" 2>/dev/null", &envoy.to_string()]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(Reaped)
}

fn serving(directory: &Path) -> Result<Option<Admin>, StartError> {
    let address = fs::read_to_string(admin_path(directory)).unwrap_or_default();
    // The file is there before its content is.
    let Ok(address) = address.parse() else { return Ok(None) };
    let admin = Admin::new(address)?;
    Ok(admin.is_ready().then_some(admin))
}

/// A child that is killed and waited for when it is dropped.
#[derive(Debug)]
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
