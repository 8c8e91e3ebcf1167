//! What Envoy's HTTP tap filter writes, to files or over the admin interface.

use portcullis_sim::http::{HeaderList, Sending};
use serde::Deserialize;
use serde_json::Value;

use super::{Message, Recorded, Traffic, decoded, not_again, protocol, shaped};

/// A trace; Envoy writes names of fields as in its .proto files, other writers of protobuf JSON in camelCase.
#[derive(Deserialize)]
struct Wrapper {
    #[serde(alias = "httpBufferedTrace")]
    http_buffered_trace: Option<Buffered>,
    #[serde(alias = "httpStreamedTraceSegment")]
    http_streamed_trace_segment: Option<Segment>,
}

#[derive(Deserialize)]
struct Buffered {
    #[serde(default)]
    request: Part,
    #[serde(default)]
    response: Part,
}

#[derive(Default, Deserialize)]
struct Part {
    #[serde(default)]
    headers: Vec<Field>,
    body: Option<Chunk>,
    #[serde(default)]
    trailers: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    key: String,
    #[serde(default)]
    value: String,
    #[serde(default, alias = "rawValue")]
    raw_value: String,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(alias = "asBytes")]
    as_bytes: Option<String>,
    #[serde(alias = "asString")]
    as_string: Option<String>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Segment {
    #[serde(default, alias = "traceId")]
    trace_id: Value,
    #[serde(alias = "requestHeaders")]
    request_headers: Option<Fields>,
    #[serde(alias = "requestBodyChunk")]
    request_body_chunk: Option<Chunk>,
    #[serde(alias = "requestTrailers")]
    request_trailers: Option<Fields>,
    #[serde(alias = "responseHeaders")]
    response_headers: Option<Fields>,
    #[serde(alias = "responseBodyChunk")]
    response_body_chunk: Option<Chunk>,
    #[serde(alias = "responseTrailers")]
    response_trailers: Option<Fields>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    headers: Vec<Field>,
}

/// A trace in the making. A streamed one comes in segments, those of several requests mixed.
struct Trace {
    /// That of a streamed trace.
    id: Option<String>,
    /// The first document that belongs to it.
    number: usize,
    request: Message,
    response: Message,
}

pub(super) fn read(documents: Vec<Value>) -> Result<Traffic, String> {
    let mut traces: Vec<Trace> = Vec::new();
    // An array of traces is what other programs make of many of them.
    let documents = documents.into_iter().flat_map(|document| match document {
        Value::Array(documents) => documents,
        other => vec![other],
    });
    for (number, document) in (1..).zip(documents) {
        let at = |problem: String| format!("entry {number}: {problem}");
        let wrapper: Wrapper = shaped(document).map_err(at)?;
        match (wrapper.http_buffered_trace, wrapper.http_streamed_trace_segment) {
            (Some(Buffered { request, response }), None) => traces.push(Trace {
                id: None,
                number,
                request: message(request).map_err(|error| at(format!("request: {error}")))?,
                response: message(response).map_err(|error| at(format!("response: {error}")))?,
            }),
            (None, Some(segment)) => add(&mut traces, number, segment).map_err(at)?,
            _ => {
                let problem = "neither http_buffered_trace nor http_streamed_trace_segment, and no HAR file";
                return Err(at(problem.to_owned()));
            }
        }
    }
    traffic(traces)
}

fn traffic(traces: Vec<Trace>) -> Result<Traffic, String> {
    let mut traffic = Traffic::default();
    for Trace { number, request, response, .. } in traces {
        let at = |problem: &str| format!("entry {number}: {problem}");
        let method = request
            .header(":method")
            .ok_or_else(|| at("the request has no :method; was it recorded from its beginning?"))?;
        let status = response.header(":status").map(|value| str::from_utf8(value).ok()?.parse().ok());
        let status = status.unwrap_or(Some(0)).ok_or_else(|| at("response: :status is no number"))?;
        if let Some(why) = not_again(method, status) {
            traffic.skipped.push(at(&why));
            continue;
        }
        let sending = Sending {
            protocol: protocol(&request, &response, false),
            worker: None,
            patience: None,
            request: request.into_request(),
            upstream: response.into_answer(status),
        };
        traffic.entries.push(Recorded { number, sending });
    }
    Ok(traffic)
}

fn add(traces: &mut Vec<Trace>, number: usize, segment: Segment) -> Result<(), String> {
    // A 64-bit number, which protobuf JSON writes as a string.
    let id = match segment.trace_id {
        Value::String(id) => id,
        other => other.to_string(),
    };
    let known = traces.iter().position(|trace| trace.id.as_ref() == Some(&id));
    let index = known.unwrap_or_else(|| {
        let (request, response) = Default::default();
        traces.push(Trace { id: Some(id), number, request, response });
        traces.len() - 1
    });
    let Some(trace) = traces.get_mut(index) else { return Ok(()) };
    extend(
        &mut trace.request,
        [segment.request_headers, segment.request_trailers],
        segment.request_body_chunk,
    )
    .map_err(|error| format!("request: {error}"))?;
    extend(
        &mut trace.response,
        [segment.response_headers, segment.response_trailers],
        segment.response_body_chunk,
    )
    .map_err(|error| format!("response: {error}"))
}

