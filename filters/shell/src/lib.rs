//! The adapter between a filter and a proxy-wasm host: [`export!`] makes a module of an
//! [`HttpFilter`](portcullis_kit::HttpFilter).
//!
//! The contexts and the dispatcher are the SDK's. The hostcalls are made here: the SDK's panic on a status that they do not
//! expect, and a panic ends every stream of an Envoy worker.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod holding;
mod hostcalls;
mod imports;
#[cfg(target_family = "wasm")]
mod memory;
mod plugin;

pub use plugin::Plugin;
#[doc(hidden)]
pub use proxy_wasm;

/// Makes a proxy-wasm module of a filter, or of several ([`Module`](portcullis_kit::Module)).
///
/// The callbacks are the exports that the finished module keeps; Envoy calls, and pays for, each one that it finds.
///
/// ```ignore
/// portcullis_shell::export!(JwtAuth, callbacks: ["proxy_on_request_headers"]);
/// ```
#[macro_export]
macro_rules! export {
    ($module:ty, callbacks: [$($callback:literal),+ $(,)?]) => {
        const CALLBACK_LIST: &[u8] = concat!($($callback, "\n"),+).as_bytes();

        /// Read, and removed, by the tool that finishes the module.
        #[used]
        #[unsafe(link_section = "portcullis.callbacks")]
        static CALLBACKS: [u8; CALLBACK_LIST.len()] = *CALLBACK_LIST.first_chunk().unwrap();

        const _: () = {
            $crate::proxy_wasm::main! {{
                $crate::proxy_wasm::set_root_context(|id| Box::new($crate::Plugin::<$module>::new(id)));
            }}
        };
    };
}
