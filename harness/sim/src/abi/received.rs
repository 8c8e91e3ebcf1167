use crate::abi::{BufferType, MapType};
use crate::http::HeaderList;

/// What has come for a call-out; its callback can read it, and nobody else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing: no callback of a call-out runs.
    #[default]
    Nothing,
    /// The answer to an HTTP call-out, whole.
    Http {
        headers: HeaderList,
        body: Vec<u8>,
        trailers: HeaderList,
    },
    /// The HTTP call-out broke off after the headers of its answer.
    HttpFailure,
    GrpcInitialMetadata(HeaderList),
    GrpcMessage(Vec<u8>),
    GrpcTrailingMetadata(HeaderList),
    /// The gRPC call or stream is over.
    GrpcClose {
        status: u32,
        message: Vec<u8>,
    },
}

impl Received {
    /// Whether nothing more comes for the call-out with this token: a gRPC call ends with its message.
    pub(crate) fn is_last(&self, token: u32) -> bool {
        match self {
            Self::Http { .. } | Self::HttpFailure | Self::GrpcClose { .. } => true,
            Self::GrpcMessage(_) => token % 4 == 1,
            _ => false,
        }
    }

    pub(crate) fn map(&self, map: MapType) -> Option<&HeaderList> {
        match (map, self) {
            (MapType::HttpCallResponseHeaders, Self::Http { headers, .. }) => Some(headers),
            (MapType::HttpCallResponseTrailers, Self::Http { trailers, .. }) => Some(trailers),
            (MapType::GrpcInitialMetadata, Self::GrpcInitialMetadata(fields)) => Some(fields),
            (MapType::GrpcTrailingMetadata, Self::GrpcTrailingMetadata(fields)) => Some(fields),
            _ => None,
        }
    }

    pub(crate) fn buffer(&self, buffer: BufferType) -> Option<&[u8]> {
        match (buffer, self) {
            (BufferType::HttpCallResponseBody, Self::Http { body, .. }) => Some(body),
            (BufferType::GrpcReceive, Self::GrpcMessage(message)) => Some(message),
            _ => None,
        }
    }
}
