//! HAR 1.2: what browsers and proxies export.

use portcullis_sim::http::{HeaderList, Sending};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Message, Recorded, Traffic, decoded, not_again, protocol, shaped};

#[derive(Deserialize)]
struct Entry {
    request: HarRequest,
    #[serde(default)]
    response: HarResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HarRequest {
    method: String,
    url: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Default, Deserialize)]
struct HarResponse {
    // Chrome writes 0, and Firefox -1 or nothing at all, for a request that was never answered.
    status: Option<i64>,
    #[serde(default)]
    headers: Vec<Pair>,
    content: Option<Content>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    text: Option<String>,
    #[serde(default)]
    params: Vec<Pair>,
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    text: Option<String>,
    encoding: Option<String>,
}

pub(super) fn read(har: &Map<String, Value>) -> Result<Traffic, String> {
    let entries = har.get("log").and_then(|log| log.get("entries")).and_then(Value::as_array);
    let entries = entries.ok_or("log.entries: missing; a HAR file has its requests there")?;
    let mut traffic = Traffic::default();
    for (number, entry) in (1..).zip(entries) {
        let at = |problem: String| format!("entry {number}: {problem}");
        let entry: Entry = shaped(entry.clone()).map_err(at)?;
        let status = u16::try_from(entry.response.status.unwrap_or_default().max(0)).unwrap_or(u16::MAX);
        match not_again(entry.request.method.as_bytes(), status) {
            Some(why) => traffic.skipped.push(at(why)),
            None => {
                let sending = sending(entry, status).map_err(at)?;
                traffic.entries.push(Recorded { number, sending });
            }
        }
    }
    Ok(traffic)
}

fn sending(entry: Entry, status: u16) -> Result<Sending, String> {
    let version = entry.request.http_version.to_ascii_lowercase();
    let is_http2 = ["h2", "h3", "http/2", "http/3"].iter().any(|it| version.starts_with(it));
    let request = request(entry.request)?;
    let response = response(entry.response)?;
    let protocol = protocol(&request, &response, is_http2);
    Ok(Sending {
        protocol,
        worker: None,
        patience: None,
        request: request.into_request(),
        upstream: response.into_answer(status),
    })
}

fn request(har: HarRequest) -> Result<Message, String> {
    let (scheme, rest) = har
        .url
        .split_once("://")
        .ok_or_else(|| format!("request.url: {:?} has no scheme; write http://host/path", har.url))?;
    let rest = rest.split('#').next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let authority = named(&har.headers, "host").unwrap_or(host);
    let mut headers: HeaderList =
        [(":method", har.method.as_str()), (":path", &path), (":authority", authority), (":scheme", scheme)]
            .map(|(name, value)| (name.into(), value.into()))
            .into();
    headers.extend(fields(&har.headers).into_iter().filter(|(name, _)| name != b"host"));
    let body = har.post_data.map(posted).transpose().map_err(|error| format!("request.postData: {error}"))?;
    Ok(Message { headers, body: body.into_iter().collect(), trailers: None })
}

fn posted(data: PostData) -> Result<Vec<u8>, String> {
    match data.text.filter(|text| !text.is_empty() || data.params.is_empty()) {
        Some(text) => content(text, data.encoding.as_deref()),
        None => {
            let pairs = data.params.iter().map(|Pair { name, value }| format!("{name}={value}"));
            Ok(pairs.collect::<Vec<_>>().join("&").into_bytes())
        }
    }
}

fn response(har: HarResponse) -> Result<Message, String> {
    let mut headers = fields(&har.headers);
    let body = match har.content {
        Some(Content { text: Some(text), encoding }) => {
            // HAR keeps the body as it is after decompression.
            headers.retain(|(name, _)| name != b"content-encoding");
            let body = content(text, encoding.as_deref());
            Some(body.map_err(|error| format!("response.content: {error}"))?)
        }
        _ => None,
    };
    Ok(Message { headers, body: body.into_iter().collect(), trailers: None })
}

fn content(text: String, encoding: Option<&str>) -> Result<Vec<u8>, String> {
    match encoding {
        None | Some("") => Ok(text.into_bytes()),
        Some(encoding) if encoding.eq_ignore_ascii_case("base64") => decoded(&text),
        Some(other) => Err(format!("encoding {other:?} is unknown; base64 is what HAR has")),
    }
}

/// The header fields, without the pseudo-headers that some browsers put among them.
fn fields(pairs: &[Pair]) -> HeaderList {
    let pairs = pairs.iter().filter(|pair| !pair.name.starts_with(':'));
    pairs.map(|pair| (pair.name.to_ascii_lowercase().into_bytes(), pair.value.clone().into_bytes())).collect()
}

