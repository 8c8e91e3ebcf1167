//! Requests, and what has become of them.

use super::NOW;

/// Fields of a header map.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// A request and what has become of it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// `None` where there is no header map.
    pub(crate) request: Option<Fields>,
    pub(crate) response: Option<Fields>,
    pub(crate) trailers: Option<Fields>,
    pub(crate) request_body: Vec<Vec<u8>>,
    pub(crate) response_body: Vec<Vec<u8>>,
    pub(crate) attributes: Vec<(&'static str, Vec<u8>)>,
}

impl Exchange {
    /// What a request looks like in a mesh.
    pub(crate) fn plain() -> Self {
        let request = fields(&[
            (":method", "GET"),
            (":scheme", "https"),
            (":authority", "shop.example"),
            (":path", "/orders/7?page=2"),
            ("user-agent", "curl/8.5.0"),
            ("accept", "*/*"),
            ("x-forwarded-for", "198.51.100.7"),
            ("x-request-id", "4f1c6f3a-2b3c-4d5e-8f90-a1b2c3d4e5f6"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ]);
        Self {
            request: Some(request),
            response: Some(fields(&[(":status", "200"), ("content-type", "application/json")])),
            trailers: None,
            request_body: Vec::new(),
            response_body: Vec::new(),
            attributes: vec![
                ("request.time", number(NOW * 1_000_000_000)),
                ("request.duration", number(12_345_678)),
                ("request.protocol", b"HTTP/1.1".to_vec()),
                ("request.size", number(0)),
                ("response.size", number(512)),
                ("response.code", number(200)),
                ("response.code_details", b"via_upstream".to_vec()),
                ("response.flags", number(0)),
                ("response.grpc_status", number(2)),
                ("source.address", b"198.51.100.7:40000".to_vec()),
                ("upstream.address", b"10.0.0.7:8080".to_vec()),
                ("upstream.request_attempt_count", number(1)),
                ("xds.route_name", b"orders".to_vec()),
                ("xds.cluster_name", b"backend".to_vec()),
            ],
        }
    }

    /// One that was answered so by Envoy, or by a filter in it.
    pub(crate) fn answered(status: u64, details: &str) -> Self {
        let mut exchange =
            Self::plain().number("response.code", status).text("response.code_details", details);
        exchange.attributes.retain(|(name, _)| !name.starts_with("upstream."));
        exchange.response = Some(fields(&[(":status", &status.to_string()), ("content-type", "text/plain")]));
        exchange
    }

    /// One that token-bucket has denied.
    pub(crate) fn denied() -> Self {
        Self::answered(429, "portcullis_rate_limit_exceeded")
    }

    /// One whose client did not wait for the upstream.
    pub(crate) fn gone() -> Self {
        let exchange = Self::plain()
            .without("response.code")
            .text("response.code_details", "downstream_remote_disconnect");
        let mut exchange = exchange.number("response.flags", 0x4000);
        exchange.attributes.retain(|(name, _)| !name.starts_with("upstream."));
        Self { response: None, ..exchange }
    }

    /// What HTTP/1 refuses: nothing of it can be read but what Envoy has answered.
    pub(crate) fn malformed() -> Self {
        let mut exchange = Self::answered(400, "http1.codec_error").number("response.flags", 0x40000);
        exchange.request = None;
        exchange.attributes.retain(|(name, _)| !name.starts_with("xds."));
        exchange
    }

    /// A call of gRPC with this status.
    pub(crate) fn grpc(status: u64) -> Self {
        let exchange = Self::plain()
            .header(":method", "POST")
            .header(":path", "/shop.v1.Orders/List")
            .header("content-type", "application/grpc")
            .text("request.protocol", "HTTP/2")
            .number("response.grpc_status", status);
        let trailers = fields(&[("grpc-status", &status.to_string()), ("grpc-message", "m")]);
        let response = fields(&[(":status", "200"), ("content-type", "application/grpc")]);
        Self { response: Some(response), trailers: Some(trailers), ..exchange }
    }

    /// With this attribute.
    pub(crate) fn attribute(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self = self.without(name);
        self.attributes.push((name, value.as_ref().to_vec()));
        self
    }

    /// Likewise a text.
    pub(crate) fn text(self, name: &'static str, value: &str) -> Self {
        self.attribute(name, value)
    }

    /// Likewise a number.
    pub(crate) fn number(self, name: &'static str, value: u64) -> Self {
        self.attribute(name, number(value))
    }

    /// Without this attribute.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.attributes.retain(|(other, _)| *other != name);
        self
    }

    /// With this request header, and no other of the name.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request.get_or_insert_default().retain(|(other, _)| *other != name);
        self.and_header(name, value)
    }

    /// With one more.
    pub(crate) fn and_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.request.get_or_insert_default().push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Without this request header.
    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.request.get_or_insert_default().retain(|(other, _)| *other != name);
        self
    }

    /// With one more response header.
    pub(crate) fn response_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.response.get_or_insert_default().push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With a trailer more.
    pub(crate) fn trailer(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.trailers.get_or_insert_default().push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With this target.
    pub(crate) fn path(self, path: impl AsRef<[u8]>) -> Self {
        self.header(":path", path)
    }

    /// With this method.
    pub(crate) fn method(self, method: &str) -> Self {
        self.header(":method", method)
    }

    /// From this client.
    pub(crate) fn from(self, address: &str) -> Self {
        self.text("source.address", address)
    }

    /// By this subject, whose token jwt-auth has verified and put there.
    pub(crate) fn by(self, subject: &str) -> Self {
        let payload = serde_json::json!({"iss": "https://idp.example", "sub": subject});
        self.text("jwt", &payload.to_string())
    }

    /// With a body of this type, in these pieces.
    pub(crate) fn body(mut self, content_type: &str, pieces: &[&[u8]]) -> Self {
        self.request_body = pieces.iter().map(|piece| piece.to_vec()).collect();
        self.header("content-type", content_type)
    }

    /// Likewise of the response.
    pub(crate) fn response_of(mut self, content_type: &str, pieces: &[&[u8]]) -> Self {
        self.response_body = pieces.iter().map(|piece| piece.to_vec()).collect();
        self.response.get_or_insert_default().retain(|(name, _)| name != "content-type");
        self.response_header("content-type", content_type)
    }
}

fn fields(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

fn number(number: u64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}
