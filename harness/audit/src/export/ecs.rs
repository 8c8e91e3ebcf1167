//! A record of OCSF in the Elastic Common Schema.

use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use crate::field::Field;
use crate::row::Row;
use crate::time::rfc3339;

/// The version of the schema.
const VERSION: &str = "9.4.0";

/// What moves to another place and stays as it is.
const MOVED: [(&str, &str); 29] = [
    ("actor.app_uid", "portcullis.audit.client_id"),
    ("actor.session.uid", "portcullis.audit.session"),
    ("actor.user.uid", "user.id"),
    ("count", "portcullis.count"),
    ("dst_endpoint.port", "destination.port"),
    ("dst_endpoint.svc_name", "portcullis.audit.cluster"),
    ("http_cookies", "portcullis.audit.cookies"),
    ("http_request.body_length", "http.request.body.bytes"),
    ("http_request.http_headers", "portcullis.audit.request_headers"),
    ("http_request.uid", "http.request.id"),
    ("http_request.url.hostname", "url.domain"),
    ("http_request.url.path", "url.path"),
    ("http_request.url.port", "url.port"),
    ("http_request.url.query_string", "url.query"),
    ("http_request.url.scheme", "url.scheme"),
    ("http_request.user_agent", "user_agent.original"),
    ("http_request.x_forwarded_for", "portcullis.audit.forwarded_for"),
    ("http_response.body_length", "http.response.body.bytes"),
    ("http_response.code", "http.response.status_code"),
    ("http_response.http_headers", "portcullis.audit.response_headers"),
    ("metadata.log_provider", "service.name"),
    ("metadata.tenant_uid", "organization.id"),
    ("src_endpoint.port", "source.port"),
    ("tls.sni", "tls.client.server_name"),
    ("trace.span.uid", "span.id"),
    ("trace.uid", "trace.id"),
    ("unmapped.audit.peer.subject", "tls.client.subject"),
    ("unmapped.audit.rule", "rule.name"),
    ("unmapped.audit.tls.sni", "tls.client.server_name"),
];

/// The record in ECS. It is another record: its hash is that of the one in OCSF, which can be verified; itself it cannot.
pub(super) fn projected(row: &Row<'_>, record: &[u8]) -> Json {
    // It has been read once already.
    let record: Json = serde_json::from_slice(record).unwrap_or_default();
    let mut ecs = Members(Map::new());
    ecs.put("portcullis.audit", at(&record, "unmapped.audit").cloned());
    for (from, to) in MOVED {
        ecs.put(to, at(&record, from).cloned());
    }
    ecs.event(row, &record);
    ecs.http(row, &record);
    ecs.endpoints(row, &record);
    ecs.put("portcullis.audit.issuer", text(row, Field::Issuer));
    Json::Object(ecs.0)
}

/// The members of a record to be.
struct Members(Map<String, Json>);

impl Members {
    fn put(&mut self, path: &str, value: Option<Json>) {
        let Some(value) = value else { return };
        let mut members = &mut self.0;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                members.insert(name.to_owned(), value);
                return;
            }
            let below = members.entry(name).or_insert_with(|| json!({}));
            if !below.is_object() {
                *below = json!({});
            }
            let Some(object) = below.as_object_mut() else { return };
            members = object;
        }
    }

    fn event(&mut self, row: &Row<'_>, record: &Json) {
        let time = |field| row.integer(field).map(|time| Json::from(rfc3339(time)));
        let duration = at(record, "duration").and_then(Json::as_u64);
        let start = time(Field::Start).or_else(|| time(Field::Time).filter(|_| row.is_request()));
        let action = match row.is_request() {
            true => row
                .text(Field::Operation)
                .map(str::to_owned)
                .or_else(|| row.text(Field::Method).map(str::to_lowercase)),
            false => Some(row.kind().to_owned()),
        };
        let (categories, types) = kinds(row, record);
        self.put("@timestamp", time(Field::Time));
        self.put("ecs.version", Some(VERSION.into()));
        self.put("event.action", action.map(Json::from));
        self.put("event.category", Some(categories.into()));
        self.put("event.dataset", Some("portcullis.audit".into()));
        self.put(
            "event.duration",
            duration.and_then(|duration| duration.checked_mul(1_000_000)).map(Json::from),
        );
        self.put("event.end", time(Field::End));
        self.put("event.hash", text(row, Field::Hash));
        self.put("event.id", text(row, Field::Id));
        self.put("event.kind", Some("event".into()));
        self.put("event.outcome", Some(outcome(record).into()));
        self.put("event.reason", reason(row).map(Json::from));
        self.put("event.sequence", row.integer(Field::Sequence).map(Json::from));
        self.put("event.start", start);
        self.put("event.type", Some(types.into()));
    }

    fn http(&mut self, row: &Row<'_>, record: &Json) {
        self.put("http.request.method", text(row, Field::Method));
        let version = at(record, "http_request.version").and_then(Json::as_str);
        self.put("http.version", version.map(|version| version.trim_start_matches("HTTP/").into()));
        let tls =
            ["tls.version", "unmapped.audit.tls.version"].iter().find_map(|path| at(record, path)?.as_str());
        if let Some(version) = tls.and_then(|version| version.strip_prefix("TLSv")) {
            self.put("tls.version", Some(version.into()));
            self.put("tls.version_protocol", Some("tls".into()));
        }
    }

    fn endpoints(&mut self, row: &Row<'_>, record: &Json) {
        let mut addresses = Vec::new();
        for (from, to) in [("src_endpoint.ip", "source"), ("dst_endpoint.ip", "destination")] {
            let Some(address) = at(record, from).and_then(Json::as_str) else { continue };
            self.put(&format!("{to}.address"), Some(address.into()));
            // Elasticsearch takes nothing else for an address.
            self.put(&format!("{to}.ip"), is_address(address).then(|| address.into()));
            addresses.push(address);
        }
        let forwarded = at(record, "http_request.x_forwarded_for").and_then(Json::as_array);
        addresses.extend(forwarded.into_iter().flatten().filter_map(Json::as_str));
        addresses.retain(|address| is_address(address));
        addresses.sort_unstable();
        addresses.dedup();
        let list = |texts: Vec<&str>| (!texts.is_empty()).then(|| Json::from(texts));
        self.put("related.ip", list(addresses));
        self.put("related.user", list(row.text(Field::Subject).into_iter().collect()));
        if at(record, "unmapped.audit.peer.uri").is_none() {
            self.put("portcullis.audit.peer.uri", text(row, Field::Peer));
        }
    }
}

