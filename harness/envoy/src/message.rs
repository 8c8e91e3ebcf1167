use hyper::body::Bytes;
use hyper::header::{HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::{request, response, uri};
use hyper::{HeaderMap, Method, StatusCode, Uri};
use portcullis_sim::http::{HeaderList, Protocol, Request, Response};

use crate::body::Pieces;

/// Headers that belong to one HTTP/1.1 connection; over HTTP/2 hyper would drop them without a word (RFC 9113,
/// section 8.2.2).
const CONNECTION_SPECIFIC: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// A request as hyper sends it.
///
/// # Errors
/// Why it cannot be sent as it is written.
pub(crate) fn outgoing_request(
    protocol: Protocol,
    request: &Request,
) -> Result<hyper::Request<Pieces>, String> {
    let (pseudo, plain): (HeaderList, HeaderList) =
        request.headers.iter().cloned().partition(|(name, _)| name.starts_with(b":"));
    let pseudo = Pseudo::of(&pseudo)?;
    let mut headers = header_map(protocol, &plain)?;
    if let (Protocol::Http1, Some(authority)) = (protocol, &pseudo.authority) {
        headers = with_host_first(authority, headers)?;
    }
    let body = outgoing_body(protocol, &request.body, request.trailers.as_ref(), &mut headers)?;
    let mut message = hyper::Request::new(body);
    *message.method_mut() = pseudo.method()?;
    *message.uri_mut() = pseudo.uri(protocol)?;
    *message.headers_mut() = headers;
    Ok(message)
}

/// A response as hyper sends it.
///
/// # Errors
/// Why it cannot be sent as it is written.
pub(crate) fn outgoing_response(
    protocol: Protocol,
    response: &Response,
) -> Result<hyper::Response<Pieces>, String> {
    let status = StatusCode::from_u16(response.status);
    let status = status.map_err(|_| format!("no server sends the status {}", response.status))?;
    let mut headers = header_map(protocol, &response.headers)?;
    let body = outgoing_body(protocol, &response.body, response.trailers.as_ref(), &mut headers)?;
    let mut message = hyper::Response::new(body);
    *message.status_mut() = status;
    *message.headers_mut() = headers;
    Ok(message)
}

/// A request as it begins to arrive; pseudo-headers first, `host` in HTTP/1.1 as `:authority`.
pub(crate) fn incoming_head(parts: request::Parts) -> Request {
    let mut plain = parts.headers;
    let host = plain.remove(HOST).map(|value| value.as_bytes().to_vec());
    let authority = parts.uri.authority().map(|it| it.as_str().as_bytes().to_vec()).or(host);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers: HeaderList = vec![
        (b":method".to_vec(), parts.method.as_str().as_bytes().to_vec()),
        (b":path".to_vec(), path.as_bytes().to_vec()),
    ];
    headers.extend(authority.map(|value| (b":authority".to_vec(), value)));
    // HTTP/1.1 has no place for it.
    headers.extend(parts.uri.scheme_str().map(|scheme| (b":scheme".to_vec(), scheme.as_bytes().to_vec())));
    headers.extend(header_list(&plain));
    Request { headers, ..Request::default() }
}

/// A response as it arrived.
pub(crate) fn incoming_response(
    parts: &response::Parts,
    body: &Bytes,
    trailers: Option<&HeaderMap>,
) -> Response {
    Response {
        status: parts.status.as_u16(),
        headers: header_list(&parts.headers),
        body: one_piece(body),
        trailers: trailers.map(header_list),
    }
}

#[derive(Default)]
struct Pseudo {
    method: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    authority: Option<Vec<u8>>,
    scheme: Option<Vec<u8>>,
}

impl Pseudo {
    fn of(headers: &HeaderList) -> Result<Self, String> {
        let mut pseudo = Self::default();
        for (name, value) in headers {
            let place = match name.as_slice() {
                b":method" => &mut pseudo.method,
                b":path" => &mut pseudo.path,
                b":authority" => &mut pseudo.authority,
                b":scheme" => &mut pseudo.scheme,
                _ => return Err(format!("no client sends the pseudo-header {}", text(name))),
            };
            if place.replace(value.clone()).is_some() {
                return Err(format!("no client sends {} twice", text(name)));
            }
        }
        Ok(pseudo)
    }

    fn method(&self) -> Result<Method, String> {
        let name = self.method.as_deref().unwrap_or(b"GET");
        match Method::from_bytes(name) {
            Ok(Method::CONNECT) => Err("CONNECT opens a tunnel and not a request".to_owned()),
            Ok(method) => Ok(method),
            Err(_) => Err(format!("no client sends the method {}", text(name))),
        }
    }

    fn uri(&self, protocol: Protocol) -> Result<Uri, String> {
        let path = self.path.as_deref().unwrap_or(b"/");
        let mut parts = uri::Parts::default();
        // The parser drops a fragment: what is left then is not what the scenario says.
        let parsed = uri::PathAndQuery::try_from(path).ok().filter(|it| it.as_str().as_bytes() == path);
        parts.path_and_query =
            Some(parsed.ok_or_else(|| format!("this client cannot send the path {}", text(path)))?);
        if protocol == Protocol::Http2 {
            let authority = self.authority.as_deref().ok_or("over HTTP/2 this client needs an :authority")?;
            let parsed = uri::Authority::try_from(authority).ok();
            parts.authority =
                Some(parsed.ok_or_else(|| format!("no client sends the :authority {}", text(authority)))?);
            let scheme = self.scheme.as_deref().unwrap_or(b"http");
            let parsed = uri::Scheme::try_from(scheme).ok();
            parts.scheme =
                Some(parsed.ok_or_else(|| format!("no client sends the :scheme {}", text(scheme)))?);
        }
        Uri::from_parts(parts).map_err(|error| format!("this client cannot send the path: {error}"))
    }
}

fn with_host_first(authority: &[u8], headers: HeaderMap) -> Result<HeaderMap, String> {
    let mut all = HeaderMap::with_capacity(headers.len() + 1);
    all.append(HOST, header_value(b":authority", authority)?);
    // A name comes with the first of its values only.
    let mut last = None;
    for (name, value) in headers {
        last = name.or(last);
        if let Some(name) = &last {
            all.append(name, value);
        }
    }
    Ok(all)
}

/// Repeated headers come to stand together: hyper keeps their order, but not what was between them.
fn header_map(protocol: Protocol, list: &HeaderList) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let parsed = HeaderName::from_bytes(name);
        let parsed = parsed.map_err(|_| format!("no client sends a header named {}", text(name)))?;
        if protocol == Protocol::Http2 && CONNECTION_SPECIFIC.contains(&parsed.as_str()) {
            return Err(format!("HTTP/2 has no header {parsed}"));
        }
        headers.append(parsed, header_value(name, value)?);
    }
    Ok(headers)
}

