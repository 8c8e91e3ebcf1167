use std::collections::BTreeMap;

use portcullis_kit::{
    Clock, Counter, Driver, HostError, HttpFilter, LocalReply, Logging, Metrics, Outcome, Properties,
    StreamHost, UnixTime, pairs,
};

use crate::abi::{BufferType, MapType, MetricType};
use crate::{Callback, LocalResponse, Plugin, Refusal, Sim, Trap};

/// A filter as native code: no VM, and no ABI in between.
#[derive(Debug)]
pub struct NativePlugin<F> {
    /// By root context.
    drivers: BTreeMap<u32, Driver<F>>,
    /// The root context of each stream.
    roots: BTreeMap<u32, u32>,
}

impl<F: HttpFilter> NativePlugin<F> {
    /// A filter that has not been configured yet.
    pub const fn new() -> Self {
        Self { drivers: BTreeMap::new(), roots: BTreeMap::new() }
    }
}

impl<F: HttpFilter> Default for NativePlugin<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: HttpFilter + Send> Plugin for NativePlugin<F> {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        Ok(match callback {
            Callback::Configure { context, size } => {
                let configuration =
                    sim.buffer_bytes(BufferType::PluginConfiguration as u32, 0, size).unwrap_or_default();
                let driver = Driver::configure(&configuration, sim).ok();
                let accepted = driver.map(|driver| self.drivers.insert(context, driver)).is_some();
                Some(u32::from(accepted))
            }
            Callback::ContextCreate { context, parent } if parent > 0 => {
                self.roots.insert(context, parent);
                None
            }
            Callback::Delete { context } => {
                self.roots.remove(&context);
                None
            }
            Callback::RequestHeaders { context, .. } => {
                let root = self.roots.get(&context);
                let driver = root.and_then(|root| self.drivers.get_mut(root));
                driver.map(|driver| match driver.on_request_headers(sim) {
                    Outcome::Continue => 0,
                    Outcome::Replied => 1,
                })
            }
            _ => None,
        })
    }
}

impl Clock for Sim {
    fn now(&self) -> UnixTime {
        self.clock
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

    fn add(&mut self, counter: Counter, amount: u32) {
        if let Some(id) = counter.0.filter(|_| amount > 0) {
            // The id came from `counter` and the amount is positive.
            let _ = self.increment_metric(id, i64::from(amount));
        }
    }
}

impl Properties for Sim {
    fn property(&mut self, path: &[&str]) -> Option<Vec<u8>> {
        self.property_value(path.join("\0").as_bytes()).ok()
    }
}

impl StreamHost for Sim {
    fn request_headers(&mut self) -> Result<Vec<u8>, HostError> {
        self.header_map_pairs(MapType::RequestHeaders as u32)
            .map(|fields| pairs::encode(&fields))
            .map_err(refused)
    }

    fn remove_request_header(&mut self, name: &[u8]) -> Result<(), HostError> {
        self.remove_header_map_value(MapType::RequestHeaders as u32, name).map_err(refused)
    }

    fn replace_request_header(&mut self, name: &[u8], value: &[u8]) -> Result<(), HostError> {
        self.replace_header_map_value(MapType::RequestHeaders as u32, name, value).map_err(refused)
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

fn refused(refusal: Refusal) -> HostError {
    HostError(refusal.status as u32)
}
