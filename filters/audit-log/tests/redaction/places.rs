//! Where secrets are.

use super::secrets::{is_unreserved, percent};
use crate::common::Exchange;
use serde_json::json;

/// Puts a secret into an exchange, and says what it is there: not all that can be a secret can be everywhere.
type Plant = fn(Exchange, &[u8]) -> (Exchange, Vec<u8>);

/// All places that nobody has allowed to be shown.
pub(crate) const PLACES: [(&str, Plant); 43] = [
    ("a header", |it, secret| header(it, "x-secret", "", secret)),
    ("a header that comes twice", |it, secret| {
        let (it, _) = header(it, "x-twice", "", b"something else");
        (it.and_header("x-twice", secret), secret.to_vec())
    }),
    ("bearer credentials", |it, secret| header(it, "authorization", "Bearer ", secret)),
    ("basic credentials", |it, secret| {
        let credentials =
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [b"user:", secret].concat());
        (it.header("proxy-authorization", format!("Basic {credentials}")), secret.to_vec())
    }),
    ("credentials of no scheme", |it, secret| {
        header(it, "x-authorization", "", &[secret, b" more"].concat())
    }),
    ("an id that is none", |it, secret| header(it, "x-request-id", "", secret)),
    ("an id that is nearly one", |it, secret| header(it, "x-request-id", "4f1c6f3a-2b3c-4d5e-8f90-", secret)),
    ("an address that is none", |it, secret| header(it, "x-forwarded-for", "192.0.2.7, ", secret)),
    ("an address with more behind it", |it, secret| header(it, "x-forwarded-for", "192.0.2.7;", secret)),
    ("forwarded", |it, secret| header(it, "forwarded", "for=", secret)),
    ("a trace that is none", |it, secret| header(it, "traceparent", "", secret)),
    ("a trace with more behind it", |it, secret| {
        header(it, "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", secret)
    }),
    ("the state of a trace", |it, secret| header(it, "tracestate", "a=", secret)),
    ("baggage", |it, secret| header(it, "baggage", "a=", secret)),
    ("a certificate that is forwarded", |it, secret| header(it, "x-forwarded-client-cert", "Hash=", secret)),
    ("the type behind its parameters", |it, secret| header(it, "accept-language", "de;q=", secret)),
    ("where it comes from", |it, secret| header(it, "referer", "https://a.example/?a=", secret)),
    ("a cookie", |it, secret| cookie(it, "sid=", secret)),
    ("a cookie in quotes", |it, secret| cookie(it, "other=\"", secret)),
    ("a cookie without a name", |it, secret| cookie(it, "", &without(secret, b"="))),
    ("a cookie with a name that is not shown", |it, secret| cookie(it, "lan=", secret)),
    ("userinfo", |it, secret| {
        let secret = without(secret, b"/");
        let authority = [b"user:", secret.as_slice(), b"@shop.example:8443"].concat();
        (it.header(":authority", authority), secret)
    }),
    ("the query", |it, secret| query(it, "token=", &escaped(secret), secret)),
    ("the query as it is", |it, secret| raw_query(it, "raw=", secret)),
    ("the query under a name in disguise", |it, secret| raw_query(it, "%70ag%65x=", secret)),
    ("a query alone", |it, secret| raw_query(it, "", &without(secret, b"="))),
    ("a segment of the path", |it, secret| segment(it, "reset", &escaped(secret), secret)),
    ("a segment of the path as it is", |it, secret| {
        let secret = without(secret, b"/?#;");
        segment(it, "reset", &secret, &secret)
    }),
    ("all below a path", |it, secret| {
        let secret = without(secret, b"?#;");
        segment(it, "files", &[b"a/".as_slice(), &secret].concat(), &secret)
    }),
    ("a parameter of the path", |it, secret| parameter(it, secret)),
    ("a fragment", |it, secret| fragment(it, secret)),
    ("a fragment alone", |it, secret| (it.path([b"/orders/7#", secret].concat()), secret.to_vec())),
    ("the query behind a semicolon", |it, secret| raw_query(it, "page=1;token=", secret)),
    ("a segment below a parameter", |it, secret| segment(it, "reset;v=1", &escaped(secret), secret)),
    ("a claim", |it, secret| {
        let text = String::from_utf8_lossy(secret).into_owned();
        let payload = json!({"sub": "alice", "plan": "visible-plan", "email": text, "deep": {"er": [text]}});
        (it.text("jwt", &payload.to_string()), text.into_bytes())
    }),
    ("the detail of a failure", |it, secret| {
        let text = String::from_utf8_lossy(secret).into_owned();
        (it.text("failure", &json!({"code": "jwt_expired", "detail": text}).to_string()), text.into_bytes())
    }),
    ("a response header", |it, secret| (it.response_header("location", secret), secret.to_vec())),
    ("a cookie that is set", |it, secret| set_cookie(it, "sid=", secret)),
    ("a cookie that is set without a name", |it, secret| set_cookie(it, "", &without(secret, b"="))),
    ("the attribute of a cookie that is set", |it, secret| {
        let secret = without(secret, b";");
        (it.response_header("set-cookie", [b"lang=de; Path=/", secret.as_slice()].concat()), secret)
    }),
    ("a trailer", |it, secret| (it.trailer("grpc-message", secret), secret.to_vec())),
    ("a cookie that a trailer sets", |it, secret| (it.trailer("set-cookie", secret), secret.to_vec())),
    ("what the token itself is", |it, secret| header(it, "x-jwt", "ey", secret)),
];

