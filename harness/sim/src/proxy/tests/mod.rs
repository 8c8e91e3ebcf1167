mod chains;
mod replies;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::abi::MapType;
use crate::http::{Exchange, HeaderList, Protocol, Request, Response, Sending};
use crate::{Callback, LocalResponse, Plugin, Proxy, Setup, Sim, StartError, Status, Trap};

/// What every VM of a plugin runs, and a record of what was called in all of them.
type Script = Arc<Mutex<dyn FnMut(&mut Sim, Callback) -> u32 + Send>>;

/// A plugin whose callbacks are one function.
struct Scripted {
    script: Script,
    called: Arc<Mutex<Vec<String>>>,
}

impl Plugin for Scripted {
    fn call(&mut self, sim: &mut Sim, callback: Callback) -> Result<Option<u32>, Trap> {
        let name = callback.export().name.trim_start_matches("proxy_on_").to_owned();
        self.called.lock().unwrap().push(match callback {
            Callback::RequestBody { size, end_of_stream, .. }
            | Callback::ResponseBody { size, end_of_stream, .. } => {
                format!("{name} {size}{}", if end_of_stream { " end" } else { "" })
            }
            Callback::RequestHeaders { end_of_stream: true, .. }
            | Callback::ResponseHeaders { end_of_stream: true, .. } => {
                format!("{name} end")
            }
            _ => name,
        });
        match (self.script.lock().unwrap())(sim, callback) {
            TRAP => Err(Trap { message: "scripted".into(), ..Trap::default() }),
            value => Ok(Some(value)),
        }
    }
}

/// A proxy with one scripted plugin, and what was called in it since it was started.
struct Stage {
    proxy: Proxy<Scripted>,
    called: Arc<Mutex<Vec<String>>>,
}

const TRAP: u32 = 99;

fn start(script: impl FnMut(&mut Sim, Callback) -> u32 + Send + 'static) -> Stage {
    try_start(Setup::of("configuration"), script).unwrap()
}

fn try_start(
    setup: Setup,
    script: impl FnMut(&mut Sim, Callback) -> u32 + Send + 'static,
) -> Result<Stage, StartError> {
    let script: Script = Arc::new(Mutex::new(script));
    let called = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&called);
    let factory =
        Arc::new(move |_: &_| Ok(Scripted { script: Arc::clone(&script), called: Arc::clone(&record) }));
    let proxy = Proxy::start(Sim::new(setup), factory)?;
    called.lock().unwrap().clear();
    Ok(Stage { proxy, called })
}

fn send(stage: &mut Stage, protocol: Protocol, body: &[&str], fields: &[(&str, &str)]) -> Exchange {
    let mut headers = list(&[(":method", "POST"), (":path", "/"), (":authority", "a.example")]);
    headers.extend(list(fields));
    let request = Request { headers, body: pieces(body), trailers: None };
    let upstream = Response { status: 200, body: pieces(&["he", "llo"]), ..Response::default() }.into();
    stage.proxy.send(&[Sending { protocol, request, upstream, ..Sending::default() }]).remove(0)
}

