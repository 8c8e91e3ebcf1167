use crate::abi::MapType;
use crate::http::HeaderList;

/// The request headers of which Envoy's map holds one field only: a second value is joined to the first with a comma.
///
/// Found by sending each twice through Envoy 1.40. Everything else, `cookie` included, is repeated.
const REQUEST: [&[u8]; 50] = [
    b":authority",
    b":method",
    b":path",
    b":scheme",
    b"accept",
    b"accept-encoding",
    b"access-control-request-headers",
    b"access-control-request-method",
    b"access-control-request-private-network",
    b"authentication",
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"expect",
    b"grpc-accept-encoding",
    b"grpc-timeout",
    b"host",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"keep-alive",
    b"origin",
    b"pragma",
    b"proxy-connection",
    b"proxy-status",
    b"referer",
    b"te",
    b"transfer-encoding",
    b"upgrade",
    b"user-agent",
    b"via",
    b"x-client-trace-id",
    b"x-envoy-attempt-count",
    b"x-envoy-decorator-operation",
    b"x-envoy-downstream-service-cluster",
    b"x-envoy-downstream-service-node",
    b"x-envoy-external-address",
    b"x-envoy-is-timeout-retry",
    b"x-envoy-original-host",
    b"x-envoy-original-path",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"x-forwarded-proto",
    b"x-request-id",
];

/// Likewise the response headers; `set-cookie` is repeated, and so is much that is joined in a request.
const RESPONSE: [&[u8]; 37] = [
    b":status",
    b"access-control-allow-credentials",
    b"access-control-allow-headers",
    b"access-control-allow-methods",
    b"access-control-allow-origin",
    b"access-control-allow-private-network",
    b"access-control-expose-headers",
    b"access-control-max-age",
    b"age",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-type",
    b"date",
    b"etag",
    b"expires",
    b"grpc-message",
    b"grpc-status",
    b"keep-alive",
    b"last-modified",
    b"location",
    b"proxy-connection",
    b"proxy-status",
    b"server",
    b"transfer-encoding",
    b"upgrade",
    b"vary",
    b"via",
    b"x-envoy-attempt-count",
    b"x-envoy-decorator-operation",
    b"x-envoy-degraded",
    b"x-envoy-immediate-health-check-fail",
    b"x-envoy-ratelimited",
    b"x-envoy-upstream-canary",
    b"x-envoy-upstream-healthchecked-cluster",
    b"x-request-id",
];

/// Likewise the response trailers; of request trailers Envoy knows none by name.
const RESPONSE_TRAILERS: [&[u8]; 2] = [b"grpc-message", b"grpc-status"];

/// Appends a field as Envoy's header map does: pseudo-headers stay in front, and some names have one field only.
pub(crate) fn append(map: MapType, fields: &mut HeaderList, name: &[u8], value: &[u8]) {
    if is_merged(map, name)
        && let Some((_, first)) = fields.iter_mut().find(|(field, _)| field == name)
    {
        if !first.is_empty() && !value.is_empty() {
            first.push(b',');
        }
        first.extend_from_slice(value);
        return;
    }
    let field = (name.to_vec(), value.to_vec());
    if name.starts_with(b":") {
        let after = fields.iter().take_while(|(name, _)| name.starts_with(b":")).count();
        fields.insert(after, field);
    } else {
        fields.push(field);
    }
}

fn is_merged(map: MapType, name: &[u8]) -> bool {
    let names: &[&[u8]] = match map {
        MapType::RequestHeaders => &REQUEST,
        MapType::ResponseHeaders | MapType::HttpCallResponseHeaders => &RESPONSE,
        MapType::ResponseTrailers | MapType::HttpCallResponseTrailers => &RESPONSE_TRAILERS,
        _ => &[],
    };
    names.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(map: MapType, name: &str) -> usize {
        let mut fields = HeaderList::new();
        append(map, &mut fields, name.as_bytes(), b"1");
        append(map, &mut fields, name.as_bytes(), b"2");
        fields.len()
    }

    #[test]
    fn each_map_has_its_own_names() {
        use MapType::{RequestHeaders, RequestTrailers, ResponseHeaders, ResponseTrailers};
        for (name, expected) in [
            ("authorization", [1, 2, 2, 2]),
            ("date", [2, 2, 1, 2]),
            ("grpc-status", [2, 2, 1, 1]),
            ("via", [1, 2, 1, 2]),
            ("set-cookie", [2, 2, 2, 2]),
        ] {
            let maps = [RequestHeaders, RequestTrailers, ResponseHeaders, ResponseTrailers];
            assert_eq!(maps.map(|map| twice(map, name)), expected, "{name}");
        }
    }

    #[test]
    fn an_empty_value_is_joined_without_a_comma_and_pseudo_headers_stay_in_front() {
        let mut fields = HeaderList::new();
        append(MapType::RequestHeaders, &mut fields, b"via", b"");
        append(MapType::RequestHeaders, &mut fields, b"via", b"a");
        append(MapType::RequestHeaders, &mut fields, b"via", b"");
        append(MapType::RequestHeaders, &mut fields, b":path", b"/");
        assert_eq!(fields, [(b":path".to_vec(), b"/".to_vec()), (b"via".to_vec(), b"a".to_vec())]);
    }
}
