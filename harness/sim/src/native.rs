use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_kit::{
    CallId, CallOuts, Clock, ConfigError, Counter, Datum, Driver, Edit, Entropy, ForeignFunctions, Gauge,
    GrpcCall, HeaderMap, Histogram, HostError, HttpCall, Link, LocalReply, Logging, Metrics, Module, Outcome,
    Properties, SharedData, StreamHost, StreamId, UnixTime, WriteError, pairs,
};

use crate::abi::{self, BufferType, MapType, MetricType};
use crate::{Callback, LocalResponse, Plugin, Refusal, Sim, Status, Trap};

/// Nothing of a request goes on, as a module of ours returns it.
const STOP_ALL: u32 = 4;

/// What makes the filters of a plugin from its configuration.
type Configure = fn(&[u8], &mut dyn StreamHost) -> Result<Driver, ConfigError>;

/// A plugin as native code: no VM, and no ABI in between.
#[derive(Debug)]
pub struct NativePlugin {
    configure: Configure,
    /// By root context.
    drivers: BTreeMap<u32, Driver>,
    /// The root context of each stream.
    roots: BTreeMap<u32, u32>,
}

impl NativePlugin {
    /// One that has not been configured yet, of this filter or these filters.
    pub const fn of<M: Module>() -> Self {
        Self { configure: Driver::configure::<M>, drivers: BTreeMap::new(), roots: BTreeMap::new() }
    }

    /// The filters that a stream goes through, in the order in which its request meets them.
    pub fn links(&self, stream: u32) -> impl Iterator<Item = &dyn Link> {
        let driver = self.roots.get(&stream).and_then(|root| self.drivers.get(root));
        driver.into_iter().flat_map(Driver::links)
    }

    fn of_stream(&mut self, context: u32) -> Option<&mut Driver> {
        self.drivers.get_mut(self.roots.get(&context)?)
    }
}

impl Plugin for NativePlugin {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        match callback {
            Callback::Configure { context, size } => {
                let configuration =
                    sim.buffer_bytes(BufferType::PluginConfiguration as u32, 0, size).unwrap_or_default();
                let Ok(mut driver) = (self.configure)(&configuration, sim) else { return Ok(Some(0)) };
                self.drivers.values().for_each(|former| driver.inherit(former));
                self.drivers.insert(context, driver);
                return Ok(Some(1));
            }
            Callback::ContextCreate { context, parent } if parent > 0 => {
                self.roots.insert(context, parent);
            }
            Callback::Delete { context } => {
                if let Some(driver) = self.of_stream(context) {
                    driver.on_delete(StreamId(context), sim);
                }
                self.roots.remove(&context);
                if let Some(driver) = self.drivers.get_mut(&context) {
                    driver.on_stop(sim);
                }
            }
            Callback::Tick { context }
            | Callback::HttpCallResponse { context, .. }
            | Callback::GrpcReceive { context, .. }
            | Callback::GrpcClose { context, .. } => {
                if let Some(driver) = self.drivers.get_mut(&context) {
                    root_callback(driver, callback, sim);
                }
            }
            Callback::RequestHeaders { context, .. }
            | Callback::RequestBody { context, .. }
            | Callback::RequestTrailers { context, .. }
            | Callback::ResponseHeaders { context, .. }
            | Callback::ResponseBody { context, .. }
            | Callback::ResponseTrailers { context, .. }
            | Callback::Log { context } => {
                let answer =
                    self.of_stream(context).and_then(|driver| stream_callback(driver, callback, sim));
                return Ok(answer.or_else(|| Some(callback.absent())));
            }
            Callback::Start | Callback::ContextCreate { .. } => {}
            _ => return Ok(None),
        }
        Ok(Some(callback.absent()))
    }
}

fn root_callback(driver: &mut Driver, callback: Callback, sim: &mut Sim) {
    match callback {
        Callback::Tick { .. } => driver.on_tick(sim),
        Callback::HttpCallResponse { token, .. } => driver.on_http_answer(CallId(token), sim),
        Callback::GrpcReceive { token, .. } => driver.on_grpc_message(CallId(token), sim),
        Callback::GrpcClose { token, status, .. } => driver.on_grpc_failure(CallId(token), status, sim),
        _ => {}
    }
}