fn list(fields: &[(&str, &str)]) -> HeaderList {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn pieces(pieces: &[&str]) -> Vec<Vec<u8>> {
    pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect()
}

fn reply(sim: &mut Sim, status: u16, details: &str) {
    let reply = LocalResponse {
        status,
        details: details.into(),
        body: b"no".to_vec(),
        grpc_status: -1,
        ..LocalResponse::default()
    };
    sim.send_local_response(reply, &[]).unwrap();
}

fn stream_calls(stage: &Stage) -> Vec<String> {
    stage.called.lock().unwrap().clone()
}

#[test]
fn callbacks_come_in_envoys_order_and_http1_ends_with_an_empty_piece() {
    let mut proxy = start(|_, callback| callback.absent());
    let exchange = send(&mut proxy, Protocol::Http1, &["ab", "c"], &[]);
    let end = [
        "response_headers",
        "response_body 2",
        "response_body 3",
        "response_body 0 end",
        "log",
        "done",
        "delete",
    ];
    let begin =
        ["context_create", "request_headers", "request_body 2", "request_body 1", "request_body 0 end"];
    assert_eq!(stream_calls(&proxy), [&begin[..], &end[..]].concat());
    assert_eq!(exchange.details.as_deref(), Some("via_upstream"));
    assert_eq!(exchange.upstream.unwrap().body, pieces(&["ab", "c"]));
    assert_eq!(exchange.client.unwrap().body, pieces(&["he", "llo"]));
}

#[test]
fn http2_ends_with_the_last_piece() {
    let mut proxy = start(|_, callback| callback.absent());
    send(&mut proxy, Protocol::Http2, &["ab", "c"], &[]);
    let calls = stream_calls(&proxy);
    assert_eq!(calls[1..5], ["request_headers", "request_body 2", "request_body 1 end", "response_headers"]);
}

#[test]
fn a_buffered_body_grows_and_leaves_as_a_whole() {
    let mut proxy = start(|sim, callback| match callback {
        Callback::RequestBody { end_of_stream: false, .. } => 1,
        Callback::RequestBody { .. } => {
            sim.set_buffer_bytes(0, 0, 2, b"X").unwrap();
            0
        }
        callback => callback.absent(),
    });
    let exchange = send(&mut proxy, Protocol::Http1, &["ab", "c"], &[]);
    assert_eq!(stream_calls(&proxy)[2..5], ["request_body 2", "request_body 3", "request_body 3 end"]);
    assert_eq!(exchange.upstream.unwrap().body, pieces(&["Xc"]));
}

#[test]
fn a_body_beyond_the_limit_is_413() {
    let mut proxy = start(|_, callback| match callback {
        Callback::RequestBody { .. } => 1,
        callback => callback.absent(),
    });
    let big = "x".repeat(600_000);
    let exchange = send(&mut proxy, Protocol::Http1, &[&big, &big], &[]);
    assert_eq!(exchange.client.unwrap().status, 413);
    assert_eq!(exchange.details.as_deref(), Some("request_payload_too_large"));
}

#[test]
fn a_pause_that_nobody_ends_has_no_answer() {
    let mut proxy = start(|_, callback| match callback {
        Callback::RequestHeaders { .. } => 1,
        callback => callback.absent(),
    });
    let exchange = send(&mut proxy, Protocol::Http1, &["body"], &[]);
    assert_eq!((&exchange.client, &exchange.upstream), (&None, &None));
    assert_eq!(stream_calls(&proxy), ["context_create", "request_headers", "log", "done", "delete"]);
}

#[test]
fn windows_close_with_continue_and_with_resume() {
    let found = Arc::new(Mutex::new(Vec::new()));
    let statuses = Arc::clone(&found);
    let mut proxy = start(move |sim, callback| {
        let mut statuses = statuses.lock().unwrap();
        match callback {
            Callback::RequestHeaders { .. } => {
                sim.continue_stream(0).unwrap();
                statuses.push(sim.replace_header_map_value(0, b"x", b"1").unwrap_err());
            }
            Callback::ResponseHeaders { .. } => {
                assert_eq!(sim.header_map_pairs(0), Ok(vec![]));
                statuses.push(sim.header_map_value(3, b"x").unwrap_err());
            }
            Callback::Log { .. } => {
                assert!(sim.header_map_value(0, b":path").is_ok());
                statuses.push(sim.header_map_value(1, b"x").unwrap_err());
                statuses.push(sim.header_map_size(0).unwrap_err());
            }
            _ => {}
        }
        callback.absent()
    });
    send(&mut proxy, Protocol::Http1, &[], &[]);
    let statuses = found.lock().unwrap();
    let found: Vec<_> = statuses.iter().map(|refusal| refusal.status).collect();
    assert_eq!(found, [Status::BadArgument, Status::BadArgument, Status::NotFound, Status::BadArgument]);
    assert!(statuses[0].reason.contains("has been resumed"), "{}", statuses[0]);
    assert!(statuses[1].reason.contains("has not run yet"), "{}", statuses[1]);
}

#[test]
fn the_journal_names_metrics_and_streams() {
    let mut proxy = start(|sim, callback| {
        if let Callback::RequestHeaders { .. } = callback {
            sim.set_journal(true);
            sim.define_metric(1, b"g").unwrap();
            sim.define_metric(7, b"g").unwrap_err();
            sim.continue_stream(1).unwrap();
            sim.close_stream(9).unwrap_err();
            sim.set_journal(false);
        }
        callback.absent()
    });
    send(&mut proxy, Protocol::Http1, &[], &[]);
    let arguments: Vec<_> =
        proxy.proxy.sim().journal().iter().map(|entry| entry.arguments.as_str()).collect();
    assert_eq!(arguments, [r#"gauge, "g""#, r#"7, "g""#, "response", "9"]);
}

#[test]
fn ticks_come_when_they_are_due_and_are_not_caught_up() {
    let mut proxy = start(|sim, callback| {
        if let Callback::Configure { .. } = callback {
            sim.set_tick_period(100).unwrap();
        }
        callback.absent()
    });
    proxy.proxy.advance(Duration::from_millis(99));
    assert_eq!(stream_calls(&proxy).len(), 0);
    proxy.proxy.advance(Duration::from_millis(301));
    // At 100, 200, 300 and 400, on the main thread and on the worker.
    assert_eq!(stream_calls(&proxy), ["tick"; 8]);
    proxy.proxy.sim_mut().advance(Duration::from_secs(10));
    proxy.proxy.advance(Duration::ZERO);
    assert_eq!(stream_calls(&proxy).len(), 10);
}

#[test]
fn a_configuration_can_be_refused_and_has_its_window() {
    let script = |sim: &mut Sim, callback: Callback| {
        let readable = sim.buffer_bytes(7, 0, 99).is_ok();
        match callback {
            Callback::ContextCreate { parent: 0, .. } => assert!(readable),
            Callback::VmStart { .. } => assert!(!readable),
            Callback::Configure { size, .. } => {
                assert!(readable && size == 13);
                sim.write_log(4, b"that is wrong").unwrap();
                return 0;
            }
            _ => {}
        }
        callback.absent()
    };
    let Err(StartError::Refused(lines)) = try_start(Setup::of("configuration"), script) else {
        panic!("it was accepted")
    };
    assert_eq!(lines[0].message, "that is wrong");
}

#[test]
fn sizes_are_of_what_has_come_and_gone_so_far() {
    let found = Arc::new(Mutex::new(Vec::new()));
    let sizes = Arc::clone(&found);
    let mut proxy = start(move |sim, callback| {
        let mut size = |path: &[u8]| {
            let value = sim.property_value(path).unwrap();
            sizes.lock().unwrap().push(i64::from_le_bytes(value.try_into().unwrap()));
        };
        match callback {
            Callback::RequestHeaders { .. } | Callback::RequestBody { .. } => size(b"request\0size"),
            Callback::ResponseHeaders { .. } | Callback::ResponseBody { .. } => size(b"response\0size"),
            Callback::Log { .. } => {
                size(b"request\0size");
                size(b"response\0size");
            }
            _ => {}
        }
        callback.absent()
    });
    send(&mut proxy, Protocol::Http1, &["ab", "c"], &[]);
    assert_eq!(*found.lock().unwrap(), [0, 2, 3, 3, 0, 0, 2, 5, 3, 5]);
}
