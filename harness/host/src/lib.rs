//! The wasmtime host: runs a proxy-wasm module over the simulated proxy, as Envoy 1.40 would run it.
//!
//! [`Module::load`] checks what Envoy checks, with an error that says what to do about it. An [`Instance`] is one VM; it
//! implements [`portcullis_sim::Plugin`], so that a [`portcullis_sim::Proxy`] can carry requests through it, and it
//! counts what each callback costs. The hostcalls themselves are in `portcullis-abi`, which knows no engine.
//!
//! # Test your own module with `cargo test`
//!
//! Any proxy-wasm module will do; here it is a small one as text, and usually it comes from
//! `std::fs::read("target/wasm32-wasip1/release/my_filter.wasm")`.
//!
//! ```
//! use std::sync::Arc;
//!
//! use portcullis_host::Module;
//! use portcullis_sim::http::{Request, Response, Sending};
//! use portcullis_sim::{PluginSetup, Proxy, Setup, Sim};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let bytes = wat::parse_str(r#"(module
//!     (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
//!     (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
//!     (memory (export "memory") 1)
//!     (data (i32.const 0) "x-stamphello")
//!     (func (export "proxy_abi_version_0_2_1"))
//!     (func (export "malloc") (param i32) (result i32) (i32.const 1024))
//!     (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
//!         (drop (call $add (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 7) (i32.const 5)))
//!         (drop (call $log (i32.const 2) (i32.const 7) (i32.const 5)))
//!         (i32.const 0)))"#)?;
//!
//! let module = Module::load(&bytes)?;
//! let vms = move |plugin: &PluginSetup| module.instantiate(plugin).map_err(|error| error.to_string());
//! let mut proxy = Proxy::start(Sim::new(Setup::of("its configuration")), Arc::new(vms))?;
//!
//! let headers = [(":method", "GET"), (":path", "/orders"), (":authority", "shop.example")];
//! let headers = headers.map(|(name, value)| (name.into(), value.into())).to_vec();
//! let request = Request { headers, ..Request::default() };
//! let upstream = Response { status: 200, body: vec![b"two orders".to_vec()], ..Response::default() };
//! let exchange = proxy.send(&[Sending { request, upstream: upstream.into(), ..Sending::default() }]).remove(0);
//!
//! let client = exchange.client.ok_or("the stream was reset, or waits")?;
//! assert_eq!((client.status, client.body.concat()), (200, b"two orders".to_vec()));
//! let upstream = exchange.upstream.ok_or("the upstream was not asked")?;
//! assert!(upstream.headers.contains(&(b"x-stamp".to_vec(), b"hello".to_vec())));
//! assert_eq!(exchange.details.as_deref(), Some("via_upstream"));
//! assert_eq!(proxy.sim().log()[0].message, "hello");
//! assert!(proxy.trap().is_none());
//! # Ok(())
//! # }
//! ```
//!
//! A [`Setup`](portcullis_sim::Setup) has more: several plugins, workers, clusters that answer call-outs, a clock. The crate
//! `portcullis-scenario` plays files of requests and expectations on the same proxy.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod entry;
mod error;
mod guest;
mod instance;
mod link;
mod module;
mod options;
mod profile;
mod state;
mod trap;

pub use error::LoadError;
pub use instance::Instance;
pub use module::Module;
pub use options::LoadOptions;
pub use portcullis_abi::Budget;
pub use portcullis_inspect::{AbiVersion, Description, ModuleError};
