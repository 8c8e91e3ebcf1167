//! For the tests of filters: a host whose clock is set by hand and whose store, calls and metrics can be looked at, also in the
//! middle of a race; configurations with
//! one thing changed; and documents.

pub mod config;
pub mod documents;
pub mod markdown;
mod race;
pub mod refusals;
pub mod schema;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub use race::{Meanwhile, Race};

use crate::{
    CallId, CallOuts, Clock, Counter, Datum, Entropy, ForeignFunctions, Gauge, GrpcCall, HeaderMap, Headers,
    Histogram, HostError, HttpCall, LogHost, Logging, Metrics, Properties, SharedData, UnixTime, WriteError,
};

/// A host for unit tests.
#[derive(Debug, Default)]
pub struct TestHost {
    /// The time.
    pub now: UnixTime,
    /// What the clock without steps is ahead of it.
    pub ahead: Duration,
    /// Every line that was logged.
    pub log: Vec<String>,
    /// The attributes, by their path joined with dots.
    pub properties: BTreeMap<String, Vec<u8>>,
    /// The store. Several workers share one when they take turns with it (`std::mem::swap`).
    pub shared: BTreeMap<String, Datum>,
    /// How many writes with a CAS number fail because somebody else has written first.
    pub conflicts: u32,
    /// What others write, one entry right after each read: key and value.
    pub meanwhile: VecDeque<(String, Vec<u8>)>,
    /// The header maps of a request that is over.
    pub maps: BTreeMap<HeaderMap, Fields>,
    /// Whether there is no store.
    pub storeless: bool,
    /// The calls made, their headers in a list; a gRPC call has `:path` alone, and the message for a body.
    pub calls: Vec<TestCall>,
    /// Whether calls fail at once, as for a cluster without hosts.
    pub unreachable: bool,
    /// The foreign functions.
    pub foreign: BTreeMap<&'static str, TestFunction>,
    /// What chance gives next, `None` for a host that has none; then it is always the same.
    pub random: VecDeque<Option<[u8; 16]>>,
    /// How often each foreign function was called.
    pub foreign_calls: BTreeMap<String, u32>,
    /// Counters and gauges by name, and the sums of histograms.
    pub metrics: BTreeMap<String, u64>,
    names: Vec<String>,
    last_cas: u32,
}

/// Names and values of a header map.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A foreign function.
pub type TestFunction = fn(&[u8]) -> Result<Vec<u8>, HostError>;

/// A call that a filter made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCall {
    /// The cluster.
    pub cluster: String,
    /// All headers, pseudo-headers first.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The timeout.
    pub timeout: Duration,
}

impl TestHost {
    /// A host at this time, in seconds since the epoch.
    pub fn at(seconds: u64) -> Self {
        Self { now: UnixTime::from_secs(seconds), ..Self::default() }
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now = self.now.saturating_add(by);
    }

    fn write(&mut self, key: String, value: Vec<u8>) {
        self.last_cas += 1;
        self.shared.insert(key, Datum { value, cas: self.last_cas });
    }

    fn call(&mut self, call: TestCall) -> Result<CallId, HostError> {
        if self.unreachable {
            return Err(HostError(10));
        }
        self.calls.push(call);
        Ok(CallId(u32::try_from(self.calls.len()).unwrap_or(u32::MAX).saturating_mul(4)))
    }

    fn define(&mut self, name: &str) -> Option<u32> {
        self.metrics.entry(name.to_owned()).or_default();
        self.names.push(name.to_owned());
        u32::try_from(self.names.len() - 1).ok()
    }

    fn metric(&mut self, id: Option<u32>) -> Option<&mut u64> {
        let name = self.names.get(usize::try_from(id?).ok()?)?;
        self.metrics.get_mut(name)
    }
}

impl Clock for TestHost {
    fn now(&self) -> UnixTime {
        self.now
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.now.as_nanos()).saturating_add(self.ahead)
    }
}

impl Logging for TestHost {
    fn log(&mut self, level: log::Level, message: &str) {
        self.log.push(format!("{level}: {message}"));
    }
}

impl Metrics for TestHost {
    fn counter(&mut self, name: &str) -> Counter {
        Counter(self.define(name))
    }

    fn gauge(&mut self, name: &str) -> Gauge {
        Gauge(self.define(name))
    }

    fn histogram(&mut self, name: &str) -> Histogram {
        Histogram(self.define(name))
    }

    fn add(&mut self, counter: Counter, amount: u32) {
        if let Some(value) = self.metric(counter.0) {
            *value += u64::from(amount);
        }
    }

    fn set(&mut self, gauge: Gauge, value: u64) {
        if let Some(old) = self.metric(gauge.0) {
            *old = value;
        }
    }

    fn adjust(&mut self, gauge: Gauge, by: i64) {
        if let Some(value) = self.metric(gauge.0) {
            *value = value.saturating_add_signed(by);
        }
    }

    fn record(&mut self, histogram: Histogram, sample: u64) {
        if let Some(sum) = self.metric(histogram.0) {
            *sum += sample;
        }
    }
}

impl Properties for TestHost {
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
        self.properties.get(&path.join(".")).cloned()
    }

    fn set_property(&mut self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.properties.insert(name.to_owned(), value.to_vec());
        Ok(())
    }
}

impl ForeignFunctions for TestHost {
    fn foreign(&mut self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        *self.foreign_calls.entry(name.to_owned()).or_default() += 1;
        self.foreign.get(name).ok_or(HostError(1))?(argument)
    }
}

impl CallOuts for TestHost {
    fn http_call(&mut self, call: &HttpCall<'_>) -> Result<CallId, HostError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = Headers::decode(call.block()).unwrap_or_default();
        self.call(TestCall {
            cluster: call.cluster.to_owned(),
            headers: headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
            body: call.body.to_vec(),
            timeout: call.timeout,
        })
    }

    fn grpc_call(&mut self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        self.call(TestCall {
            cluster: call.cluster.to_owned(),
            headers: vec![(":path".to_owned(), format!("/{}/{}", call.service, call.method))],
            body: call.message.to_vec(),
            timeout: call.timeout,
        })
    }
}

impl LogHost for TestHost {
    fn final_headers(&mut self, map: HeaderMap) -> Option<Headers> {
        self.maps.get(&map).map(|fields| fields.iter().map(|(name, value)| (name, value)).collect())
    }
}

impl Entropy for TestHost {
    fn random(&mut self) -> Option<[u8; 16]> {
        self.random.pop_front().unwrap_or(Some([7; 16]))
    }
}

impl SharedData for TestHost {
    fn shared(&mut self, key: &str) -> Result<Option<Datum>, HostError> {
        if self.storeless {
            return Err(HostError(10));
        }
        let datum = self.shared.get(key).cloned();
        if let Some((key, value)) = self.meanwhile.pop_front() {
            self.write(key, value);
        }
        Ok(datum)
    }

    fn set_shared(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), WriteError> {
        if self.storeless {
            return Err(WriteError::Host(HostError(10)));
        }
        let stale = self.shared.get(key).is_some_and(|datum| cas != 0 && datum.cas != cas);
        if stale || (cas != 0 && self.conflicts > 0) {
            self.conflicts = self.conflicts.saturating_sub(1);
            return Err(WriteError::Conflict);
        }
        self.write(key.to_owned(), value.to_vec());
        Ok(())
    }
}
