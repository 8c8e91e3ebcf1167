//! The answers to call-outs. The SDK's dispatcher knows only calls that were made through the SDK, and loses the answer to one whose
//! stream is over; requests of other streams may wait for it. So this callback has an export of its own, which takes the place of the
//! SDK's when the module is finished.
#![expect(unsafe_code, reason = "an export without a mangled name")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use portcullis_kit::CallId;

/// Whoever takes the answers of a root context.
pub(crate) trait TakesAnswers {
    fn on_http_answer(&self, call: CallId);
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

/// `proxy_on_http_call_response`.
#[unsafe(no_mangle)]
extern "C" fn portcullis_on_http_call_response(
    root: u32,
    token: u32,
    _headers: u32,
    _body: u32,
    _trailers: u32,
) {
    let taker = ROOTS.with_borrow(|roots| roots.get(&root).cloned());
    if let Some(taker) = taker {
        taker.on_http_answer(CallId(token));
    }
}
