use super::*;

use crate::abi::HttpCall;
use crate::setup::{Answer, Cluster, PluginSetup};
use crate::tcp::{Conversation, Said};

fn chain(count: usize) -> Setup {
    let plugin = |number: usize| PluginSetup { root_id: number.to_string(), ..PluginSetup::default() };
    Setup { plugins: (0..count).map(plugin).collect(), ..Setup::default() }
}

/// The plugin that a callback is about.
fn root_id(sim: &mut Sim) -> String {
    String::from_utf8(sim.property_value(b"plugin_root_id").unwrap()).unwrap()
}

#[test]
fn a_chain_is_met_forwards_and_backwards() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let mut stage = try_start(chain(2), move |sim, callback| {
        let name = callback.export().name.trim_start_matches("proxy_on_");
        if !matches!(callback, Callback::Start) {
            record.lock().unwrap().push(format!("{name} {}", root_id(sim)));
        }
        callback.absent()
    })
    .unwrap();
    seen.lock().unwrap().clear();
    let request = Request { headers: list(&[(":authority", "a")]), ..Request::default() };
    stage.proxy.send(&[Sending { request, ..Sending::default() }]);
    let expected = [
        "context_create 0",
        "request_headers 0",
        "context_create 1",
        "request_headers 1",
        "response_headers 1",
        "response_headers 0",
        "log 0",
        "log 1",
        "done 0",
        "delete 0",
        "done 1",
        "delete 1",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_request_waits_for_the_answer_to_a_call() {
    let mut setup = Setup::of("");
    let answer = Answer { after: Duration::from_millis(70), ..Answer::default() };
    setup.clusters.insert("keys".into(), Cluster { answers: vec![answer], ..Cluster::default() });
    let mut stream = 0;
    let mut stage = try_start(setup, move |sim, callback| match callback {
        Callback::RequestHeaders { context, .. } => {
            stream = context;
            let fields = list(&[(":method", "GET"), (":path", "/k"), (":authority", "keys")]);
            let headers = &portcullis_kit::pairs::encode(&fields);
            let call =
                HttpCall { cluster: b"keys", headers, timeout_milliseconds: 100, ..HttpCall::default() };
            assert_eq!(sim.http_call(&call), Ok(4));
            1
        }
        Callback::HttpCallResponse { token: 4, .. } => {
            assert_eq!(sim.header_map_value(6, b":status"), Ok(b"200".to_vec()));
            sim.set_effective_context(stream).unwrap();
            sim.add_header_map_value(0, b"x-key", b"1").unwrap();
            sim.continue_stream(0).unwrap();
            0
        }
        callback => callback.absent(),
    })
    .unwrap();
    let before = stage.proxy.sim().clock();
    let exchange = send(&mut stage, Protocol::Http1, &["body"], &[]);
    assert_eq!(stage.proxy.sim().clock(), before.saturating_add(Duration::from_millis(70)));
    let upstream = exchange.upstream.unwrap();
    assert!(upstream.headers.contains(&(b"x-key".to_vec(), b"1".to_vec())));
    assert_eq!(upstream.body, pieces(&["body"]));
    assert_eq!(stage.proxy.sim().call_outs()[0].cluster, "keys");
}

#[test]
fn each_worker_has_vms_of_its_own() {
    let setup = Setup { workers: 3, ..Setup::of("") };
    let mut stage = try_start(setup, |sim, callback| {
        if let Callback::RequestHeaders { context, .. } = callback {
            sim.write_log(2, context.to_string().as_bytes()).unwrap();
        }
        callback.absent()
    })
    .unwrap();
    for _ in 0..4 {
        send(&mut stage, Protocol::Http1, &[], &[]);
    }
    let lines: Vec<_> = stage.proxy.sim().log().iter().map(|line| line.message.as_str()).collect();
    // The root context is 1; the fourth request meets the worker of the first again.
    assert_eq!(lines, ["2", "2", "2", "3"]);
}

#[test]
fn data_of_a_connection_waits_for_its_filter() {
    let mut stage = try_start(Setup::of(""), |_, callback| match callback {
        Callback::DownstreamData { size: 2, .. } => 1,
        callback => callback.absent(),
    })
    .unwrap();
    let client = |text: &str| Said::ByClient(text.into());
    let steps = vec![client("ab"), Said::ByUpstream(b"x".to_vec()), client("c")];
    let seen = stage.proxy.converse(&Conversation { worker: None, steps });
    assert_eq!((seen.to_upstream, seen.to_client), (b"abc".to_vec(), b"x".to_vec()));
    assert!(stream_calls(&stage).iter().any(|call| call == "new_connection"));
}

#[test]
fn a_queue_that_feeds_itself_is_stopped() {
    let mut stage = try_start(Setup::of(""), |sim, callback| {
        match callback {
            Callback::RequestHeaders { .. } => {
                let queue = sim.register_shared_queue(b"q").unwrap();
                sim.enqueue_shared_queue(queue, b"1").unwrap();
            }
            Callback::QueueReady { queue, .. } => {
                let item = sim.dequeue_shared_queue(queue).unwrap();
                sim.enqueue_shared_queue(queue, &item).unwrap();
            }
            _ => {}
        }
        callback.absent()
    })
    .unwrap();
    send(&mut stage, Protocol::Http1, &[], &[]);
    let trap = stage.proxy.trap().unwrap();
    assert!(trap.message.contains("events without an end in one moment"), "{trap}");
    assert!(stage.proxy.is_stopped());
}
