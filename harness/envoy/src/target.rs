use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use log::Level;
use portcullis_scenario::{Target, TargetError};
use portcullis_sim::Setup;
use portcullis_sim::http::{CallOut, Exchange, LogLine, Protocol, Sending};
use portcullis_sim::tcp::{Conversation, TcpExchange};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::access::AccessLog;
use crate::client::{Client, Outcome};
use crate::conversation::Wire;
use crate::journal::Journal;
use crate::log::{Entry, LogFile};
use crate::message::outgoing_request;
use crate::server::check;
use crate::upstream::Upstream;
use crate::{Bootstrap, EnvoyBinary, EnvoyProcess, Launch, RouteAction, call_outs, start};

/// The longest a scenario may really wait.
const MAX_ADVANCE: Duration = Duration::from_secs(3);
/// How long the line of a request may take to reach the access log.
const ACCESS_LOG: Duration = Duration::from_secs(1);
/// How long a request may take to reach a worker before the next one is sent all the same.
const BEGINS: Duration = Duration::from_secs(1);
/// How long nothing must have arrived for all call-outs to be there.
const CALL_OUTS_QUIET: Duration = Duration::from_millis(30);
/// How long the log must not have grown for all lines of a request to be there.
const LOG_QUIET: Duration = Duration::from_millis(5);
/// How long to wait for that at most: a plugin may log at every tick.
const LOG_SETTLES: Duration = Duration::from_millis(100);
/// Lines of plugins that are kept.
const MAX_LINES: usize = 1_000_000;
const POLL: Duration = Duration::from_millis(2);

/// A real Envoy process with plugins in it, clients before it, an upstream behind it and servers for its call-outs.
///
/// Time is real and so are the sockets: a request takes about 12 ms, most of it waiting for the access log.
#[derive(Debug)]
pub struct EnvoyTarget {
    // Dropped in this order: Envoy goes before the servers that it is connected to.
    process: EnvoyProcess,
    upstream: Upstream,
    journal: Journal,
    runtime: Runtime,
    access: AccessLog,
    log: LogFile,
    lines: Vec<LogLine>,
    workers: u32,
    has_clusters: bool,
    tolerates_traps: bool,
}

impl EnvoyTarget {
    /// Starts Envoy with the plugins in its HTTP and in its TCP listener; `modules` is what [`code`] counts in.
    ///
    /// # Errors
    /// [`TargetError::Configuration`] with the plugin's own lines when it refuses its configuration, and
    /// [`TargetError::NotHere`] for what no real Envoy can be set up with.
    ///
    /// [`code`]: portcullis_sim::PluginSetup::code
    pub fn start(binary: &EnvoyBinary, modules: &[PathBuf], setup: &Setup) -> Result<Self, TargetError> {
        start::check(setup)?;
        let filters = start::filters(modules, setup)?;
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().map_err(broken)?;
        let journal = Journal::default();
        let upstream = Upstream::start(setup.upstream, journal.clone());
        let upstream = runtime.block_on(upstream).map_err(broken)?;
        let clusters = runtime.block_on(call_outs::start(&setup.clusters, &journal))?;
        let directory = tempfile::Builder::new().prefix("portcullis-envoy-").tempdir().map_err(broken)?;
        let access_log = directory.path().join("access.log");
        let access = AccessLog::new(&access_log);
        let action = RouteAction::Upstream(upstream.address());
        let bootstrap =
            Bootstrap { filters, action, clusters, access_log: Some(access_log), ..Bootstrap::default() };
        let workers = setup.workers.max(1);
        let launch = Launch { concurrency: workers, trace_plugins: true };
        let process =
            EnvoyProcess::start(binary, &bootstrap, launch, directory).map_err(start::not_started)?;
        let log = process.log();
        Ok(Self {
            process,
            upstream,
            journal,
            runtime,
            access,
            log,
            lines: Vec::new(),
            workers,
            has_clusters: !setup.clusters.is_empty(),
            tolerates_traps: false,
        })
    }
}