fn stream_callback(driver: &mut Driver, callback: Callback, sim: &mut Sim) -> Option<u32> {
    match callback {
        Callback::RequestHeaders { context, end_of_stream, .. } => {
            return Some(match driver.on_request_headers(StreamId(context), end_of_stream, sim) {
                Outcome::Continue => 0,
                Outcome::Paused | Outcome::Replied => STOP_ALL,
            });
        }
        Callback::RequestBody { context, size, end_of_stream } => {
            driver.on_request_body(StreamId(context), size as usize, end_of_stream, sim);
        }
        Callback::RequestTrailers { context, .. } => driver.on_request_trailers(StreamId(context), sim),
        Callback::ResponseHeaders { context, end_of_stream, .. } => {
            driver.on_response_headers(StreamId(context), end_of_stream, sim);
        }
        Callback::ResponseBody { context, size, end_of_stream } => {
            driver.on_response_body(StreamId(context), size as usize, end_of_stream, sim);
        }
        Callback::ResponseTrailers { context, .. } => driver.on_response_trailers(StreamId(context), sim),
        Callback::Log { context } => driver.on_log(StreamId(context), sim),
        _ => {}
    }
    None
}

impl Clock for Sim {
    fn now(&self) -> UnixTime {
        self.clock
    }

    fn monotonic(&self) -> Duration {
        self.uptime()
    }
}

impl Logging for Sim {
    fn log(&mut self, level: log::Level, message: &str) {
        // 0 is trace in the ABI, and Error is 1 in `log`: no level is unknown.
        let _ = self.write_log(5_u32.saturating_sub(level as u32), message.as_bytes());
    }
}

impl Metrics for Sim {
    fn counter(&mut self, name: &str) -> Counter {
        Counter(self.define_metric(MetricType::Counter as u32, name.as_bytes()).ok())
    }

    fn gauge(&mut self, name: &str) -> Gauge {
        Gauge(self.define_metric(MetricType::Gauge as u32, name.as_bytes()).ok())
    }

    fn histogram(&mut self, name: &str) -> Histogram {
        Histogram(self.define_metric(MetricType::Histogram as u32, name.as_bytes()).ok())
    }

    fn add(&mut self, counter: Counter, amount: u32) {
        if let Some(id) = counter.0.filter(|_| amount > 0) {
            // The id came from `counter` and the amount is positive.
            let _ = self.increment_metric(id, i64::from(amount));
        }
    }

    fn set(&mut self, gauge: Gauge, value: u64) {
        if let Gauge(Some(id)) = gauge {
            // The id came from `gauge`.
            let _ = self.record_metric(id, value);
        }
    }

    fn adjust(&mut self, gauge: Gauge, by: i64) {
        if let Gauge(Some(id)) = gauge {
            // The id came from `gauge`.
            let _ = self.increment_metric(id, by);
        }
    }

    fn record(&mut self, histogram: Histogram, sample: u64) {
        if let Histogram(Some(id)) = histogram {
            // The id came from `histogram`.
            let _ = self.record_metric(id, sample);
        }
    }
}

impl Properties for Sim {
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
        self.property_value(path.join("\0").as_bytes()).ok()
    }

    fn set_property(&mut self, name: &str, value: &[u8]) -> Result<(), HostError> {
        Self::set_property(self, name.as_bytes(), value).map_err(refused)
    }
}

impl ForeignFunctions for Sim {
    fn foreign(&mut self, name: &str, argument: &[u8]) -> Result<Vec<u8>, HostError> {
        self.call_foreign_function(name.as_bytes(), argument).map(Option::unwrap_or_default).map_err(refused)
    }
}

impl SharedData for Sim {
    fn shared(&mut self, key: &str) -> Result<Option<Datum>, HostError> {
        match self.shared_data(key.as_bytes()) {
            Ok((value, cas)) => Ok(Some(Datum { value, cas })),
            Err(refusal) if refusal.status == Status::NotFound => Ok(None),
            Err(refusal) => Err(refused(refusal)),
        }
    }

