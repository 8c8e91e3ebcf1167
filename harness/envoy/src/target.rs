use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use portcullis_scenario::{Target, TargetError};
use portcullis_sim::http::{CallOut, Exchange, LogLine, Sending};
use portcullis_sim::tcp::{Conversation, TcpExchange};
use portcullis_sim::{AnswerKind, Setup};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use crate::access::AccessLog;
use crate::client::{Outcome, round_trip};
use crate::log::{Entry, LogFile};
use crate::message::{outgoing_request, outgoing_response};
use crate::process::log_path;
use crate::upstream::Upstream;
use crate::{Bootstrap, EnvoyBinary, EnvoyProcess, Launch, Obituary, RouteAction, StartError, wasm_filter};

/// The longest a scenario may really wait.
const MAX_ADVANCE: Duration = Duration::from_secs(3);
/// How long the line of a request may take to reach the access log.
const ACCESS_LOG: Duration = Duration::from_secs(1);
/// Lines of a plugin that are kept.
const MAX_LINES: usize = 1_000_000;
const POLL: Duration = Duration::from_millis(5);

/// A real Envoy process with one plugin, a client before it and an upstream behind it.
///
/// Time is real and so are the sockets: a request takes about 12 ms, most of it waiting for the access log.
#[derive(Debug)]
pub struct EnvoyTarget {
    // Dropped in this order: Envoy goes before the upstream that it is connected to.
    process: EnvoyProcess,
    upstream: Upstream,
    runtime: Runtime,
    access: AccessLog,
    log: LogFile,
    lines: Vec<LogLine>,
}

impl EnvoyTarget {
    /// Starts Envoy with one worker thread.
    ///
    /// # Errors
    /// [`TargetError::Configuration`] with the plugin's own lines when it refuses its configuration.
    pub fn start(binary: &EnvoyBinary, module: &Path, setup: &Setup) -> Result<Self, TargetError> {
        Self::start_with_workers(binary, module, setup, 1)
    }

    /// Starts Envoy with this many worker threads, each with a VM of its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with_workers(
        binary: &EnvoyBinary,
        module: &Path,
        setup: &Setup,
        workers: u32,
    ) -> Result<Self, TargetError> {
        if setup.clock.is_some() {
            let why = "this scenario sets the clock; Envoy has only the real one";
            return Err(TargetError::NotHere(why.to_owned()));
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(broken)?;
        let upstream = runtime.block_on(Upstream::bind()).map_err(broken)?;
        let directory = tempfile::Builder::new().prefix("portcullis-envoy-").tempdir().map_err(broken)?;
        let access_log = directory.path().join("access.log");
        let log = LogFile::new(&log_path(directory.path()));
        let configuration =
            setup.plugins.first().map(|plugin| plugin.configuration.as_slice()).unwrap_or_default();
        let bootstrap = Bootstrap {
            filters: vec![wasm_filter(module, configuration)],
            action: RouteAction::Upstream(upstream.address()),
            access_log: Some(access_log.clone()),
        };
        let launch = Launch { concurrency: workers, trace_plugins: true };
        let process = EnvoyProcess::start(binary, &bootstrap, launch, directory).map_err(not_started)?;
        let access = AccessLog::new(&access_log);
        Ok(Self { process, upstream, runtime, access, log, lines: Vec::new() })
    }
}

impl Target for EnvoyTarget {
    fn name(&self) -> &'static str {
        "envoy"
    }

    fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError> {
        requests.iter().map(|sending| self.send_one(sending)).collect()
    }

    fn converse(&mut self, _: &Conversation) -> Result<TcpExchange, TargetError> {
        Err(TargetError::NotHere("TCP is not played here".to_owned()))
    }

    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
        Ok(Vec::new())
    }

    fn advance(&mut self, by: Duration) -> Result<(), TargetError> {
        if by > MAX_ADVANCE {
            let most = MAX_ADVANCE.as_secs();
            return Err(TargetError::NotHere(format!("Envoy's time is real; it waits for {most} s at most")));
        }
        self.runtime.block_on(async { sleep(by).await });
        Ok(())
    }

    fn metrics(&mut self) -> Result<BTreeMap<String, u64>, TargetError> {
        self.process.admin().stats("wasmcustom.").map_err(TargetError::Broken)
    }

    /// The lines of all VMs in the order of the log: what `proxy_on_configure` writes comes from the canary, the
    /// main thread and every worker.
    fn logs(&mut self) -> Result<Vec<LogLine>, TargetError> {
        self.read_log()?;
        Ok(self.lines.clone())
    }
}

impl EnvoyTarget {
    fn send_one(&mut self, sending: &Sending) -> Result<Exchange, TargetError> {
        let AnswerKind::Response(upstream) = &sending.upstream.kind else {
            return Err(TargetError::NotHere("this upstream is not played here".to_owned()));
        };
        let request = outgoing_request(sending.protocol, &sending.request).map_err(TargetError::NotHere)?;
        outgoing_response(sending.protocol, upstream).map_err(TargetError::NotHere)?;
        self.upstream.expect(upstream.clone());
        let trip = self.runtime.block_on(round_trip(self.process.listener(), sending.protocol, request));
        let logged = match &trip {
            Ok((port, _)) => self.details(*port)?,
            Err(_) => None,
        };
        if let Some(obituary) = self.process.obituary() {
            return Err(TargetError::Broken(obituary.to_string()));
        }
        let (_, outcome) = trip.map_err(TargetError::Broken)?;
        self.read_log()?;
        let (client, details) = match outcome {
            Outcome::Answered(response) => (Some(response), logged),
            Outcome::Reset => (None, logged),
            // What is logged then tells of our patience and not of the plugin.
            Outcome::GaveUp => (None, None),
        };
        Ok(Exchange { client, upstream: self.upstream.received(), details })
    }

    /// Waits for the line of the request from `port` in the access log.
    fn details(&mut self, port: u16) -> Result<Option<String>, TargetError> {
        let access = &mut self.access;
        self.runtime.block_on(async {
            let deadline = Instant::now() + ACCESS_LOG;
            loop {
                let details = access.details(port).map_err(broken)?;
                if details.is_some() || Instant::now() > deadline {
                    return Ok(details);
                }
                sleep(POLL).await;
            }
        })
    }

    /// Takes over what the plugin has logged; a trap among it is an error.
    fn read_log(&mut self) -> Result<(), TargetError> {
        let mut trap = None;
        for entry in self.log.entries().map_err(broken)? {
            match entry {
                Entry::Plugin(line) => self.lines.push(line),
                Entry::Trap(backtrace) => trap = trap.or(Some(backtrace)),
                Entry::Complaint(_) => {}
            }
        }
        if self.lines.len() > MAX_LINES {
            return Err(TargetError::Broken(format!("the plugin has logged more than {MAX_LINES} lines")));
        }
        trap.map_or(Ok(()), |backtrace| Err(TargetError::Trap(backtrace)))
    }
}

fn not_started(error: StartError) -> TargetError {
    match error {
        StartError::Exited(obituary) if obituary.is_refusal() => TargetError::Configuration(obituary.plugin),
        StartError::Exited(Obituary { trap: Some(backtrace), .. }) => TargetError::Trap(backtrace),
        other => TargetError::Broken(other.to_string()),
    }
}

fn broken(error: impl Display) -> TargetError {
    TargetError::Broken(error.to_string())
}