/// The categories of an event and its types: those that ECS expects of the categories.
fn kinds(row: &Row<'_>, record: &Json) -> (Vec<&'static str>, Vec<&'static str>) {
    match row.kind() {
        "genesis" => return (vec!["process"], vec!["start"]),
        "stop" => return (vec!["process"], vec!["end"]),
        _ if !row.is_request() => return (vec!["process"], vec!["info"]),
        _ => {}
    }
    let categories = match row.integer(Field::ClassUid) {
        Some(6003) => vec!["api", "network", "web"],
        _ => vec!["network", "web"],
    };
    let types = match at(record, "action_id").and_then(Json::as_u64) {
        Some(1) => vec!["access", "allowed"],
        Some(2) => vec!["access", "denied"],
        Some(0) => vec!["access", "error"],
        _ => vec!["access"],
    };
    (categories, types)
}

/// Why a request was denied, or where its response is from.
fn reason<'r>(row: &'r Row<'_>) -> Option<&'r str> {
    let fields = if row.is_request() { [Field::Reason, Field::Details].as_slice() } else { &[] };
    fields.iter().find_map(|field| row.text(*field))
}

fn outcome(record: &Json) -> &'static str {
    match at(record, "status_id").and_then(Json::as_u64) {
        Some(1) => "success",
        Some(2) => "failure",
        _ => "unknown",
    }
}

fn at<'j>(record: &'j Json, path: &str) -> Option<&'j Json> {
    path.split('.').try_fold(record, |value, name| value.get(name))
}

fn text(row: &Row<'_>, field: Field) -> Option<Json> {
    row.text(field).map(Json::from)
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ecs(record: &str) -> Json {
        projected(&Row::read(record.as_bytes()).unwrap(), record.as_bytes())
    }

    #[test]
    fn what_has_a_place_in_ecs_is_there_and_the_rest_is_ours() {
        let found = ecs(include_str!("../../tests/records/request.ocsf.json"));
        assert_eq!(found["event"]["category"], json!(["network", "web"]));
        assert_eq!(found["event"]["type"], json!(["access", "denied"]));
        assert_eq!(found["event"]["duration"], 12_000_000);
        assert_eq!(
            found["tls"],
            json!({"client": {"server_name": "shop.example"}, "version": "1.3", "version_protocol": "tls"})
        );
        assert_eq!(found["related"]["ip"], json!(["10.0.0.7", "192.0.2.1", "198.51.100.7", "203.0.113.9"]));
        assert_eq!(found["portcullis"]["audit"]["decisions"][1]["reason"], "jwt_expired");
        assert_eq!(found["portcullis"].get("integrity"), None);
        assert_eq!(found["event"]["hash"], "1".repeat(64));
    }

    #[test]
    fn only_an_address_is_one() {
        let found = ecs(r#"{"class_uid":4002,"src_endpoint":{"ip":"somewhere","port":1}}"#);
        assert_eq!(found["source"], json!({"address": "somewhere", "port": 1}));
        assert_eq!(found.get("related"), None);
    }

    #[test]
    fn a_request_is_allowed_that_was_let_through() {
        for (action, types) in
            [(1, json!(["access", "allowed"])), (2, json!(["access", "denied"])), (4, json!(["access"]))]
        {
            let found = ecs(&json!({"action_id": action, "class_uid": 4002}).to_string());
            assert_eq!(found["event"]["type"], types, "{action}");
        }
    }

    #[test]
    fn a_call_of_an_api_has_its_operation_and_its_method() {
        let found =
            ecs(r#"{"action_id":0,"activity_id":1,"api":{"operation":"Orders/Make"},"class_uid":6003,
            "status_detail":"no_route","unmapped":{"audit":{"method":"POST","tls":{"version":"TLSv1.2"}}}}"#);
        assert_eq!(found["event"]["category"], json!(["api", "network", "web"]));
        assert_eq!(found["event"]["type"], json!(["access", "error"]));
        assert_eq!(
            (&found["event"]["action"], &found["event"]["reason"]),
            (&"Orders/Make".into(), &"no_route".into())
        );
        assert_eq!(
            (&found["http"]["request"]["method"], &found["tls"]["version"]),
            (&"POST".into(), &"1.2".into())
        );
    }

    #[test]
    fn no_record_is_too_strange() {
        for record in [
            r#"{"class_uid":4002,"unmapped":{"audit":7},"http_request":[],"duration":1e300,"metadata":"x"}"#,
            r#"{"class_uid":1008,"unmapped":{"audit":{"kind":"loss","peer":3}},"src_endpoint":{"svc_name":"a"},"api":{"service":1}}"#,
        ] {
            let found = ecs(record);
            assert_eq!(found["ecs"]["version"], VERSION);
            assert!(found["event"]["type"].is_array());
        }
    }
}
