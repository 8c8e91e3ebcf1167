//! API Activity of OCSF: who does what, as an API calls it.

use serde_json::{Value, json};

use crate::common::checks::audit;
use crate::common::{Exchange, recorder};

fn config() -> Value {
    json!({
        "identity": {"tokens": ["jwt"]},
        "operations": [
            {"when": {"path": {"prefix": "/orders/"}, "methods": ["DELETE"]}, "name": "orders.cancel", "activity": "update"},
            {"when": {"path": {"prefix": "/orders/"}}, "name": "orders.access"},
        ],
    })
}

#[test]
fn a_method_of_grpc_is_an_operation_of_somebody() {
    let exchange = Exchange::grpc(0).by("alice").text("connection.tls_version", "TLSv1.3");
    let record = recorder(config()).of(&exchange);
    let api = json!({"operation": "shop.v1.Orders/List", "service": {"name": "shop.v1.Orders"}});
    assert_eq!(record["api"], api);
    let ids =
        ["category_uid", "class_uid", "activity_id", "type_uid"].map(|name| record[name].as_u64().unwrap());
    assert_eq!(ids, [6, 6003, 99, 600_399]);
    assert_eq!(record["activity_name"], "shop.v1.Orders/List");
    assert_eq!(record["http_request"]["http_method"], "POST");
    // What API Activity has no place for.
    assert_eq!((&audit(&record)["method"], &record["tls"]), (&json!("POST"), &Value::Null));
    assert_eq!(audit(&record)["tls"], json!({"version": "TLSv1.3"}));
    assert_eq!(audit(&record)["grpc_status"], 0);
    assert_eq!(record["status_id"], 1);
}

#[test]
fn without_an_actor_it_is_http() {
    let record = recorder(config()).of(&Exchange::grpc(0));
    assert_eq!((&record["class_uid"], &record["api"]), (&json!(4002), &Value::Null));
    assert_eq!(record["activity_id"], 6);
    let record = recorder(config()).of(&Exchange::grpc(0).by("alice").without("source.address"));
    assert_eq!(record["class_uid"], 4002, "OCSF wants to know where from");
}

#[test]
fn the_status_of_a_call_counts() {
    for (exchange, status, expected) in [
        (Exchange::grpc(7), 2, json!(7)),
        (Exchange::grpc(0), 1, json!(0)),
        // Envoy has one for what is no gRPC as well.
        (Exchange::plain(), 1, Value::Null),
    ] {
        let record = recorder(config()).of(&exchange);
        assert_eq!((&record["status_id"], &audit(&record)["grpc_status"]), (&json!(status), &expected));
    }
    let denied = Exchange::grpc(16).text("response.code_details", "portcullis_jwt_expired");
    let record = recorder(config()).of(&denied);
    assert_eq!((&record["action_id"], &record["disposition_id"]), (&json!(2), &json!(26)));
}

#[test]
fn other_requests_are_called_as_the_configuration_says() {
    for (method, path, activity, name) in [
        ("DELETE", "/orders/7", 3, json!("orders.cancel")),
        ("GET", "/orders/7", 2, json!("orders.access")),
        ("POST", "/orders/", 1, json!("orders.access")),
        ("PATCH", "/orders/7", 3, json!("orders.access")),
        ("PUT", "/orders/7", 3, json!("orders.access")),
        ("BREW", "/orders/7", 99, json!("orders.access")),
    ] {
        let record = recorder(config()).of(&Exchange::plain().by("alice").method(method).path(path));
        assert_eq!(record["class_uid"], 6003);
        assert_eq!(
            (&record["api"]["operation"], &record["activity_id"]),
            (&name, &json!(activity)),
            "{method}"
        );
        assert_eq!(record["api"]["service"], Value::Null);
        assert_eq!(audit(&record)["method"], method);
    }
    for (method, path) in [("GET", "/carts/7"), ("GET", "/orders/../admin"), ("GET", "/orders/%2e%2e/admin")]
    {
        let record = recorder(config()).of(&Exchange::plain().by("alice").method(method).path(path));
        assert_eq!((&record["class_uid"], &record["api"]), (&json!(4002), &Value::Null), "{path}");
    }
}

#[test]
fn what_is_no_method_of_grpc_is_no_operation() {
    for path in ["/", "/a", "/a/b/c", "/a b/c", "//c", "/a/", &format!("/{}/c", "a".repeat(300))] {
        let record = recorder(config()).of(&Exchange::grpc(0).by("alice").path(path));
        assert_eq!(record["class_uid"], 4002, "{path}");
    }
    let record = recorder(config()).of(&Exchange::grpc(0).by("alice").path("/a.B/C?x=y"));
    assert_eq!(record["api"]["operation"], "a.B/C");
}

#[test]
fn cookies_of_an_operation_stand_elsewhere() {
    let config = json!({"identity": {"tokens": ["jwt"]}, "otherwise": {"level": "headers"}, "show": {"cookies": ["lang"]}});
    let exchange = Exchange::grpc(0).header("cookie", "lang=de");
    let cookies = json!([{"name": "lang", "value": "de"}]);
    let record = recorder(config.clone()).of(&exchange);
    assert_eq!((&record["http_cookies"], &audit(&record)["cookies"]), (&cookies, &Value::Null));
    let record = recorder(config).of(&exchange.by("alice"));
    assert_eq!((&record["http_cookies"], &audit(&record)["cookies"]), (&Value::Null, &cookies));
}
