use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;

use portcullis_sim::http::{Protocol, Request};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::client::{Client, Outcome, PATIENCE};
use crate::message::outgoing_request;

/// The admin interface of a running Envoy.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    runtime: Runtime,
}

impl Admin {
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { address, runtime: Builder::new_current_thread().enable_all().build()? })
    }

    /// Whether Envoy serves: its workers have started.
    pub fn is_ready(&self) -> bool {
        self.page("/ready").is_ok()
    }

    /// Where the listener of this name listens.
    ///
    /// # Errors
    /// One line: there is none, or Envoy does not answer.
    pub fn listener(&self, name: &str) -> Result<SocketAddr, String> {
        let page = self.json("/listeners?format=json")?;
        address_of(&page, name).ok_or_else(|| format!("Envoy has no listener {name}"))
    }

    /// The counters and gauges whose names start with `prefix` (letters, digits, `_`, `.`), without it.
    ///
    /// # Errors
    /// One line: Envoy does not answer.
    pub fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>, String> {
        let page = self.json(&format!("/stats?format=json&filter={prefix}"))?;
        Ok(stats_in(&page, prefix))
    }

    fn json(&self, path: &str) -> Result<Value, String> {
        let page = self.page(path)?;
        serde_json::from_slice(&page).map_err(|error| format!("{path} of Envoy's admin: {error}"))
    }

    fn page(&self, path: &str) -> Result<Vec<u8>, String> {
        let authority = self.address.to_string();
        let headers = [(":authority", authority.as_str()), (":path", path)];
        let headers = headers.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        let request = Request { headers: headers.to_vec(), ..Request::default() };
        let request = outgoing_request(Protocol::Http1, &request)?;
        let outcome = self.runtime.block_on(async {
            let client = Client::new().map_err(|error| error.to_string())?;
            client.round_trip(self.address, Protocol::Http1, request, PATIENCE).await
        })?;
        match outcome {
            Outcome::Answered(response) if response.status == 200 => Ok(response.body.concat()),
            Outcome::Answered(response) => {
                Err(format!("{path} of Envoy's admin: status {}", response.status))
            }
            Outcome::Reset | Outcome::GaveUp => Err(format!("{path} of Envoy's admin: no answer")),
        }
    }
}

fn address_of(page: &Value, name: &str) -> Option<SocketAddr> {
    let listeners = page.get("listener_statuses")?.as_array()?;
    let listener = listeners.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(name))?;
    let socket = listener.pointer("/local_address/socket_address")?;
    let port = u16::try_from(socket.get("port_value")?.as_u64()?).ok()?;
    Some(SocketAddr::new(socket.get("address")?.as_str()?.parse().ok()?, port))
}

/// Text readouts have no number and histograms no name of their own at this level: both drop out.
fn stats_in(page: &Value, prefix: &str) -> BTreeMap<String, u64> {
    let stats = page.get("stats").and_then(Value::as_array).into_iter().flatten();
    let named = stats.filter_map(|stat| {
        let name = stat.get("name")?.as_str()?.strip_prefix(prefix)?;
        Some((name.to_owned(), stat.get("value")?.as_u64()?))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_listener_is_found_by_its_name() {
        let socket = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 4711 } });
        let page = json!({ "listener_statuses": [
            { "name": "other", "local_address": {} }, { "name": "main", "local_address": socket },
        ] });
        assert_eq!(address_of(&page, "main"), Some(SocketAddr::from(([127, 0, 0, 1], 4711))));
        assert_eq!(address_of(&page, "other"), None);
    }

    #[test]
    fn stats_lose_their_prefix_and_what_is_not_a_number_drops_out() {
        let page = json!({ "stats": [
            { "name": "wasmcustom.hits", "value": 3 }, { "name": "wasm.x", "value": 1 },
            { "name": "wasmcustom.text", "value": "a" }, { "histograms": {} },
        ] });
        assert_eq!(stats_in(&page, "wasmcustom."), BTreeMap::from([("hits".to_owned(), 3)]));
    }
}
