//! The answers to call-outs. The SDK's dispatcher knows only calls that were made through the SDK, and loses the answer to one whose
//! stream is over; requests of other streams may wait for it. So these callbacks have exports of their own, which take the place of
//! the SDK's when the module is finished.
#![expect(unsafe_code, reason = "an export without a mangled name")]

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use portcullis_kit::CallId;

/// Whoever takes the answers of a root context.
pub(crate) trait TakesAnswers {
    fn on_http_answer(&self, call: CallId);
    fn on_grpc_message(&self, call: CallId);
    fn on_grpc_failure(&self, call: CallId, status: u32);
    fn as_any(&self) -> &dyn Any;
}

thread_local! {
    static ROOTS: RefCell<BTreeMap<u32, Rc<dyn TakesAnswers>>> = const { RefCell::new(BTreeMap::new()) };
}

/// From now on the answers of this root context go here.
pub(crate) fn register(root: u32, taker: Rc<dyn TakesAnswers>) {
    ROOTS.with_borrow_mut(|roots| roots.insert(root, taker));
}

/// From now on they go nowhere: Envoy keeps the VM when a configuration changes, and the former root context goes.
pub(crate) fn unregister(root: u32) {
    ROOTS.with_borrow_mut(|roots| roots.remove(&root));
}

/// Whoever takes the answers of the root contexts of this VM.
pub(crate) fn all() -> Vec<Rc<dyn TakesAnswers>> {
    ROOTS.with_borrow(|roots| roots.values().cloned().collect())
}

fn taker(root: u32) -> Option<Rc<dyn TakesAnswers>> {
    ROOTS.with_borrow(|roots| roots.get(&root).cloned())
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
    if let Some(taker) = taker(root) {
        taker.on_http_answer(CallId(token));
    }
}

/// `proxy_on_grpc_receive`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_grpc_receive(root: u32, token: u32, _size: u32) {
    if let Some(taker) = taker(root) {
        taker.on_grpc_message(CallId(token));
    }
}

/// `proxy_on_grpc_close`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_grpc_close(root: u32, token: u32, status: u32) {
    if let Some(taker) = taker(root) {
        taker.on_grpc_failure(CallId(token), status);
    }
}
