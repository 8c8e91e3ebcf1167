use std::cell::RefCell;
use std::rc::Rc;

use log::Level;
use portcullis_kit::{Driver, HttpFilter, Logging, Outcome};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use crate::hostcalls::{self, Hostcalls};

/// The root context: one filter, shared by its streams.
pub struct Plugin<F> {
    driver: Shared<F>,
}

/// `None` until the configuration has been accepted.
type Shared<F> = Rc<RefCell<Option<Driver<F>>>>;

struct Stream<F> {
    driver: Shared<F>,
}

impl<F> Default for Plugin<F> {
    fn default() -> Self {
        Self { driver: Shared::default() }
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
        let Ok(driver) = Driver::configure(&configuration, &mut host) else { return false };
        self.driver = Rc::new(RefCell::new(Some(driver)));
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { driver: self.driver.clone() }))
    }
}

impl<F: HttpFilter> Context for Stream<F> {}

impl<F: HttpFilter> HttpContext for Stream<F> {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let mut host = Hostcalls::default();
        // Envoy creates no stream before the configuration was accepted, and no callback runs inside another.
        let outcome = match self.driver.try_borrow_mut().as_deref_mut() {
            Ok(Some(driver)) => driver.on_request_headers(&mut host),
            _ => Driver::<F>::refuse(&mut host, "not configured"),
        };
        match outcome {
            Outcome::Continue => Action::Continue,
            Outcome::Replied => Action::Pause,
        }
    }
}
