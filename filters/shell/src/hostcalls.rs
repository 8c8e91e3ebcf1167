//! The hostcalls of ABI 0.2.1 that the kit needs. None of them panics, whatever the host answers.
#![expect(unsafe_code, reason = "a hostcall is a foreign function and hands over memory by address")]

use std::cell::Cell;
use std::ptr::null_mut;
use std::time::Duration;

use log::Level;
use portcullis_kit::{
    CallId, CallOuts, Clock, Counter, Datum, Edit, Entropy, ForeignFunctions, Gauge, GrpcCall, HeaderMap,
    Histogram, HostError, HttpCall, LocalReply, Logging, Metrics, Properties, SharedData, StreamHost,
    StreamId, UnixTime, WriteError, pairs,
};

use crate::imports::{
    clock_time_get, proxy_add_header_map_value, proxy_call_foreign_function, proxy_continue_stream,
    proxy_define_metric, proxy_get_buffer_bytes, proxy_get_current_time_nanoseconds,
    proxy_get_header_map_pairs, proxy_get_header_map_value, proxy_get_property, proxy_get_shared_data,
    proxy_grpc_call, proxy_http_call, proxy_increment_metric, proxy_log, proxy_record_metric,
    proxy_remove_header_map_value, proxy_replace_header_map_value, proxy_send_local_response,
    proxy_set_effective_context, proxy_set_property, proxy_set_shared_data,
    proxy_set_tick_period_milliseconds, random_get,
};

const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const CALL_RESPONSE_BODY: u32 = 4;
const GRPC_RECEIVE_BUFFER: u32 = 5;
const PLUGIN_CONFIGURATION: u32 = 7;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;
const REQUEST: u32 = 0;
const NOT_FOUND: u32 = 1;
const CAS_MISMATCH: u32 = 8;
/// `CLOCKID_MONOTONIC` of WASI.
const MONOTONIC: u32 = 1;

/// The host, for the length of one callback.
#[derive(Debug, Default)]
pub(crate) struct Hostcalls {
    now: Cell<Option<UnixTime>>,
    monotonic: Cell<Option<Duration>>,
    /// Route and cluster as they were read, until something is done that may change them: each rule of each filter may ask for them.
    route: Known,
    cluster: Known,
}

/// A property that was read, or of which is known that there is none.
type Known = Option<Option<Vec<u8>>>;

impl Hostcalls {
    fn forget_places(&mut self) {
        (self.route, self.cluster) = (None, None);
    }
}

/// The bytes of `proxy_on_configure`; only inside that callback.
pub(crate) fn plugin_configuration() -> Result<Vec<u8>, HostError> {
    // SAFETY: the host writes one address and one size, both to locals that outlive the call.
    received(|data, size| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, usize::MAX, data, size) })
}

impl Clock for Hostcalls {
    fn now(&self) -> UnixTime {
        if let Some(now) = self.now.get() {
            return now;
        }
        let mut nanoseconds = 0;
        // SAFETY: the host writes eight bytes to a local that outlives the call.
        let status = unsafe { proxy_get_current_time_nanoseconds(&mut nanoseconds) };
        // Without a clock it is the end of time: whatever expires has expired.
        let now = UnixTime::from_nanos(if status == 0 { nanoseconds } else { u64::MAX });
        self.now.set(Some(now));
        now
    }

    fn monotonic(&self) -> Duration {
        if let Some(monotonic) = self.monotonic.get() {
            return monotonic;
        }
        let monotonic = self.stopwatch();
        self.monotonic.set(Some(monotonic));
        monotonic
    }

    fn stopwatch(&self) -> Duration {
        let mut nanoseconds = 0;
        // SAFETY: the host writes eight bytes to a local that outlives the call.
        match unsafe { clock_time_get(MONOTONIC, 1, &mut nanoseconds) } {
            0 => Duration::from_nanos(nanoseconds),
            _ => Duration::from_nanos(self.now().as_nanos()),
        }
    }
}

impl Entropy for Hostcalls {
    fn random(&mut self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        // SAFETY: the host writes as many bytes as the local has, which outlives the call.
        let status = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
        (status == 0).then_some(bytes)
    }
}

impl Logging for Hostcalls {
    fn log(&mut self, level: Level, message: &str) {
        let level = match level {
            Level::Trace => 0,
            Level::Debug => 1,
            Level::Info => 2,
            Level::Warn => 3,
            Level::Error => 4,
        };
        // SAFETY: the host reads the message during the call. A line that cannot be logged cannot be reported either.
        unsafe { proxy_log(level, message.as_ptr(), message.len()) };
    }
}