    fn set_shared(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), WriteError> {
        self.set_shared_data(key.as_bytes(), value, cas).map_err(|refusal| match refusal.status {
            Status::CasMismatch => WriteError::Conflict,
            _ => WriteError::Host(refused(refusal)),
        })
    }
}

impl CallOuts for Sim {
    fn http_call(&mut self, call: &HttpCall<'_>) -> Result<CallId, HostError> {
        let call = abi::HttpCall {
            cluster: call.cluster.as_bytes(),
            headers: &call.block(),
            body: call.body,
            trailers: &[],
            timeout_milliseconds: call.timeout_milliseconds(),
        };
        Self::http_call(self, &call).map(CallId).map_err(refused)
    }

    fn grpc_call(&mut self, call: &GrpcCall<'_>) -> Result<CallId, HostError> {
        let call = abi::GrpcCall {
            cluster: &call.target(),
            service: call.service.as_bytes(),
            method: call.method.as_bytes(),
            metadata: &[],
            message: call.message,
            timeout_milliseconds: call.timeout_milliseconds(),
        };
        Self::grpc_call(self, &call).map(CallId).map_err(refused)
    }
}

impl Entropy for Sim {
    fn random(&mut self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        self.fill_random(&mut bytes);
        Some(bytes)
    }
}

impl StreamHost for Sim {
    fn set_tick(&mut self, period: Duration) {
        // It is refused only where no plugin has been started.
        let _ = self.set_tick_period(u32::try_from(period.as_millis()).unwrap_or(u32::MAX));
    }

    fn enter(&mut self, stream: StreamId) -> Result<(), HostError> {
        self.set_effective_context(stream.0).map_err(refused)
    }

    fn headers(&mut self, map: HeaderMap) -> Result<Vec<u8>, HostError> {
        self.header_map_pairs(number(map)).map(|fields| pairs::encode(&fields)).map_err(refused)
    }

    fn header(&mut self, map: HeaderMap, name: &str) -> Option<Vec<u8>> {
        self.header_map_value(number(map), name.as_bytes()).ok()
    }

    fn edit(&mut self, map: HeaderMap, edit: &Edit<'_>) -> Result<(), HostError> {
        let map = number(map);
        let edited = match *edit {
            Edit::Remove { name } => self.remove_header_map_value(map, name),
            Edit::Replace { name, value } => self.replace_header_map_value(map, name, value),
            Edit::Add { name, value } => self.add_header_map_value(map, name, value),
        };
        edited.map_err(refused)
    }

    fn request_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.buffer_bytes(BufferType::RequestBody as u32, 0, limit).map_err(refused)
    }

    fn response_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.buffer_bytes(BufferType::ResponseBody as u32, 0, limit).map_err(refused)
    }

    fn answer_body(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.buffer_bytes(BufferType::HttpCallResponseBody as u32, 0, limit).map_err(refused)
    }

    fn answer_message(&mut self, limit: usize) -> Result<Vec<u8>, HostError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.buffer_bytes(BufferType::GrpcReceive as u32, 0, limit).map_err(refused)
    }

    fn resume_request(&mut self) -> Result<(), HostError> {
        self.continue_stream(0).map_err(refused)
    }

    fn send_local_reply(&mut self, reply: &LocalReply) -> Result<(), HostError> {
        let headers =
            reply.headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.clone())).collect();
        let response = LocalResponse {
            status: reply.status,
            details: reply.code.as_bytes().to_vec(),
            body: reply.body.clone(),
            headers,
            grpc_status: reply.grpc_status.map_or(-1, |status| status as i32),
        };
        self.send_local_response(response, &[]).map_err(refused)
    }
}

fn number(map: HeaderMap) -> u32 {
    let map = match map {
        HeaderMap::Request => MapType::RequestHeaders,
        HeaderMap::Response => MapType::ResponseHeaders,
        HeaderMap::ResponseTrailers => MapType::ResponseTrailers,
        HeaderMap::Answer => MapType::HttpCallResponseHeaders,
    };
    map as u32
}

fn refused(refusal: Refusal) -> HostError {
    HostError(refusal.status as u32)
}

#[cfg(test)]
mod tests;
