use crate::stream::Side;
use crate::{Hostcall, Refusal};

/// The header maps, as the ABI numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MapType {
    /// The request headers.
    RequestHeaders = 0,
    /// The request trailers.
    RequestTrailers = 1,
    /// The response headers.
    ResponseHeaders = 2,
    /// The response trailers.
    ResponseTrailers = 3,
    /// What a gRPC call-out received first.
    GrpcInitialMetadata = 4,
    /// What a gRPC call-out received last.
    GrpcTrailingMetadata = 5,
    /// The headers of the answer to an HTTP call-out.
    HttpCallResponseHeaders = 6,
    /// The trailers of the answer to an HTTP call-out.
    HttpCallResponseTrailers = 7,
}

impl MapType {
    pub(crate) fn of(id: u32) -> Hostcall<Self> {
        Ok(match id {
            0 => Self::RequestHeaders,
            1 => Self::RequestTrailers,
            2 => Self::ResponseHeaders,
            3 => Self::ResponseTrailers,
            4 => Self::GrpcInitialMetadata,
            5 => Self::GrpcTrailingMetadata,
            6 => Self::HttpCallResponseHeaders,
            7 => Self::HttpCallResponseTrailers,
            _ => return Err(Refusal::bad_argument(format!("{id} is not a header map; 0 to 7 are"))),
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequestHeaders => "request headers",
            Self::RequestTrailers => "request trailers",
            Self::ResponseHeaders => "response headers",
            Self::ResponseTrailers => "response trailers",
            Self::GrpcInitialMetadata => "gRPC initial metadata",
            Self::GrpcTrailingMetadata => "gRPC trailing metadata",
            Self::HttpCallResponseHeaders => "http_call response headers",
            Self::HttpCallResponseTrailers => "http_call response trailers",
        }
    }

    pub(super) fn callback(self) -> &'static str {
        match self {
            Self::RequestHeaders => "on_request_headers",
            Self::RequestTrailers => "on_request_trailers",
            Self::ResponseHeaders => "on_response_headers",
            Self::ResponseTrailers => "on_response_trailers",
            Self::GrpcInitialMetadata => "on_grpc_receive_initial_metadata",
            Self::GrpcTrailingMetadata => "on_grpc_receive_trailing_metadata",
            Self::HttpCallResponseHeaders | Self::HttpCallResponseTrailers => "on_http_call_response",
        }
    }

    /// The name under which a field stands in this map: in lower case, and `host` is the authority of a request.
    pub(crate) fn normal(self, name: &[u8]) -> Vec<u8> {
        match (self, name.to_ascii_lowercase()) {
            (Self::RequestHeaders, name) if name == b"host" => b":authority".to_vec(),
            (_, name) => name,
        }
    }

    pub(crate) fn is_trailers(self) -> bool {
        matches!(self, Self::RequestTrailers | Self::ResponseTrailers)
    }

    /// The direction of the stream; none for the maps of call-outs.
    pub(crate) fn side(self) -> Option<Side> {
        match self {
            Self::RequestHeaders | Self::RequestTrailers => Some(Side::Request),
            Self::ResponseHeaders | Self::ResponseTrailers => Some(Side::Response),
            _ => None,
        }
    }
}
