//! The answers to call-outs. The SDK's dispatcher knows only calls that were made through the SDK, and loses the answer to one whose
//! stream is over; requests of other streams may wait for it. So these callbacks have exports of their own, which take the place of
//! the SDK's when the module is finished.
#![expect(unsafe_code, reason = "an export without a mangled name")]

use std::cell::RefCell;
use std::collections::BTreeMap;

use portcullis_kit::{CallId, Driver};

use crate::hostcalls::Hostcalls;
use crate::plugin::{Shared, with};

thread_local! {
    static ROOTS: RefCell<BTreeMap<u32, Shared>> = const { RefCell::new(BTreeMap::new()) };
}

/// From now on the answers of this root context go here.
pub(crate) fn register(root: u32, driver: Shared) {
    ROOTS.with_borrow_mut(|roots| roots.insert(root, driver));
}

/// From now on they go nowhere: Envoy keeps the VM when a configuration changes, and the former root context goes.
pub(crate) fn unregister(root: u32) {
    ROOTS.with_borrow_mut(|roots| roots.remove(&root));
}

/// Whoever takes the answers of the root contexts of this VM.
pub(crate) fn all() -> Vec<Shared> {
    ROOTS.with_borrow(|roots| roots.values().cloned().collect())
}

fn with_root(root: u32, act: impl FnOnce(&mut Driver)) {
    if let Some(driver) = ROOTS.with_borrow(|roots| roots.get(&root).cloned()) {
        with(&driver, act);
    }
}

/// `proxy_on_http_call_response`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_http_call_response(
    root: u32,
    token: u32,
    _headers: u32,
    _body: u32,
    _trailers: u32,
) {
    with_root(root, |driver| driver.on_http_answer(CallId(token), &mut Hostcalls::default()));
}

/// `proxy_on_grpc_receive`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_grpc_receive(root: u32, token: u32, _size: u32) {
    with_root(root, |driver| driver.on_grpc_message(CallId(token), &mut Hostcalls::default()));
}

/// `proxy_on_grpc_close`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_grpc_close(root: u32, token: u32, status: u32) {
    with_root(root, |driver| driver.on_grpc_failure(CallId(token), status, &mut Hostcalls::default()));
}