fn named<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.name.eq_ignore_ascii_case(name)).map(|pair| pair.value.as_str())
}

#[cfg(test)]
mod tests {
    use portcullis_sim::AnswerKind;
    use portcullis_sim::http::Protocol;

    use super::*;

    fn read(entries: &str) -> Result<Traffic, String> {
        let file = format!("\u{feff}{{\"log\": {{\"version\": \"1.2\", \"entries\": [{entries}]}}}}");
        Traffic::read("x.har", file.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_and_its_answer_are_as_they_were() {
        let traffic = read(
            r#"{"request": {"method": "POST", "url": "https://a.example/x/y?q=1#part", "httpVersion": "HTTP/1.1",
                "headers": [{"name": "Host", "value": "b.example"}, {"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"},
                            {"name": "Connection", "value": "close"}, {"name": "Content-Length", "value": "3"}],
                "postData": {"mimeType": "x", "text": "/wD+", "encoding": "base64"}, "cookies": [], "headersSize": -1},
               "response": {"status": 404, "headers": [{"name": "Content-Encoding", "value": "gzip"},
                            {"name": "content-length", "value": "99"}, {"name": "Server", "value": "s"}],
                            "content": {"size": 4, "text": "caf\u00e9"}}}"#,
        )
        .unwrap();
        let Sending { protocol, request, upstream, .. } = &traffic.entries[0].sending;
        assert_eq!(*protocol, Protocol::Http1);
        let expected: &[(&[u8], &[u8])] = &[
            (b":method", b"POST"),
            (b":path", b"/x/y?q=1"),
            (b":authority", b"b.example"),
            (b":scheme", b"https"),
            (b"x-a", b"1"),
            (b"x-a", b"2"),
            (b"content-length", b"3"),
        ];
        let headers: Vec<_> = request.headers.iter().map(|(n, v)| (n.as_slice(), v.as_slice())).collect();
        assert_eq!(headers, expected);
        assert_eq!(request.body, [b"\xff\x00\xfe"]);
        let AnswerKind::Response(response) = &upstream.kind else { panic!("{upstream:?}") };
        assert_eq!((response.status, response.body.concat()), (404, "café".as_bytes().to_vec()));
        assert_eq!(response.headers, [(b"server".to_vec(), b"s".to_vec())]);
    }

    #[test]
    fn what_browsers_leave_out_or_add_is_no_mistake() {
        let traffic = read(
            r#"{"request": {"method": "GET", "url": "http://a.example", "httpVersion": "h2",
                            "headers": [{"name": ":authority", "value": "never"}]}},
               {"request": {"method": "POST", "url": "http://a.example?q", "postData": {"text": "",
                            "params": [{"name": "a", "value": "1"}, {"name": "b"}]}}, "response": {"status": 200}},
               {"request": {"method": "GET", "url": "http://a.example/ws"}, "response": {"status": 101}}"#,
        )
        .unwrap();
        let [first, second] = &traffic.entries[..] else { panic!("{traffic:?}") };
        assert_eq!(
            (first.sending.protocol, &first.sending.upstream.kind),
            (Protocol::Http2, &AnswerKind::Reset)
        );
        assert_eq!(first.sending.request.headers[1], (b":path".to_vec(), b"/".to_vec()));
        assert_eq!(first.sending.request.headers[2], (b":authority".to_vec(), b"a.example".to_vec()));
        assert_eq!(second.sending.request.headers[1], (b":path".to_vec(), b"/?q".to_vec()));
        assert_eq!(second.sending.request.body, [b"a=1&b="]);
        assert_eq!(traffic.skipped, ["entry 3: status 101 begins another protocol"]);
    }

    #[test]
    fn a_mistake_has_the_number_of_its_entry() {
        let good = r#"{"request": {"method": "GET", "url": "http://a.example/"}}"#;
        for (entry, expected) in [
            (r#"{"request": {"url": "http://a/"}}"#, "x.har: entry 2: request: missing field `method`"),
            (r#"{"request": {"method": "GET", "url": "/x"}}"#, "entry 2: request.url: \"/x\" has no scheme"),
            (r#"{"request": {"method": 5, "url": "http://a/"}}"#, "entry 2: request.method: invalid type"),
            (
                r#"{"request": {"method": "GET", "url": "http://a/", "postData": {"text": "*", "encoding": "base64"}}}"#,
                "entry 2: request.postData: not base64",
            ),
        ] {
            let error = read(&format!("{good}, {entry}")).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = Traffic::read("x", b"{\"log\": {}}").unwrap_err().to_string();
        assert!(error.contains("log.entries: missing"), "{error}");
        let error = Traffic::read("x", b"{\n]").unwrap_err().to_string();
        assert!(error.starts_with("x:2:1: not JSON"), "{error}");
    }
}
