use super::*;

#[test]
fn a_local_reply_runs_the_plugins_own_response_callbacks() {
    let mut proxy = start(|sim, callback| {
        match callback {
            Callback::RequestHeaders { .. } => reply(sim, 403, "not like this"),
            Callback::ResponseHeaders { .. } => {
                // The request headers are still open: on_request_headers has not returned Continue.
                assert!(sim.header_map_value(MapType::RequestHeaders as u32, b":path").is_ok());
                sim.add_header_map_value(MapType::ResponseHeaders as u32, b"X-Own", b"1").unwrap();
            }
            _ => {}
        }
        callback.absent()
    });
    let exchange = send(&mut proxy, Protocol::Http1, &[], &[]);
    assert_eq!(
        stream_calls(&proxy)[1..4],
        ["request_headers end", "response_headers", "response_body 2 end"]
    );
    assert_eq!(exchange.details.as_deref(), Some("not_like_this"));
    let client = exchange.client.unwrap();
    assert!(client.headers.contains(&(b"x-own".to_vec(), b"1".to_vec())));
    assert_eq!(client.body, pieces(&["no"]));
}

#[test]
fn a_reply_before_the_end_of_the_request_closes_an_http1_connection() {
    let closes = |protocol, body: &[&str]| {
        let mut proxy = start(|sim, callback| {
            if let Callback::RequestHeaders { .. } = callback {
                reply(sim, 403, "no");
            }
            callback.absent()
        });
        let client = send(&mut proxy, protocol, body, &[]).client.unwrap();
        client.headers.contains(&(b"connection".to_vec(), b"close".to_vec()))
    };
    assert!(closes(Protocol::Http1, &["body"]));
    assert!(!closes(Protocol::Http1, &[]));
    assert!(!closes(Protocol::Http2, &["body"]));
}

#[test]
fn a_reply_that_was_400_closes_an_http1_connection_even_as_grpc() {
    let closes = |protocol, status, fields: &[(&str, &str)]| {
        let mut proxy = start(move |sim, callback| {
            if let Callback::RequestHeaders { .. } = callback {
                reply(sim, status, "no");
            }
            callback.absent()
        });
        let client = send(&mut proxy, protocol, &[], fields).client.unwrap();
        client.headers.contains(&(b"connection".to_vec(), b"close".to_vec()))
    };
    let grpc = [("content-type", "application/grpc")];
    assert!(closes(Protocol::Http1, 400, &[]) && closes(Protocol::Http1, 400, &grpc));
    assert!(!closes(Protocol::Http1, 403, &grpc) && !closes(Protocol::Http2, 400, &[]));
    assert!(closes(Protocol::Http1, 403, &[("connection", "x-a, Close")]));
}

#[test]
fn of_two_replies_the_first_is_sent_and_the_second_names_the_details() {
    let mut proxy = start(|sim, callback| {
        if let Callback::RequestHeaders { .. } = callback {
            reply(sim, 403, "one");
            reply(sim, 404, "two");
        }
        callback.absent()
    });
    let exchange = send(&mut proxy, Protocol::Http1, &[], &[]);
    assert_eq!(exchange.client.unwrap().status, 403);
    assert_eq!(exchange.details.as_deref(), Some("two"));
}

#[test]
fn a_reply_from_the_response_goes_straight_to_the_client_or_nowhere() {
    let mut from_headers = start(|sim, callback| {
        if let Callback::ResponseHeaders { .. } = callback {
            reply(sim, 502, "late");
        }
        callback.absent()
    });
    let exchange = send(&mut from_headers, Protocol::Http1, &[], &[]);
    assert_eq!(exchange.client.unwrap().status, 502);
    assert_eq!(stream_calls(&from_headers)[2..4], ["response_headers", "log"]);
    let mut from_body = start(|sim, callback| {
        if let Callback::ResponseBody { .. } = callback {
            reply(sim, 502, "too late");
        }
        callback.absent()
    });
    assert_eq!(send(&mut from_body, Protocol::Http1, &[], &[]).client, None);
}

#[test]
fn a_grpc_client_is_answered_in_its_own_words() {
    let mut proxy = start(|sim, callback| {
        if let Callback::RequestHeaders { .. } = callback {
            reply(sim, 401, "no");
        }
        callback.absent()
    });
    let client = send(&mut proxy, Protocol::Http2, &["x"], &[("content-type", "application/grpc+proto")])
        .client
        .unwrap();
    assert_eq!(client.status, 200);
    assert!(client.headers.contains(&(b"grpc-status".to_vec(), b"16".to_vec())));
    assert!(client.body.is_empty());
}

#[test]
fn a_trap_fails_closed_for_good() {
    let mut proxy = start(|_, callback| match callback {
        Callback::RequestBody { .. } => TRAP,
        callback => callback.absent(),
    });
    for _ in 0..2 {
        let exchange = send(&mut proxy, Protocol::Http1, &["x"], &[]);
        assert_eq!(exchange.client.unwrap().status, 503);
        assert_eq!(exchange.details.as_deref(), Some("wasm_fail_stream"));
    }
    assert_eq!(stream_calls(&proxy), ["context_create", "request_headers", "request_body 1"]);
    assert!(proxy.proxy.sim().vms.iter().any(|vm| vm.is_dead));
    assert!(proxy.proxy.sim().log()[0].message.contains("proxy_on_request_body failed: scripted"));
}

#[test]
fn a_request_that_the_proxy_refuses_is_only_logged() {
    let mut proxy = start(|_, callback| callback.absent());
    let exchange = send(&mut proxy, Protocol::Http1, &[], &[("x", "a\0b")]);
    assert_eq!(exchange.client.unwrap().status, 400);
    assert_eq!(stream_calls(&proxy), ["context_create", "log", "done", "delete"]);
}

#[test]
fn of_a_request_that_http2_resets_the_plugin_hears_nothing() {
    let mut proxy = start(|_, callback| callback.absent());
    let exchange = send(&mut proxy, Protocol::Http2, &[], &[("x", "a\0b")]);
    assert_eq!((exchange.client, exchange.details.as_deref()), (None, Some("http2.invalid.header.field")));
    assert_eq!(stream_calls(&proxy), [""; 0]);
}