impl Target for EnvoyTarget {
    fn name(&self) -> &'static str {
        "envoy"
    }

    /// A trap then is a line of the log at level error: the first of those that Envoy writes about it.
    fn tolerate_traps(&mut self) -> Result<(), TargetError> {
        self.tolerates_traps = true;
        Ok(())
    }

    fn send(&mut self, requests: &[Sending]) -> Result<Vec<Exchange>, TargetError> {
        self.access.forget().map_err(broken)?;
        self.upstream.forget();
        self.journal.forget_clients();
        let ready: Result<Vec<_>, _> = requests.iter().map(|sending| self.prepare(sending)).collect();
        let trips = self.begin_in_order(ready?)?;
        let ended: Vec<_> =
            trips.into_iter().map(|(port, trip)| (port, self.runtime.block_on(trip))).collect();
        if let Some(obituary) = self.process.obituary() {
            return Err(TargetError::Broken(obituary.to_string()));
        }
        let exchanges = ended.into_iter().map(|(port, outcome)| {
            let outcome = outcome.map_err(broken)?.map_err(TargetError::Broken)?;
            self.exchange(port, outcome)
        });
        let exchanges = exchanges.collect::<Result<Vec<_>, _>>()?;
        self.settle_log()?;
        Ok(exchanges)
    }

    /// Each step of the conversation has up to 300 ms to have its effect. Both ends close one direction only, so that
    /// what is still on its way to them arrives.
    fn converse(&mut self, conversation: &Conversation) -> Result<TcpExchange, TargetError> {
        self.check_worker(conversation.worker)?;
        let address = self.process.admin().listener(Bootstrap::TCP_LISTENER).map_err(TargetError::Broken)?;
        let _entered = self.runtime.enter();
        let client = Client::new().map_err(broken)?;
        let coming = self.upstream.hand_over(client.port());
        let exchange = self.runtime.block_on(async {
            let stream = client.connect(address).await.map_err(TargetError::Broken)?;
            Ok(Wire::new(stream, coming).play(&conversation.steps).await)
        })?;
        if let Some(obituary) = self.process.obituary() {
            return Err(TargetError::Broken(obituary.to_string()));
        }
        self.settle_log()?;
        Ok(exchange)
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

    fn call_outs(&mut self) -> Result<Vec<CallOut>, TargetError> {
        if !self.has_clusters {
            return Ok(Vec::new());
        }
        let mut call_outs = self.journal.call_outs();
        loop {
            // A plugin may call out when the client has its answer already.
            self.runtime.block_on(async { sleep(CALL_OUTS_QUIET).await });
            let now = self.journal.call_outs();
            if now == call_outs {
                return Ok(now);
            }
            call_outs = now;
        }
    }
}

/// A request that is on its way.
type Running = JoinHandle<Result<Outcome, String>>;

/// A request that is ready to be sent.
struct Trip {
    client: Client,
    protocol: Protocol,
    request: hyper::Request<crate::body::Pieces>,
    patience: Duration,
}

impl EnvoyTarget {
    fn prepare(&self, sending: &Sending) -> Result<Trip, TargetError> {
        self.check_worker(sending.worker)?;
        let request = outgoing_request(sending.protocol, &sending.request).map_err(TargetError::NotHere)?;
        check(&sending.upstream, sending.protocol).map_err(TargetError::NotHere)?;
        let _entered = self.runtime.enter();
        let client = Client::new().map_err(broken)?;
        self.upstream.answer(client.port(), sending.upstream.clone());
        let patience = sending.patience();
        Ok(Trip { client, protocol: sending.protocol, request, patience })
    }

