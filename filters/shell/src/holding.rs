//! What holds a request. The SDK has one word for it, `Pause`, which stops the headers alone: under Envoy's option
//! `allow_on_headers_stop_iteration` the body, which goes on by itself, then takes the request along to the upstream. So this
//! callback has an export of its own, which takes the place of the SDK's when the module is finished.
#![expect(unsafe_code, reason = "an export without a mangled name, and a call of the SDK's")]

const PAUSE: u32 = 1;
/// Nothing of the request goes on, whatever the options say (Envoy's `FilterHeadersStatus::StopAllIterationAndWatermark`).
const STOP_ALL: u32 = 4;

unsafe extern "C" {
    /// The SDK's, under the name that it exports, and with its very types: the linker would make a trap of a call with others.
    fn proxy_on_request_headers(stream: u32, count: usize, end_of_stream: bool) -> u32;
}

/// `proxy_on_request_headers`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_request_headers(stream: u32, count: usize, end_of_stream: bool) -> u32 {
    // SAFETY: the numbers go to the SDK as they came; no memory is handed over.
    match unsafe { proxy_on_request_headers(stream, count, end_of_stream) } {
        PAUSE => STOP_ALL,
        action => action,
    }
}
