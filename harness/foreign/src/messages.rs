//! The protobuf messages of the foreign functions, as far as they go over the wire.

use prost::Message;

/// The argument of `verify_signature`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct VerifySignatureArguments {
    #[prost(string, tag = "1")]
    pub(crate) hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) public_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) text: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(crate) public_key_pem: String,
}

/// The answer of `verify_signature`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct VerifySignatureResult {
    #[prost(bool, tag = "1")]
    pub(crate) result: bool,
    #[prost(string, tag = "2")]
    pub(crate) error: String,
}

/// The argument of `sign`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct SignArguments {
    #[prost(string, tag = "1")]
    pub(crate) hash_function: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) private_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) text: Vec<u8>,
    #[prost(string, tag = "4")]
    pub(crate) private_key_pem: String,
}

/// The answer of `sign`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct SignResult {
    #[prost(bool, tag = "1")]
    pub(crate) result: bool,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) signature: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(crate) error: String,
}