    /// The workers see the requests in this order, as in the simulation: each begins when Envoy has begun the one before.
    fn begin_in_order(&self, ready: Vec<Trip>) -> Result<Vec<(u16, Running)>, TargetError> {
        let mut trips: Vec<(u16, Running)> = Vec::new();
        let mut begun = if ready.len() > 1 { self.begun()? } else { 0 };
        for trip in ready {
            if let Some((_, before)) = trips.last() {
                begun = self.wait_for_begun(begun, before)?;
            }
            trips.push(self.begin(trip));
        }
        Ok(trips)
    }

    /// Waits until there is a request more than `before`, or the one that is awaited is over: not every one becomes a
    /// request for Envoy.
    fn wait_for_begun(&self, before: u64, awaited: &Running) -> Result<u64, TargetError> {
        let deadline = Instant::now() + BEGINS;
        loop {
            let is_over = awaited.is_finished() || Instant::now() > deadline;
            let begun = self.begun()?;
            if begun > before || is_over {
                return Ok(begun);
            }
            self.runtime.block_on(async { sleep(POLL).await });
        }
    }

    /// The requests whose first bytes have come to a worker so far.
    fn begun(&self) -> Result<u64, TargetError> {
        let prefix = format!("http.{}.", Bootstrap::LISTENER);
        let stats = self.process.admin().stats(&prefix).map_err(TargetError::Broken)?;
        Ok(stats.get("downstream_rq_total").copied().unwrap_or_default())
    }

    fn begin(&self, trip: Trip) -> (u16, Running) {
        let (address, port) = (self.process.listener(), trip.client.port());
        let Trip { client, protocol, request, patience } = trip;
        (port, self.runtime.spawn(client.round_trip(address, protocol, request, patience)))
    }

    fn exchange(&mut self, port: u16, outcome: Outcome) -> Result<Exchange, TargetError> {
        let logged = self.details(port)?;
        let (client, details) = match outcome {
            Outcome::Answered(response) => (Some(response), logged),
            Outcome::Reset => (None, logged),
            // What is logged then tells of our patience and not of the plugin.
            Outcome::GaveUp => (None, None),
        };
        Ok(Exchange { client, upstream: self.journal.of_client(port), details })
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

    /// Plugins still log when a request has come to its end for everybody else.
    fn settle_log(&mut self) -> Result<(), TargetError> {
        let deadline = Instant::now() + LOG_SETTLES;
        self.read_log()?;
        loop {
            let before = self.lines.len();
            self.runtime.block_on(async { sleep(LOG_QUIET).await });
            self.read_log()?;
            if self.lines.len() == before || Instant::now() > deadline {
                return Ok(());
            }
        }
    }

    /// Takes over what the plugins have logged; a trap among it is an error, unless it is tolerated.
    fn read_log(&mut self) -> Result<(), TargetError> {
        let mut trap = None;
        for entry in self.log.entries().map_err(broken)? {
            match entry {
                Entry::Plugin(line) => self.lines.push(line),
                Entry::Trap(backtrace) if self.tolerates_traps => self.lines.push(first_line(&backtrace)),
                Entry::Trap(backtrace) => trap = trap.or(Some(backtrace)),
                Entry::Complaint(_) => {}
            }
        }
        if self.lines.len() > MAX_LINES {
            return Err(TargetError::Broken(format!("the plugins have logged more than {MAX_LINES} lines")));
        }
        trap.map_or(Ok(()), |backtrace| Err(TargetError::Trap(backtrace)))
    }

    fn check_worker(&self, worker: Option<u32>) -> Result<(), TargetError> {
        match worker {
            Some(_) if self.workers > 1 => {
                let why = "nobody can choose a worker thread of a real Envoy";
                Err(TargetError::NotHere(why.to_owned()))
            }
            _ => Ok(()),
        }
    }
}

fn first_line(text: &str) -> LogLine {
    LogLine { level: Level::Error, message: text.lines().next().unwrap_or_default().to_owned() }
}

fn broken(error: impl Display) -> TargetError {
    TargetError::Broken(error.to_string())
}
