//! A worker that is interrupted between two hostcalls.

use std::time::Duration;

use crate::testing::TestHost;
use crate::{
    CallId, CallOuts, Clock, Counter, Datum, Entropy, ForeignFunctions, Gauge, GrpcCall, Histogram,
    HostError, HttpCall, Logging, Metrics, Properties, SharedData, UnixTime, WriteError,
};

/// A host on which another worker does something right after a read of the shared data.
pub struct Race<'a> {
    /// The host.
    pub host: &'a mut TestHost,
    /// How many reads are left alone before.
    pub reads: u8,
    /// What the other worker does, until it has done it.
    pub meanwhile: Option<Meanwhile<'a>>,
}

/// What the other worker does.
pub type Meanwhile<'a> = Box<dyn FnOnce(&mut TestHost) + 'a>;

impl SharedData for Race<'_> {
    fn shared(&mut self, key: &str) -> Result<Option<Datum>, HostError> {
        let datum = self.host.shared(key);
        match self.reads.checked_sub(1) {
            Some(left) => self.reads = left,
            None => {
                if let Some(meanwhile) = self.meanwhile.take() {
                    meanwhile(self.host);
                }
            }
        }
        datum
    }

    fn set_shared(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), WriteError> {
        self.host.set_shared(key, value, cas)
    }
}

impl Clock for Race<'_> {
    fn now(&self) -> UnixTime {
        self.host.now()
    }

    fn monotonic(&self) -> Duration {
        self.host.monotonic()
    }
}

impl Logging for Race<'_> {
    fn log(&mut self, level: log::Level, message: &str) {
        self.host.log(level, message);
    }
}

impl Metrics for Race<'_> {
    fn counter(&mut self, name: &str) -> Counter {
        self.host.counter(name)
    }

    fn gauge(&mut self, name: &str) -> Gauge {
        self.host.gauge(name)
    }

    fn histogram(&mut self, name: &str) -> Histogram {
        self.host.histogram(name)
    }

    fn add(&mut self, counter: Counter, amount: u32) {
        self.host.add(counter, amount);
    }

    fn set(&mut self, gauge: Gauge, value: u64) {
        self.host.set(gauge, value);
    }

    fn adjust(&mut self, gauge: Gauge, by: i64) {
        self.host.adjust(gauge, by);
    }

    fn record(&mut self, histogram: Histogram, sample: u64) {
        self.host.record(histogram, sample);
    }
}

impl Properties for Race<'_> {
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
        self.host.property(path)
    }

    fn set_property(&mut self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.host.set_property(name, value)
    }
}

impl ForeignFunctions for Race<'_> {
    fn foreign(&mut self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        self.host.foreign(name, argument)
    }
}

impl CallOuts for Race<'_> {
    fn http_call(&mut self, call: &HttpCall<'_>) -> Result<CallId, HostError> {
        self.host.http_call(call)
    }

    fn grpc_call(&mut self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        self.host.grpc_call(call)
    }
}

impl Entropy for Race<'_> {
    fn random(&mut self) -> Option<[u8; 16]> {
        self.host.random()
    }
}