fn header_value(name: &[u8], value: &[u8]) -> Result<HeaderValue, String> {
    HeaderValue::from_bytes(value)
        .map_err(|_| format!("no client sends {} with the value {}", text(name), text(value)))
}

fn outgoing_body(
    protocol: Protocol,
    pieces: &[Vec<u8>],
    trailers: Option<&HeaderList>,
    headers: &mut HeaderMap,
) -> Result<Pieces, String> {
    if protocol == Protocol::Http1 && trailers.is_some() {
        return Err("Envoy drops trailers of HTTP/1.1 unless told otherwise; use HTTP/2".to_owned());
    }
    let trailers = trailers.map(|list| header_map(protocol, list)).transpose()?;
    let body = Pieces::new(pieces, trailers);
    // Unasked hyper sends a GET without the body that it was given.
    if protocol == Protocol::Http1 && !body.is_sized() && !headers.contains_key("content-length") {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(body)
}

pub(crate) fn header_list(headers: &HeaderMap) -> HeaderList {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec()))
        .collect()
}

fn one_piece(body: &Bytes) -> Vec<Vec<u8>> {
    if body.is_empty() { Vec::new() } else { vec![body.to_vec()] }
}

fn text(bytes: &[u8]) -> String {
    format!("`{}`", bytes.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &[u8])]) -> Request {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        Request { headers: headers.collect(), ..Request::default() }
    }

    fn refusal(protocol: Protocol, headers: &[(&str, &[u8])]) -> String {
        outgoing_request(protocol, &request(headers)).unwrap_err()
    }

    #[test]
    fn host_comes_first_and_repeated_values_keep_their_order() {
        let headers: [(&str, &[u8]); 5] =
            [(":authority", b"a.example"), ("x", b"1"), ("y", b"\xff"), ("x", b"2"), (":path", b"/p?q=1")];
        let sent = outgoing_request(Protocol::Http1, &request(&headers)).unwrap();
        let list = header_list(sent.headers());
        let expected: [(&[u8], &[u8]); 4] =
            [(b"host", b"a.example"), (b"x", b"1"), (b"x", b"2"), (b"y", b"\xff")];
        assert_eq!(list, expected.map(|(name, value)| (name.to_vec(), value.to_vec())));
        assert_eq!(sent.uri(), "/p?q=1");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name() {
        let http1 = |headers: &[(&str, &[u8])]| refusal(Protocol::Http1, headers);
        assert!(http1(&[("x", b"a\r\nb")]).contains(r"`x` with the value `a\r\nb`"));
        assert!(http1(&[("x", b"\0")]).contains(r"\x00"));
        assert!(http1(&[(":path", b"/a#b")]).contains("/a#b"));
        assert!(http1(&[(":path", b"/a b")]).contains("/a b"));
        assert!(http1(&[(":method", b"CONNECT")]).contains("tunnel"));
        assert!(http1(&[(":path", b"/"), (":path", b"/x")]).contains("twice"));
        assert!(refusal(Protocol::Http2, &[("connection", b"close")]).contains("connection"));
        assert!(refusal(Protocol::Http2, &[]).contains(":authority"));
    }

    #[test]
    fn trailers_need_http2() {
        let mut trailing = request(&[(":authority", b"a")]);
        trailing.trailers = Some(vec![(b"t".to_vec(), b"1".to_vec())]);
        assert!(outgoing_request(Protocol::Http1, &trailing).unwrap_err().contains("HTTP/2"));
        assert!(outgoing_request(Protocol::Http2, &trailing).is_ok());
    }

    #[test]
    fn what_arrives_has_the_scheme_that_was_on_the_wire() {
        let schemes = |uri: &str| {
            let (parts, ()) = hyper::Request::builder().uri(uri).body(()).unwrap().into_parts();
            let headers = incoming_head(parts).headers;
            headers.into_iter().filter(|(name, _)| name == b":scheme").map(|(_, value)| value).collect()
        };
        let (http1, http2): (Vec<_>, Vec<_>) = (schemes("/a"), schemes("https://a.example/a"));
        assert_eq!((http1, http2), (vec![], vec![b"https".to_vec()]));
    }

    #[test]
    fn a_status_that_is_none_is_refused() {
        assert!(outgoing_response(Protocol::Http1, &Response::default()).unwrap_err().contains("status 0"));
    }
}
