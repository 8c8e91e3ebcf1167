//! The vocabulary that every Portcullis filter speaks.
//!
//! A filter is a type that implements [`HttpFilter`]. It reads and edits [`Headers`], asks its [`Host`]
//! for the time or a property, and lets the request pass or, as the error path, answers with a [`LocalReply`].
//! The [`Driver`] carries one filter, or several, through the callbacks of a proxy; the proxy is a [`StreamHost`], which
//! is Envoy in `portcullis-shell` and a simulation in `portcullis-sim`.
//!
//! ```
//! use portcullis_kit::{Action, ConfigError, Headers, Host, HttpFilter, LocalReply, ReplyFormat, StreamId};
//!
//! /// Answers 403 to every request that does not carry the header `x-api-key`.
//! struct RequireKey;
//!
//! impl HttpFilter for RequireKey {
//!     const NAME: &'static str = "require-key";
//!     type Stream = ();
//!
//!     fn configure(_configuration: &[u8]) -> Result<Self, ConfigError> {
//!         Ok(Self)
//!     }
//!
//!     fn on_request_headers(
//!         &mut self,
//!         _: (StreamId, &mut ()),
//!         request: &mut Headers,
//!         _: &mut dyn Host,
//!     ) -> Result<Action, LocalReply> {
//!         if request.first("x-api-key").is_none() {
//!             return Err(LocalReply::new(403, "example_key_missing", "send x-api-key", ReplyFormat::Text));
//!         }
//!         request.remove("x-api-key");
//!         Ok(Action::Continue)
//!     }
//! }
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod bucket;
mod circuit;
mod config;
mod driver;
pub mod export;
mod filter;
mod from_value;
mod headers;
mod host;
pub mod json;
pub mod node;
pub mod pairs;
pub mod parts;
mod reply;
mod retry;
pub mod rollout;
pub mod rules;
mod size;
mod statuses;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;

pub use circuit::Circuit;
pub use config::{
    ConfigError, Span, cluster_authority, distinct_names, domain, parse_config, stat_name, stat_prefix,
};
pub use driver::{Driver, Link, Module, Outcome, filter_of, link};
pub use filter::{Action, HttpFilter, Reads};
pub use headers::{Edit, Headers};
pub use host::{
    CREATE, CallId, CallOuts, Clock, Counter, Datum, Entropy, ForeignFunctions, Gauge, GrpcAnswer, GrpcCall,
    HeaderMap, Histogram, Host, HostError, HttpAnswer, HttpCall, LogHost, Logging, Metrics, Properties,
    SharedData, StreamHost, StreamId, WriteError, update_shared,
};
pub use reply::{GrpcStatus, LocalReply, ReplyFormat, is_further_header, reply_headers};
pub use retry::retry_after;
pub use size::Size;
pub use statuses::Statuses;
pub use time::UnixTime;