impl Metrics for Hostcalls {
    fn counter(&mut self, name: &str) -> Counter {
        Counter(define(COUNTER, name))
    }

    fn gauge(&mut self, name: &str) -> Gauge {
        Gauge(define(GAUGE, name))
    }

    fn histogram(&mut self, name: &str) -> Histogram {
        Histogram(define(HISTOGRAM, name))
    }

    fn add(&mut self, counter: Counter, amount: u32) {
        if let Counter(Some(id)) = counter {
            // SAFETY: no memory is handed over.
            unsafe { proxy_increment_metric(id, i64::from(amount)) };
        }
    }

    fn set(&mut self, gauge: Gauge, value: u64) {
        if let Gauge(Some(id)) = gauge {
            // SAFETY: no memory is handed over.
            unsafe { proxy_record_metric(id, value) };
        }
    }

    fn adjust(&mut self, gauge: Gauge, by: i64) {
        if let Gauge(Some(id)) = gauge {
            // SAFETY: no memory is handed over.
            unsafe { proxy_increment_metric(id, by) };
        }
    }

    fn record(&mut self, histogram: Histogram, sample: u64) {
        if let Histogram(Some(id)) = histogram {
            // SAFETY: no memory is handed over.
            unsafe { proxy_record_metric(id, sample) };
        }
    }
}

fn define(kind: u32, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the host reads the name during the call and writes four bytes to a local.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) };
    (status == 0).then_some(id)
}

impl Properties for Hostcalls {
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
        let known = match path {
            ["xds", "route_name"] => Some(&mut self.route),
            ["xds", "cluster_name"] => Some(&mut self.cluster),
            _ => None,
        };
        if let Some(Some(value)) = &known {
            return value.clone();
        }
        let path = path.join("\0");
        // SAFETY: the host reads the path during the call; for the rest as above.
        let value =
            received(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }).ok();
        if let Some(known) = known {
            *known = Some(value.clone());
        }
        value
    }

    fn set_property(&mut self, name: &str, value: &[u8]) -> Result<(), HostError> {
        self.forget_places();
        // SAFETY: the host reads name and value during the call.
        done(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }
}

impl ForeignFunctions for Hostcalls {
    fn foreign(&mut self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        // It may be one that lets the proxy look for the route anew.
        self.forget_places();
        let (n, a) = (name.as_ptr(), argument.as_ptr());
        // SAFETY: the host reads name and argument during the call; for the rest as above.
        received(|data, size| unsafe {
            proxy_call_foreign_function(n, name.len(), a, argument.len(), data, size)
        })
    }
}

