//! Envoy in a struct: what a plugin sees of the proxy, without a proxy.
//!
//! [`Sim`] stands behind the hostcalls: each is a method, and each refusal has a reason. A [`Plugin`] is one VM with the
//! callbacks of its plugins: native code ([`NativePlugin`]) or, in another crate, a WebAssembly module. [`Proxy`] starts the
//! plugins of a [`Setup`] as Envoy does, on every worker, and carries requests and connections through them. There is no
//! socket, no clock and no chance in it: time passes when it is told to, and randomness follows from a seed.
//!
//! ```
//! use portcullis_kit::{Action, ConfigError, Headers, Host, HttpFilter, LocalReply, StreamId};
//! use std::sync::Arc;
//!
//! use portcullis_sim::http::{Request, Sending};
//! use portcullis_sim::{NativePlugin, Proxy, Setup, Sim};
//!
//! struct Stamp;
//! impl HttpFilter for Stamp {
//!     const NAME: &'static str = "stamp";
//!     type Stream = ();
//!
//!     fn configure(_: &[u8]) -> Result<Self, ConfigError> {
//!         Ok(Self)
//!     }
//!
//!     fn on_request_headers(
//!         &mut self,
//!         _: (StreamId, &mut ()),
//!         request: &mut Headers,
//!         _: &mut dyn Host,
//!     ) -> Result<Action, LocalReply> {
//!         request.set("x-stamp", b"1");
//!         Ok(Action::Continue)
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut proxy = Proxy::start(Sim::new(Setup::of("")), Arc::new(|_| Ok(NativePlugin::of::<Stamp>())))?;
//! let headers = vec![(b":authority".to_vec(), b"a.example".to_vec())];
//! let request = Request { headers, ..Request::default() };
//! let exchange = proxy.send(&[Sending { request, ..Sending::default() }]).remove(0);
//! assert!(exchange.upstream.is_some_and(|it| it.headers.contains(&(b"x-stamp".to_vec(), b"1".to_vec()))));
//! assert_eq!(exchange.details.as_deref(), Some("via_upstream"));
//! # Ok(())
//! # }
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod abi;
mod callback;
mod costs;
mod events;
mod explorer;
pub mod http;
mod journal;
mod lint;
mod native;
mod proxy;
mod setup;
mod sim;
mod status;
mod stream;
pub mod tcp;
mod vm;

pub use callback::{Arguments, Callback, Cost, Export, Plugin, Trap};
pub use costs::{Costs, Hostcalls, Tally};
pub use explorer::{Explorer, Job};
pub use journal::{JournalEntry, Shown};
pub use lint::{Lint, Warning};
pub use native::NativePlugin;
pub use portcullis_kit::UnixTime;
pub use proxy::{Factory, Proxy, StartError};
pub use setup::{
    Answer, AnswerKind, Cluster, FailurePolicy, Faults, GrpcAnswer, PluginSetup, Profile, Reachability,
    Setup, SharedDatum,
};
pub use sim::Sim;
pub use status::{Hostcall, Refusal, Status};
pub use stream::LocalResponse;
