//! What Envoy's configuration says about plugins, and how the servers around the proxy behave.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::UnixTime;
use crate::http::{HeaderList, Response};

/// A proxy's configuration: the plugins in its filter chain and the servers that it can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The chain, in the order of the request.
    pub plugins: Vec<PluginSetup>,
    /// Worker threads (Envoy's `--concurrency`); each has VMs of its own.
    pub workers: u32,
    /// The virtual clock at the start; `None` for the real time, which only who starts a proxy can know. A real Envoy
    /// cannot set its clock.
    pub clock: Option<UnixTime>,
    /// What every random choice of a simulated proxy follows from.
    pub seed: u64,
    /// Whose behaviour is simulated.
    pub profile: Profile,
    /// Whether the upstream behind the route can be reached.
    pub upstream: Reachability,
    /// The clusters for call-outs, by name.
    pub clusters: BTreeMap<String, Cluster>,
    /// What stands in shared data before the first VM starts.
    pub shared_data: Vec<SharedDatum>,
    /// Let worker threads take turns after each hostcall, in an order that follows from this; `None`: one after the other.
    pub interleaving: Option<u64>,
    /// What goes wrong beside what is scripted.
    pub faults: Faults,
    /// Whether [`Sim::costs`](crate::Sim::costs) tells what each callback takes.
    pub costs: bool,
    /// Whether [`Sim::journal`](crate::Sim::journal) tells every callback and hostcall, from the start on.
    pub journal: bool,
}

/// What goes wrong beside what is scripted; every choice follows from the seed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How many writes with a CAS number find that somebody else has just written the same value.
    pub cas_conflicts: u32,
    /// How many of a hundred call-outs are reset.
    pub call_outs_percent: u8,
    /// How many of a hundred requests the upstream resets.
    pub upstream_percent: u8,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            plugins: Vec::new(),
            workers: 1,
            clock: None,
            seed: 0,
            profile: Profile::Envoy,
            upstream: Reachability::Healthy,
            clusters: BTreeMap::new(),
            shared_data: Vec::new(),
            interleaving: None,
            faults: Faults::default(),
            costs: false,
            journal: false,
        }
    }
}

impl Setup {
    /// One plugin with this configuration, and everything else as it is by default.
    pub fn of(configuration: impl Into<Vec<u8>>) -> Self {
        let plugin = PluginSetup { configuration: configuration.into(), ..PluginSetup::default() };
        Self { plugins: vec![plugin], ..Self::default() }
    }
}

/// One plugin (Envoy's `PluginConfig`); plugins of the same module, `vm_id` and VM configuration share a VM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginSetup {
    /// Which module: plugins with the same number run the same code.
    pub code: usize,
    /// `name`.
    pub name: String,
    /// `root_id`.
    pub root_id: String,
    /// `configuration`, the bytes of `proxy_on_configure`.
    pub configuration: Vec<u8>,
    /// `vm_config.vm_id`, which shared data and queues are keyed by.
    pub vm_id: String,
    /// `vm_config.configuration`, the bytes of `proxy_on_vm_start`.
    pub vm_configuration: Vec<u8>,
    /// `vm_config.environment_variables.key_values`.
    pub environment: BTreeMap<String, String>,
    /// `failure_policy`.
    pub failure_policy: FailurePolicy,
    /// `allow_on_headers_stop_iteration`.
    pub allow_on_headers_stop_iteration: bool,
    /// The names in `capability_restriction_config.allowed_capabilities`; empty for no restriction.
    pub capabilities: BTreeSet<String>,
}

/// What becomes of requests when a plugin's VM has died (Envoy's `FailurePolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// They are answered with 503.
    #[default]
    Closed,
    /// They go on without the plugin.
    Open,
    /// A new VM is started, not more often than a back-off allows; until then as [`Closed`](Self::Closed).
    Reload,
}

/// Whose behaviour a simulated proxy has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Envoy 1.40, bug for bug.
    #[default]
    Envoy,
    /// The proxy-wasm specification 0.2.1; where it leaves something open, Envoy.
    Spec,
}

/// A server, or several, as a cluster in Envoy names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Whether anybody can be reached.
    pub reachability: Reachability,
    /// One for each call, in order; the last one answers all further calls. None: status 200 without a body.
    pub answers: Vec<Answer>,
}

/// Whether a cluster can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// There is a host and it accepts connections.
    #[default]
    Healthy,
    /// There is no host that is healthy, or none at all.
    NoHealthyHost,
    /// The host refuses connections.
    ConnectError,
}

/// What a server does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long it takes for it.
    pub after: Duration,
    /// What it does.
    pub kind: AnswerKind,
}

/// What a server does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// It answers.
    Response(Response),
    /// It answers a gRPC call.
    Grpc(GrpcAnswer),
    /// It keeps the request and never answers.
    Timeout,
    /// It closes the connection instead of answering.
    Reset,
    /// It closes the connection after the headers and the pieces of the body that are given here.
    ResetMidBody(Response),
    /// It answers with what is no HTTP.
    Malformed,
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self { after: Duration::ZERO, kind: AnswerKind::Response(response) }
    }
}

impl Default for Answer {
    fn default() -> Self {
        Response { status: 200, ..Response::default() }.into()
    }
}

/// The answer to a gRPC call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcAnswer {
    /// Initial metadata.
    pub initial_metadata: HeaderList,
    /// Messages, without their frames.
    pub messages: Vec<Vec<u8>>,
    /// The status, 0 for OK.
    pub status: u32,
    /// `grpc-message`.
    pub message: String,
    /// Trailing metadata.
    pub trailing_metadata: HeaderList,
}

/// One entry of shared data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedDatum {
    /// The VM id whose key space it is in.
    pub vm_id: String,
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
}