impl SharedData for Hostcalls {
    fn shared(&mut self, key: &str) -> Result<Option<Datum>, HostError> {
        let mut cas = 0;
        // SAFETY: the host reads the key during the call and writes four bytes to a local; for the rest as above.
        let value = received(|data, size| unsafe {
            proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut cas)
        });
        match value {
            Ok(value) => Ok(Some(Datum { value, cas })),
            Err(HostError(NOT_FOUND)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn set_shared(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), WriteError> {
        let (k, v) = (key.as_ptr(), value.as_ptr());
        // SAFETY: the host reads key and value during the call.
        match unsafe { proxy_set_shared_data(k, key.len(), v, value.len(), cas) } {
            0 => Ok(()),
            CAS_MISMATCH => Err(WriteError::Conflict),
            status => Err(WriteError::Host(HostError(status))),
        }
    }
}

impl CallOuts for Hostcalls {
    fn http_call(&mut self, call: &HttpCall<'_>) -> Result<CallId, HostError> {
        let (headers, trailers) = (call.block(), pairs::encode::<&str, &str>(&[]));
        let mut token = 0;
        // SAFETY: the host reads everything during the call and writes four bytes to a local.
        done(unsafe {
            proxy_http_call(
                call.cluster.as_ptr(),
                call.cluster.len(),
                headers.as_ptr(),
                headers.len(),
                call.body.as_ptr(),
                call.body.len(),
                trailers.as_ptr(),
                trailers.len(),
                call.timeout_milliseconds(),
                &mut token,
            )
        })?;
        Ok(CallId(token))
    }

    fn grpc_call(&mut self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        let (target, metadata) = (call.target(), pairs::encode::<&str, &str>(&[]));
        let mut token = 0;
        // SAFETY: as above.
        done(unsafe {
            proxy_grpc_call(
                target.as_ptr(),
                target.len(),
                call.service.as_ptr(),
                call.service.len(),
                call.method.as_ptr(),
                call.method.len(),
                metadata.as_ptr(),
                metadata.len(),
                call.message.as_ptr(),
                call.message.len(),
                call.timeout_milliseconds(),
                &mut token,
            )
        })?;
        Ok(CallId(token))
    }
}

impl StreamHost for Hostcalls {
    fn set_tick(&mut self, period: Duration) {
        let milliseconds = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
        // SAFETY: no memory is handed over. It cannot fail: Envoy answers OK to every period.
        unsafe { proxy_set_tick_period_milliseconds(milliseconds) };
    }

    fn enter(&mut self, stream: StreamId) -> Result<(), HostError> {
        self.forget_places();
        // SAFETY: no memory is handed over.
        done(unsafe { proxy_set_effective_context(stream.0) })
    }

    fn headers(&mut self, map: HeaderMap) -> Result<Vec<u8>, HostError> {
        // SAFETY: as above.
        received(|data, size| unsafe { proxy_get_header_map_pairs(number(map), data, size) })
    }

    fn header(&mut self, map: HeaderMap, name: &str) -> Option<Vec<u8>> {
        let map = number(map);
        // SAFETY: the host reads the name during the call; for the rest as above.
        received(|data, size| unsafe {
            proxy_get_header_map_value(map, name.as_ptr(), name.len(), data, size)
        })
        .ok()
    }

    fn edit(&mut self, map: HeaderMap, edit: &Edit<'_>) -> Result<(), HostError> {
        self.forget_places();
        let map = number(map);
        // SAFETY: the host reads name and value during the call.
        done(match *edit {
            Edit::Remove { name } => unsafe { proxy_remove_header_map_value(map, name.as_ptr(), name.len()) },
            Edit::Replace { name, value } => unsafe {
                proxy_replace_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
            },
            Edit::Add { name, value } => unsafe {
                proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len())
            },
        })
    }

    fn resume_request(&mut self) -> Result<(), HostError> {
        self.forget_places();
        // SAFETY: no memory is handed over.
        done(unsafe { proxy_continue_stream(REQUEST) })
    }

    fn request_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: as above.
        received(|data, size| unsafe { proxy_get_buffer_bytes(REQUEST_BODY, 0, limit, data, size) })
    }

    fn response_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: as above.
        received(|data, size| unsafe { proxy_get_buffer_bytes(RESPONSE_BODY, 0, limit, data, size) })
    }

    fn answer_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: as above.
        received(|data, size| unsafe { proxy_get_buffer_bytes(CALL_RESPONSE_BODY, 0, limit, data, size) })
    }

    fn answer_message(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        // SAFETY: as above.
        received(|data, size| unsafe { proxy_get_buffer_bytes(GRPC_RECEIVE_BUFFER, 0, limit, data, size) })
    }

    fn send_local_reply(&mut self, reply: &LocalReply) -> Result<(), HostError> {
        self.forget_places();
        let headers: Vec<_> = reply.headers.iter().map(|(name, value)| (name.as_bytes(), value)).collect();
        let headers = pairs::encode(&headers);
        // SAFETY: the host reads details, body and headers during the call.
        done(unsafe {
            proxy_send_local_response(
                u32::from(reply.status),
                reply.code.as_ptr(),
                reply.code.len(),
                reply.body.as_ptr(),
                reply.body.len(),
                headers.as_ptr(),
                headers.len(),
                reply.grpc_status.map_or(-1, |status| status as i32),
            )
        })
    }
}

fn number(map: HeaderMap) -> u32 {
    match map {
        HeaderMap::Request => 0,
        HeaderMap::Response => 2,
        HeaderMap::ResponseTrailers => 3,
        HeaderMap::Answer => 6,
    }
}

fn done(status: u32) -> Result<(), HostError> {
    if status == 0 { Ok(()) } else { Err(HostError(status)) }
}

/// Takes over what the host has written into memory that it asked of our allocator.
fn received(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    done(call(&mut data, &mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host got this memory from `proxy_on_memory_allocate`, which hands out a boxed slice of exactly `size` bytes,
    // and keeps no reference to it.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}
