//! What is shown of single values, by example.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::{Exchange, recorder};

const HIDDEN: &str = "[redacted]";

/// What the record of a request says under this way of showing.
fn record(show: &Value, exchange: &Exchange) -> Value {
    recorder(json!({"otherwise": {"level": "headers"}, "show": show})).of(exchange)
}

fn url(show: &Value, target: &str) -> (String, Value) {
    let url = record(show, &Exchange::plain().path(target))["http_request"]["url"].clone();
    (url["path"].as_str().unwrap_or_default().to_owned(), url["query_string"].clone())
}

/// The values of the fields of this name.
fn values(fields: &Value, name: &str) -> Vec<String> {
    let fields = fields.as_array().into_iter().flatten();
    let named = fields.filter(|field| field["name"] == name);
    named.map(|field| field["value"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn headers_that_nobody_has_named_are_names() {
    let exchange = Exchange::plain()
        .header("authorization", "Bearer abc")
        .header("x-env", "test")
        .and_header("x-env", "again")
        .response_header("content-length", "7")
        .response_header("server", "s");
    let found = record(&json!({"request_headers": ["X-Env"]}), &exchange);
    let headers = &found["http_request"]["http_headers"];
    assert_eq!(values(headers, "x-env"), ["test", "again"]);
    assert_eq!(values(headers, "authorization"), [HIDDEN]);
    assert_eq!(values(headers, "accept"), [HIDDEN], "the list takes the place of the default one");
    assert_eq!(found["http_request"]["user_agent"], Value::Null);
    let names: Vec<_> = headers.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with(':') && *name != "cookie"), "{names:?}");
    let headers = &found["http_response"]["http_headers"];
    assert_eq!(
        (values(headers, "content-length"), values(headers, "server")),
        (vec!["7".to_owned()], vec![HIDDEN.to_owned()])
    );
}

#[test]
fn at_the_level_metadata_there_are_no_headers() {
    let exchange = Exchange::plain().header("cookie", "a=b").response_header("set-cookie", "a=b");
    let found = recorder(json!({"show": {"cookies": ["a"], "request_headers": ["accept", "user-agent"]}}))
        .of(&exchange);
    assert_eq!(found["http_request"]["http_headers"], Value::Null);
    assert_eq!((&found["http_cookies"], &audit(&found)["set_cookies"]), (&Value::Null, &Value::Null));
    assert_eq!(found["http_request"]["user_agent"], "curl/8.5.0");
}

#[test]
fn long_values_and_long_lists_are_cut() {
    let mut exchange =
        Exchange::plain().header("accept", "ä".repeat(2000)).header("x".repeat(2000).as_str(), "1");
    for number in 0..150 {
        exchange = exchange.and_header(&format!("x-{number}"), "1");
    }
    let found = record(&json!({}), &exchange);
    let headers = found["http_request"]["http_headers"].as_array().unwrap();
    assert_eq!(headers.len(), 100);
    let accept = values(&found["http_request"]["http_headers"], "accept").remove(0);
    assert_eq!(accept, format!("{}\u{2026}", "ä".repeat(512)));
    assert!(audit(&found)["truncated"].as_u64().unwrap() >= 3);
}

#[test]
fn queries_keep_their_names_and_hide_their_values() {
    let show = json!({"query": ["page", "a b"]});
    for (query, expected) in [
        ("page=2&token=x&page=3", format!("page=2&token={HIDDEN}&page=3")),
        ("Page=2", format!("Page={HIDDEN}")),
        ("%70age=%32", "%70age=%32".to_owned()),
        ("a+b=1&a%20b=2&a%2bb=3", format!("a+b=1&a%20b=2&a%2bb={HIDDEN}")),
        ("page", "page".to_owned()),
        ("token", HIDDEN.to_owned()),
        ("token=", HIDDEN.to_owned()),
        ("c d=1", HIDDEN.to_owned()),
        ("=x", HIDDEN.to_owned()),
        ("a&&b=", format!("{HIDDEN}&&{HIDDEN}")),
        ("page=a?b", "page=a?b".to_owned()),
        ("page=a#frag", "page=a".to_owned()),
    ] {
        let (path, found) = url(&show, &format!("/orders?{query}"));
        assert_eq!((path.as_str(), found), ("/orders", json!(expected)), "{query}");
    }
    assert_eq!(url(&show, "/orders?").1, Value::Null);
    let (_, long) = url(&show, &format!("/orders?{}", "page=aaaaaaaaaaaaaaaaaa&".repeat(1000)));
    assert!(long.as_str().unwrap().len() <= 1027 && long.as_str().unwrap().ends_with('\u{2026}'));
}

#[test]
fn cookies_are_told_by_their_names() {
    let show = json!({"cookies": ["lang"]});
    let exchange = Exchange::plain()
        .header("cookie", "lang=de; sid=s-1;  theme = dark ;;x")
        .and_header("cookie", "LANG=en")
        .response_header("set-cookie", "lang=fr; Path=/; Secure")
        .response_header("set-cookie", "sid=s-2; HttpOnly")
        .response_header("set-cookie", "alone");
    let found = record(&show, &exchange);
    let field = |name: &str, value: &str| json!({"name": name, "value": value});
    let expected = json!([
        field("lang", "de"),
        field("sid", HIDDEN),
        // A name has no blanks.
        field("", HIDDEN),
        field("", HIDDEN),
        field("LANG", HIDDEN)
    ]);
    assert_eq!(found["http_cookies"], expected);
    let expected = json!([field("lang", "fr"), field("sid", HIDDEN), field("", HIDDEN)]);
    assert_eq!(audit(&found)["set_cookies"], expected);
    assert_eq!(values(&found["http_response"]["http_headers"], "set-cookie"), [""; 0]);
}

#[test]
fn segments_of_paths_are_hidden_by_templates() {
    let show = json!({"paths": [
        {"template": "/users/{id}/keys/{key}", "show": ["id"]},
        {"template": "/files/{owner}/**"},
        {"template": "/{a}/static"},
    ]});
    for (path, expected) in [
        ("/users/7/keys/k-1", "/users/7/keys/{key}"),
        ("/Users/7/KEYS/k-1", "/Users/7/KEYS/{key}"),
        ("/users/7/keys", "/users/7/keys"),
        ("/files/bob/a/b", "/files/{owner}/[redacted]"),
        ("/files/bob/", "/files/{owner}/[redacted]"),
        ("/files/bob", "/files/{owner}"),
        ("/x/static", "/{a}/static"),
        ("/", "/"),
        ("/orders/7;jsessionid=1/x;y", "/orders/7;[redacted]/x;[redacted]"),
        ("/orders#frag", "/orders"),
    ] {
        assert_eq!(url(&show, path).0, expected, "{path}");
    }
}

#[test]
fn a_path_that_can_be_read_in_two_ways_shows_no_secret() {
    let show = json!({"paths": [{"template": "/reset/{token}"}, {"template": "/files/**"}]});
    for path in [
        "/%72eset/planted",
        "/reset/%70lanted",
        "//reset/planted",
        "/reset//planted",
        "/./reset/planted",
        "/a/../reset/planted",
        "/reset;v=1/planted",
        "/reset/planted;v=1",
        "/reset/planted/",
        "/reset%2fplanted",
        "/files%2Fplanted",
        "/%66iles/a/planted",
        "\\reset\\planted",
        "/reset/planted%3fx=y",
    ] {
        let (shown, query) = url(&show, path);
        assert!(!shown.contains("lanted"), "{path} is shown as {shown}");
        assert_eq!(query, Value::Null);
    }
}

#[test]
fn an_operation_names_no_segment_that_is_hidden() {
    for schema in ["ocsf-1.5", "ecs"] {
        let config = json!({
            "schema": schema, "identity": {"tokens": ["jwt"]}, "show": {"paths": [{"template": "/reset/{token}"}]}
        });
        let record = recorder(config).of(&Exchange::grpc(0).by("alice").path("/reset/planted"));
        assert!(!record.to_string().contains("planted"), "{record}");
        assert!(record.to_string().contains("/reset/{token}"), "{record}");
    }
}

#[test]
fn masked_credentials_keep_their_scheme_and_nothing_else() {
    let show = json!({"hidden": "masked"});
    for (value, expected) in [
        ("Bearer abc", "Bearer [redacted]"),
        ("bearer abc", "Bearer [redacted]"),
        ("BASIC dXNlcjpwYXNz", "Basic [redacted]"),
        ("DPoP abc", "DPoP [redacted]"),
        ("Bearer", HIDDEN),
        ("secret words", HIDDEN),
        ("Bearerabc", HIDDEN),
        ("", HIDDEN),
    ] {
        let found = record(&show, &Exchange::plain().header("authorization", value));
        assert_eq!(values(&found["http_request"]["http_headers"], "authorization"), [expected]);
    }
    assert_eq!(url(&show, "/?a=Bearer abc").1, "a=Bearer [redacted]");
}