/// All kinds of bodies.
pub(crate) const BODIES: [(&str, Plant); 7] = [
    ("a member of JSON", |it, secret| {
        let text = String::from_utf8_lossy(secret).into_owned();
        let body = json!({"order": {"note": "visible-json", "card": text}, "list": [{"id": text}, text]});
        (it.body("application/json", &[body.to_string().as_bytes()]), text.into_bytes())
    }),
    ("JSON that is no text", |it, secret| {
        let body = [br#"{"order":{"note":""#.as_slice(), secret, br#""}}"#].concat();
        // What is a text by chance would be one that may be shown.
        let body = [body.as_slice(), b"x"].concat();
        (it.body("application/json", &[&body]), secret.to_vec())
    }),
    ("JSON of a kind of its own", |it, secret| {
        let text = String::from_utf8_lossy(secret).into_owned();
        (
            it.body("application/problem+json; charset=utf-8", &[json!([text]).to_string().as_bytes()]),
            text.into_bytes(),
        )
    }),
    ("a field of a form", |it, secret| {
        let body = [b"item=visible-form&card=".as_slice(), &escaped(secret)].concat();
        (it.body("application/x-www-form-urlencoded", &[&body]), secret.to_vec())
    }),
    ("a field of a form as it is", |it, secret| {
        let secret = without(secret, b"&=");
        let body = [b"item=visible-form&card=".as_slice(), &secret, b"&", &secret].concat();
        (it.body("application/x-www-form-urlencoded", &[&body]), secret)
    }),
    ("a body of a type that nobody has named", |it, secret| {
        (it.body("text/plain", &[secret]), secret.to_vec())
    }),
    ("a body that is encoded", |it, secret| {
        let it = it.header("content-encoding", "gzip");
        (it.body("application/json", &[br#"{"order":{"note":""#, secret, br#""}}"#]), secret.to_vec())
    }),
];

/// Values that somebody has allowed to be shown.
pub(crate) const VISIBLE: [&str; 9] = [
    "visible-header",
    "visible-cookie",
    "visible-query",
    "visible-plan",
    "visible-response",
    "visible-trailer",
    "visible-set-cookie",
    "visible%20segment",
    "alice",
];

/// With all that may be shown.
pub(crate) fn visible(it: Exchange) -> Exchange {
    it.header("x-env", "visible-header")
        .header("cookie", "lang=visible-cookie")
        .path("/reset/visible%20segment/x?page=visible-query")
        .text("jwt", r#"{"sub":"alice","plan":"visible-plan"}"#)
        .response_header("x-shown", "visible-response")
        .response_header("set-cookie", "lang=visible-set-cookie; Path=/")
        .trailer("x-shown", "visible-trailer")
}

fn header(it: Exchange, name: &str, before: &str, secret: &[u8]) -> (Exchange, Vec<u8>) {
    (it.header(name, [before.as_bytes(), secret].concat()), secret.to_vec())
}

fn cookie(it: Exchange, before: &str, secret: &[u8]) -> (Exchange, Vec<u8>) {
    let secret = without(secret, b";");
    let line = [b"lang=visible-cookie; ", before.as_bytes(), &secret].concat();
    (it.and_header("cookie", line), secret)
}

fn set_cookie(it: Exchange, before: &str, secret: &[u8]) -> (Exchange, Vec<u8>) {
    let secret = without(secret, b";");
    let line = [before.as_bytes(), &secret, b"; Path=/; HttpOnly"].concat();
    (it.response_header("set-cookie", line), secret)
}

/// Puts it behind what the query has already.
fn query(it: Exchange, name: &str, text: &[u8], secret: &[u8]) -> (Exchange, Vec<u8>) {
    let target = target(&it);
    let mark: &[u8] = if target.contains(&b'?') { b"&" } else { b"?" };
    let target = [&target, mark, name.as_bytes(), text].concat();
    (it.path(target), secret.to_vec())
}

fn raw_query(it: Exchange, name: &str, secret: &[u8]) -> (Exchange, Vec<u8>) {
    let secret = without(secret, b"&#;");
    query(it, name, &secret, &secret)
}

/// A path of its own, with the query that there is.
fn segment(it: Exchange, first: &str, text: &[u8], secret: &[u8]) -> (Exchange, Vec<u8>) {
    let target = target(&it);
    let query = target.iter().position(|byte| *byte == b'?').map_or(&b""[..], |at| &target[at..]);
    let path = [b"/", first.as_bytes(), b"/visible%20segment/", text].concat();
    (it.path([&path, query].concat()), secret.to_vec())
}

fn parameter(it: Exchange, secret: &[u8]) -> (Exchange, Vec<u8>) {
    let secret = without(secret, b"/?#");
    let target = target(&it);
    let (path, rest) = target.split_at(target.iter().position(|byte| *byte == b'?').unwrap_or(target.len()));
    (it.path([path, b";sid=", &secret, rest].concat()), secret)
}

fn fragment(it: Exchange, secret: &[u8]) -> (Exchange, Vec<u8>) {
    let target = [&target(&it), b"#".as_slice(), secret].concat();
    (it.path(target), secret.to_vec())
}

fn target(it: &Exchange) -> Vec<u8> {
    let request = it.request.as_ref().unwrap();
    request.iter().find(|(name, _)| name == ":path").map(|(_, value)| value.clone()).unwrap()
}

fn escaped(secret: &[u8]) -> Vec<u8> {
    percent(secret, is_unreserved, true)
}

/// The secret with another byte in the place of some, which would end it where it is.
fn without(secret: &[u8], bytes: &[u8]) -> Vec<u8> {
    secret.iter().map(|byte| if bytes.contains(byte) { b'x' } else { *byte }).collect()
}
