use portcullis_kit::{Action, ConfigError, Headers, Host, HttpFilter};

use super::*;
use crate::stream::{Filter, Half, Stream, Window};

/// Edits every request, and lets it wait where it is configured so; counts what it is told.
struct Counting {
    waits: bool,
}

fn count(name: &str, host: &mut dyn Host) {
    let counter = host.counter(name);
    host.add(counter, 1);
}

impl HttpFilter for Counting {
    const NAME: &'static str = "counting";
    type Stream = ();

    fn configure(configuration: &[u8]) -> Result<Self, ConfigError> {
        Ok(Self { waits: configuration == b"waits" })
    }

    fn on_request_headers(
        &mut self,
        _: (StreamId, &mut ()),
        request: &mut Headers,
        _: &mut dyn Host,
    ) -> Result<Action, LocalReply> {
        request.set("x-seen", b"1");
        Ok(if self.waits { Action::Pause } else { Action::Continue })
    }

    fn reads_request(&self) -> bool {
        false
    }

    fn watches(&self, (): &()) -> bool {
        true
    }

    fn on_response_headers(&mut self, _: (StreamId, &mut ()), _: &mut Headers, host: &mut dyn Host) {
        count("responses", host);
    }

    fn on_end(&mut self, _: (StreamId, ()), host: &mut dyn Host) {
        count("ends", host);
    }
}

fn in_stream(headers_window: Window) -> Sim {
    let request = Half { headers_window, ..Half::default() };
    let filters = vec![Filter { request, ..Filter::default() }];
    Sim::in_stream(Stream { filters, ..Stream::default() })
}

/// What a request comes to, and how many responses and ends the filter is told of.
fn exchange(configuration: &[u8], headers_window: Window) -> (Outcome, [u64; 2]) {
    let mut sim = in_stream(headers_window);
    let (mut driver, id) = (Driver::configure::<Counting>(configuration, &mut sim).unwrap(), StreamId(1));
    let outcome = driver.on_request_headers(id, true, &mut sim);
    driver.on_response_headers(id, true, &mut sim);
    driver.on_delete(id, &mut sim);
    let metrics = sim.metrics();
    (outcome, ["responses", "ends"].map(|name| metrics.get(name).copied().unwrap_or_default()))
}

#[test]
fn a_filter_sees_the_response_to_what_it_has_let_pass_and_to_nothing_else() {
    assert_eq!(exchange(b"", Window::Open), (Outcome::Continue, [1, 1]));
    assert_eq!(exchange(b"waits", Window::Open), (Outcome::Paused, [0, 1]), "the proxy answers itself");
}

#[test]
fn a_request_that_is_shown_ends_there_and_once() {
    for configuration in [&b""[..], b"waits"] {
        let mut sim = in_stream(Window::Open);
        let mut driver = Driver::configure::<Counting>(configuration, &mut sim).unwrap();
        let id = StreamId(1);
        driver.on_request_headers(id, true, &mut sim);
        let ends = |sim: &Sim| sim.metrics().get("ends").copied().unwrap_or_default();
        assert_eq!(ends(&sim), 0);
        driver.on_log(id, &mut sim);
        assert_eq!(ends(&sim), 1);
        driver.on_delete(id, &mut sim);
        assert_eq!(ends(&sim), 1);
    }
}

#[test]
fn a_request_whose_edits_are_refused_ends_at_once_and_once() {
    assert_eq!(exchange(b"", Window::Continued), (Outcome::Replied, [0, 1]));
}
