use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use log::Level;
use portcullis_kit::{Driver, Logging, Module, Outcome, StreamHost, StreamId};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::answers;
use crate::hostcalls::{self, Hostcalls};

/// The root context: one plugin, shared by its streams.
pub struct Plugin<M> {
    id: u32,
    driver: Shared,
    module: PhantomData<M>,
}

/// `None` until the configuration has been accepted.
pub(crate) type Shared = Rc<RefCell<Option<Driver>>>;

struct Stream {
    id: StreamId,
    name: &'static str,
    driver: Shared,
}

impl<M: Module> Plugin<M> {
    /// The root context of this number.
    pub fn new(id: u32) -> Self {
        Self { id, driver: Shared::default(), module: PhantomData }
    }
}

impl<M: Module> Context for Plugin<M> {}

impl<M: Module> RootContext for Plugin<M> {
    fn on_configure(&mut self, _size: usize) -> bool {
        let mut host = Hostcalls::default();
        let configuration = match hostcalls::plugin_configuration() {
            Ok(configuration) => configuration,
            Err(error) => {
                host.log(Level::Error, &format!("{}: configuration: {error}", M::TITLE));
                return false;
            }
        };
        let Ok(mut driver) = Driver::configure::<M>(&configuration, &mut host) else { return false };
        for former in answers::all() {
            with(&former, |former| driver.inherit(former));
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
        Some(Box::new(Stream { id: StreamId(context_id), name: M::TITLE, driver: self.driver.clone() }))
    }
}

impl<M> Drop for Plugin<M> {
    /// The SDK drops a root context in `proxy_on_delete`. Envoy's timer would go on without it.
    fn drop(&mut self) {
        answers::unregister(self.id);
        with(&self.driver, |driver| driver.on_stop(&mut Hostcalls::default()));
        Hostcalls::default().set_tick(Duration::ZERO);
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let mut host = Hostcalls::default();
        let outcome =
            with(&self.driver, |driver| driver.on_request_headers(self.id, end_of_stream, &mut host));
        match outcome.unwrap_or_else(|| Driver::refuse(self.name, &mut host, "not configured")) {
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

impl Drop for Stream {
    /// The SDK drops a stream in `proxy_on_delete`.
    fn drop(&mut self) {
        with(&self.driver, |driver| driver.on_delete(self.id, &mut Hostcalls::default()));
    }
}

/// Envoy creates no stream before the configuration was accepted, and no callback runs inside another: `None` is a host's mistake.
pub(crate) fn with<T>(driver: &RefCell<Option<Driver>>, act: impl FnOnce(&mut Driver) -> T) -> Option<T> {
    driver.try_borrow_mut().ok()?.as_mut().map(act)
}