fn extend(message: &mut Message, fields: [Option<Fields>; 2], chunk: Option<Chunk>) -> Result<(), String> {
    let [headers, trailers] = fields;
    if let Some(headers) = headers {
        message.headers.extend(list(headers.headers)?);
    }
    if let Some(chunk) = chunk {
        message.body.push(body(chunk)?);
    }
    if let Some(trailers) = trailers {
        message.trailers = Some(list(trailers.headers)?);
    }
    Ok(())
}

fn message(part: Part) -> Result<Message, String> {
    let trailers = (!part.trailers.is_empty()).then(|| list(part.trailers)).transpose()?;
    let body = part.body.map(body).transpose()?;
    Ok(Message { headers: list(part.headers)?, body: body.into_iter().collect(), trailers })
}

fn list(fields: Vec<Field>) -> Result<HeaderList, String> {
    let fields = fields.into_iter().map(|field| {
        let value = match field.raw_value.is_empty() {
            true => field.value.into_bytes(),
            false => decoded(&field.raw_value).map_err(|error| format!("header {}: {error}", field.key))?,
        };
        Ok((field.key.to_ascii_lowercase().into_bytes(), value))
    });
    fields.collect()
}

fn body(chunk: Chunk) -> Result<Vec<u8>, String> {
    if chunk.truncated {
        let problem =
            "the body is truncated; record with a larger max_buffered_rx_bytes and max_buffered_tx_bytes";
        return Err(problem.to_owned());
    }
    match (chunk.as_bytes, chunk.as_string) {
        (Some(bytes), _) => decoded(&bytes).map_err(|error| format!("body: {error}")),
        (None, text) => Ok(text.unwrap_or_default().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_sim::AnswerKind;
    use portcullis_sim::http::Protocol;

    use super::*;

    fn read(file: &str) -> Result<Traffic, String> {
        Traffic::read("tap.json", file.as_bytes()).map_err(|error| error.to_string())
    }

    const HEADERS: &str = r#"{"key": ":authority", "value": "a.example"}, {"key": ":path", "value": "/x"},
        {"key": ":method", "value": "POST"}, {"key": "x-a", "raw_value": "/w=="}"#;

    #[test]
    fn buffered_traces_have_bodies_as_bytes_or_text() {
        let trace = |body: &str| {
            format!(
                r#"{{"http_buffered_trace": {{
                    "request": {{"headers": [{HEADERS}], "body": {body}, "trailers": []}},
                    "response": {{"headers": [{{"key": ":status", "value": "201"}}, {{"key": "x-b", "value": "c"}}],
                                  "body": {{"truncated": false, "as_string": "ok"}}, "trailers": []}}}}}}"#
            )
        };
        // As the admin interface streams them: one after the other.
        let file = trace(r#"{"as_bytes": "/wA="}"#) + "\n" + &trace(r#"{"asString": "text"}"#);
        let traffic = read(&file).unwrap();
        let [first, second] = &traffic.entries[..] else { panic!("{traffic:?}") };
        assert_eq!(first.sending.request.body, [b"\xff\x00"]);
        assert_eq!(second.sending.request.body, [b"text"]);
        assert_eq!(first.sending.request.headers[3], (b"x-a".to_vec(), b"\xff".to_vec()));
        assert_eq!(first.sending.protocol, Protocol::Http1);
        let AnswerKind::Response(response) = &first.sending.upstream.kind else { panic!() };
        assert_eq!(
            (response.status, response.headers.len(), response.body.concat()),
            (201, 1, b"ok".to_vec())
        );
    }

    #[test]
    fn streamed_segments_of_several_requests_come_mixed() {
        let segment = |id: &str, part: &str| {
            format!(r#"{{"http_streamed_trace_segment": {{"trace_id": {id}, {part}}}}}"#)
        };
        let headers = format!(r#""request_headers": {{"headers": [{HEADERS}]}}"#);
        let file = [
            segment("\"1\"", &headers),
            segment("2", &headers),
            segment("\"1\"", r#""request_body_chunk": {"as_bytes": "YQ=="}"#),
            segment("2", r#""requestBodyChunk": {"asBytes": "Yg=="}"#),
            segment("\"1\"", r#""request_body_chunk": {"as_bytes": "Yw=="}"#),
            segment("\"1\"", r#""request_trailers": {"headers": [{"key": "t", "value": "u"}]}"#),
            segment("\"1\"", r#""response_headers": {"headers": [{"key": ":status", "value": "204"}]}"#),
        ];
        let traffic = read(&file.join("\n")).unwrap();
        let [first, second] = &traffic.entries[..] else { panic!("{traffic:?}") };
        assert_eq!((first.number, second.number), (1, 2));
        assert_eq!(first.sending.request.body, [b"a", b"c"]);
        assert_eq!(first.sending.request.trailers, Some(vec![(b"t".to_vec(), b"u".to_vec())]));
        assert_eq!(first.sending.protocol, Protocol::Http2);
        assert_eq!(second.sending.request.body, [b"b"]);
        assert_eq!(second.sending.upstream.kind, AnswerKind::Reset);
    }

    #[test]
    fn a_mistake_has_the_number_of_its_entry() {
        for (file, expected) in [
            ("{}", "entry 1: neither http_buffered_trace"),
            ("[1]", "entry 1: invalid type"),
            ("", "empty; write a HAR file"),
            (r#"{"http_buffered_trace": {"request": {}}}"#, "entry 1: the request has no :method"),
            (
                r#"{"http_buffered_trace": {"request": {"headers": [], "body": {"truncated": true, "as_bytes": ""}}}}"#,
                "entry 1: request: the body is truncated",
            ),
        ] {
            let error = read(file).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
