//! A guest of the proxy-wasm ABI 0.2.1 that does what its configuration says: one line per callback, with the
//! hostcalls to make in it, and one log line for each with the status and the value that came back.
//!
//! ```text
//! request_headers: get 0 x-a; add 0 x-b 1; return 1
//! http_call_response: get 6 :status; buffer 4 0 100; continue 0
//! ```
//!
//! A callback that has a line logs its own name and arguments first; one without a line says nothing and
//! continues. Where a callback has several lines, the first call in a context takes the first, the next call the
//! next, and the last line stays. [`ops`] lists the hostcalls.

mod callbacks;
mod host;
mod ops;
mod script;
mod state;
mod text;
