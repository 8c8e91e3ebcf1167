//! Conditions as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

/// What the claims of a token must be, beyond being signed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionConfig {
    /// All of these hold.
    All(Vec<Self>),
    /// At least one of these holds.
    Any(Vec<Self>),
    /// This fails. A claim that is missing or of another type fails no test but `exists`, and so satisfies no `not`.
    Not(Box<Self>),
    /// The token has this scope, or all of a list, in `scope` or `scp`.
    Scope(OneOrMany),
    /// One test of one claim.
    Claim(Box<ClaimTestConfig>),
}

/// A text or a list of texts.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A claim, by `name` or by `path`, and exactly one test of it.
///
/// A test holds, fails, or has no answer: where the claim is missing or null, or has another type than the test compares with.
/// Numbers are compared exactly, text byte for byte; text is never taken for a number.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimTestConfig {
    /// The claim: a member of the payload; its dots are part of the name.
    pub name: Option<String>,
    /// The claim inside objects: `[realm_access, roles]`.
    pub path: Option<Vec<String>>,
    /// It is this text, number or boolean.
    pub equals: Option<Scalar>,
    /// It is one of these.
    #[serde(rename = "in")]
    pub is_in: Option<Vec<Scalar>>,
    /// It is a list with this in it, or this itself, as a list of one is often written.
    pub contains: Option<Scalar>,
    /// Likewise, with at least one of these.
    pub contains_any: Option<Vec<Scalar>>,
    /// Likewise, with each of these.
    pub contains_all: Option<Vec<Scalar>>,
    /// It is a text of words with spaces between them, or a list of words, and each of these is among them.
    pub contains_words: Option<OneOrMany>,
    /// It is a text that starts so.
    pub prefix: Option<String>,
    /// It is a text that ends so.
    pub suffix: Option<String>,
    /// It is a text that matches this expression as a whole (`regex-lite` syntax, linear time).
    pub regex: Option<String>,
    /// Whether it is there. This test alone has an answer for a claim that is missing.
    pub exists: Option<bool>,
    /// It is this number or a greater one.
    pub at_least: Option<Number>,
    /// It is this number or a smaller one.
    pub at_most: Option<Number>,
    /// It is a text or an integer that the request has in this place.
    pub equals_request: Option<RequestValueConfig>,
    /// It is a list with that in it, or that itself.
    pub contains_request: Option<RequestValueConfig>,
}

/// What a claim is compared with.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "expected a text, a number or a boolean")]
pub enum Scalar {
    /// A text.
    Text(String),
    /// A number.
    Number(Number),
    /// A boolean.
    Boolean(bool),
}

/// A part of a request.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestValueConfig {
    /// A segment of the path, its escapes decoded; 1 is `a` in `/a/b`. A path that is not in normal form is refused.
    PathSegment(u64),
    /// A header. One that is sent twice, or under a second name with `_` for `-`, equals nothing.
    Header(String),
    /// The host, without its port, any case: write `true`. One that is no plain host is refused.
    Host(bool),
    /// An attribute of the certificate that the client has shown. Whether it had to be a valid one is up to Envoy's
    /// validation context.
    ClientCertificate(CertificateAttribute),
}

/// An attribute of a client certificate, as Envoy gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateAttribute {
    /// The subject (RFC 2253).
    Subject,
    /// The first URI among the alternative names.
    UriSan,
    /// The first DNS name among them.
    DnsSan,
    /// The SHA-256 of the certificate, in lower-case hexadecimal digits.
    Sha256Fingerprint,
}
