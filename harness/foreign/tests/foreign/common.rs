//! What the tests share: the functions by name, and their messages.

use portcullis_foreign::foreign_functions;
use portcullis_sim::Refusal;
use prost::Message;

/// What Envoy says of a signature, of a public key that it cannot use, and of a private key.
pub(crate) const WRONG: &str = "Failed to verify digest. Error code: 0";
pub(crate) const UNUSABLE: &str = "Failed to initialize digest verify.";
pub(crate) const NO_PRIVATE_KEY: &str = "Invalid key type: private key required for signing operation.";
pub(crate) const MALFORMED: &str = "Invalid private key: key data is corrupted or malformed.";

#[derive(Clone, PartialEq, Eq, Message)]
struct Verify {
    #[prost(string, tag = "1")]
    hash: String,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    text: Vec<u8>,
    #[prost(string, tag = "5")]
    pem: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Verified {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(string, tag = "2")]
    error: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Sign {
    #[prost(string, tag = "1")]
    hash: String,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    text: Vec<u8>,
    #[prost(string, tag = "4")]
    pem: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Signed {
    #[prost(bool, tag = "1")]
    result: bool,
    #[prost(bytes = "vec", tag = "2")]
    signature: Vec<u8>,
    #[prost(string, tag = "3")]
    error: String,
}

/// A key in one of the two forms that have a field of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    Der(&'a [u8]),
    Pem(&'a str),
}

impl Form<'_> {
    fn fields(self) -> (Vec<u8>, String) {
        match self {
            Self::Der(key) => (key.to_vec(), String::new()),
            Self::Pem(key) => (Vec::new(), key.to_owned()),
        }
    }
}

pub(crate) fn call(function: &str, argument: &[u8]) -> Result<Vec<u8>, Refusal> {
    let functions = foreign_functions();
    let (_, function) = functions.iter().find(|(name, _)| *name == function).unwrap();
    function(argument)
}

/// Whether a signature fits, and if not, what Envoy says.
pub(crate) fn verify(hash: &str, key: Form<'_>, text: &[u8], signature: &[u8]) -> Result<(), String> {
    let (key, pem) = key.fields();
    let question =
        Verify { hash: hash.to_owned(), key, signature: signature.to_vec(), text: text.to_vec(), pem };
    let answer = call("verify_signature", &question.encode_to_vec()).unwrap();
    let Verified { result, error } = Verified::decode(answer.as_slice()).unwrap();
    assert_eq!(result, error.is_empty());
    if result { Ok(()) } else { Err(error) }
}

/// A signature, or what Envoy says.
pub(crate) fn sign(hash: &str, key: Form<'_>, text: &[u8]) -> Result<Vec<u8>, String> {
    let (key, pem) = key.fields();
    let question = Sign { hash: hash.to_owned(), key, text: text.to_vec(), pem };
    let answer = call("sign", &question.encode_to_vec()).map_err(|refusal| refusal.to_string())?;
    let Signed { result, signature, error } = Signed::decode(answer.as_slice()).unwrap();
    assert_eq!(result, error.is_empty());
    if result { Ok(signature) } else { Err(error) }
}

/// The key that a question to Envoy had, by the name of the question to `sign`.
pub(crate) fn private_key_of(name: &str) -> Vec<u8> {
    let mut rows = rows::<5>(include_str!("../fixtures/envoy.tsv"));
    let [_, _, argument, ..] = rows.find(|[row, ..]| *row == name).unwrap();
    Sign::decode(bytes(argument).as_slice()).unwrap().key
}

/// The lines of a table, without its head.
pub(crate) fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split('\t').collect::<Vec<_>>().try_into().unwrap())
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
