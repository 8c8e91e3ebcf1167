use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::Level;
use portcullis_kit::{CallId, Driver, HttpFilter, Logging, Outcome, StreamId, Timer};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::answers::{self, TakesAnswers};
use crate::hostcalls::{self, Hostcalls};

/// The root context: one filter, shared by its streams.
pub struct Plugin<F: HttpFilter> {
    id: u32,
    driver: Shared<F>,
}

/// `None` until the configuration has been accepted.
type Shared<F> = Rc<RefCell<Option<Driver<F>>>>;

struct Stream<F: HttpFilter> {
    id: StreamId,
    driver: Shared<F>,
}

impl<F: HttpFilter> Plugin<F> {
    /// The root context of this number.
    pub fn new(id: u32) -> Self {
        Self { id, driver: Shared::default() }
    }
}

impl<F: HttpFilter + 'static> Context for Plugin<F> {}

impl<F: HttpFilter + 'static> RootContext for Plugin<F> {
    fn on_configure(&mut self, _size: usize) -> bool {
        let mut host = Hostcalls::default();
        let configuration = match hostcalls::plugin_configuration() {
            Ok(configuration) => configuration,
            Err(error) => {
                host.log(Level::Error, &format!("{}: configuration: {error}", F::NAME));
                return false;
            }
        };
        let Ok(mut driver) = Driver::configure(&configuration, &mut host) else { return false };
        for former in answers::all() {
            if let Some(former) = former.as_any().downcast_ref::<RefCell<Option<Driver<F>>>>() {
                with(former, |former| driver.inherit(former));
            }
        }
        self.driver = Rc::new(RefCell::new(Some(driver)));
        answers::register(self.id, self.driver.clone());
        true
    }

    fn on_tick(&mut self) {
        with(&self.driver, |driver| driver.on_tick(&mut Hostcalls::default()));
    }

    /// As an access logger a plugin has no streams: what is over is told to the root context.
    fn on_log(&mut self) {
        with(&self.driver, |driver| driver.on_log(StreamId(self.id), &mut Hostcalls::default()));
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { id: StreamId(context_id), driver: self.driver.clone() }))
    }
}

impl<F: HttpFilter> Drop for Plugin<F> {
    /// The SDK drops a root context in `proxy_on_delete`. Envoy's timer would go on without it.
    fn drop(&mut self) {
        answers::unregister(self.id);
        with(&self.driver, |driver| driver.on_stop(&mut Hostcalls::default()));
        Hostcalls::default().set_tick(Duration::ZERO);
    }
}

impl<F: HttpFilter + 'static> TakesAnswers for RefCell<Option<Driver<F>>> {
    fn on_http_answer(&self, call: CallId) {
        with(self, |driver| driver.on_http_answer(call, &mut Hostcalls::default()));
    }

    fn on_grpc_message(&self, call: CallId) {
        with(self, |driver| driver.on_grpc_message(call, &mut Hostcalls::default()));
    }

    fn on_grpc_failure(&self, call: CallId, status: u32) {
        with(self, |driver| driver.on_grpc_failure(call, status, &mut Hostcalls::default()));
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<F: HttpFilter> Context for Stream<F> {}

impl<F: HttpFilter> HttpContext for Stream<F> {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let mut host = Hostcalls::default();
        let outcome =
            with(&self.driver, |driver| driver.on_request_headers(self.id, end_of_stream, &mut host));
        match outcome.unwrap_or_else(|| Driver::<F>::refuse(&mut host, "not configured")) {
            Outcome::Continue => Action::Continue,
            Outcome::Paused | Outcome::Replied => Action::Pause,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let mut host = Hostcalls::default();
        with(&self.driver, |driver| driver.on_request_body(self.id, size, end_of_stream, &mut host));
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        with(&self.driver, |driver| driver.on_request_trailers(self.id, &mut Hostcalls::default()));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let mut host = Hostcalls::default();
        with(&self.driver, |driver| driver.on_response_headers(self.id, end_of_stream, &mut host));
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        let mut host = Hostcalls::default();
        with(&self.driver, |driver| driver.on_response_body(self.id, size, end_of_stream, &mut host));
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        with(&self.driver, |driver| driver.on_response_trailers(self.id, &mut Hostcalls::default()));
        Action::Continue
    }

    fn on_log(&mut self) {
        with(&self.driver, |driver| driver.on_log(self.id, &mut Hostcalls::default()));
    }
}

impl<F: HttpFilter> Drop for Stream<F> {
    /// The SDK drops a stream in `proxy_on_delete`.
    fn drop(&mut self) {
        with(&self.driver, |driver| driver.on_delete(self.id, &mut Hostcalls::default()));
    }
}

/// Envoy creates no stream before the configuration was accepted, and no callback runs inside another: `None` is a host's mistake.
fn with<F: HttpFilter, T>(
    driver: &RefCell<Option<Driver<F>>>,
    act: impl FnOnce(&mut Driver<F>) -> T,
) -> Option<T> {
    driver.try_borrow_mut().ok()?.as_mut().map(act)
}
