//! What a request has that a claim is compared with.

use std::borrow::Cow;

use portcullis_kit::rules::{self, Ambiguous, is_token};
use portcullis_kit::{ConfigError, Headers, Properties};
use serde_json::Value;

use super::config::{CertificateAttribute, RequestValueConfig};
use super::verdict::Verdict;
use crate::outputs::reads_as;

const MAX_SEGMENT: usize = 64;

/// A part of a request, validated.
#[derive(Debug)]
pub(super) enum RequestValue {
    /// Counted from one.
    PathSegment(usize),
    /// Lower case.
    Header(String),
    Host,
    /// The name of the attribute under `connection`.
    Certificate(&'static str),
}

/// A request as conditions look at it.
pub(super) struct Request<'a> {
    headers: &'a Headers,
    /// Empty where no condition decides by it.
    path: Cow<'a, str>,
    /// Likewise.
    host: &'a [u8],
    properties: &'a mut dyn Properties,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        headers: &'a Headers,
        properties: &'a mut dyn Properties,
        (by_path, by_host): (bool, bool),
    ) -> Result<Self, Ambiguous> {
        let path = if by_path { rules::path_of(headers)? } else { "".into() };
        let host = if by_host { rules::host_of(headers)? } else { b"" };
        Ok(Self { headers, path, host, properties })
    }

    /// The value of the one header that an upstream may read under this name.
    fn header(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.headers.iter().filter(|(other, _)| reads_as(other, name));
        let (exact, value) = fields.next()?;
        (fields.next().is_none() && exact == name.as_bytes()).then_some(value)
    }
}

impl TryFrom<RequestValueConfig> for RequestValue {
    type Error = ConfigError;

    fn try_from(config: RequestValueConfig) -> Result<Self, ConfigError> {
        match config {
            RequestValueConfig::PathSegment(at) => match usize::try_from(at) {
                Ok(at @ 1..=MAX_SEGMENT) => Ok(Self::PathSegment(at)),
                _ => {
                    let problem =
                        format!("{at}; segments are counted from 1, which is a in /a/b, to {MAX_SEGMENT}");
                    Err(ConfigError::at("path_segment", problem))
                }
            },
            RequestValueConfig::Header(name) if is_token(&name) => {
                Ok(Self::Header(name.to_ascii_lowercase()))
            }
            RequestValueConfig::Header(name) => Err(ConfigError::at(
                "header",
                format!("{name:?} is no header name; write one such as x-tenant"),
            )),
            RequestValueConfig::Host(true) => Ok(Self::Host),
            RequestValueConfig::Host(false) => {
                Err(ConfigError::at("host", "false; write true, or compare with something else"))
            }
            RequestValueConfig::ClientCertificate(attribute) => Ok(Self::Certificate(match attribute {
                CertificateAttribute::Subject => "subject_peer_certificate",
                CertificateAttribute::UriSan => "uri_san_peer_certificate",
                CertificateAttribute::DnsSan => "dns_san_peer_certificate",
                CertificateAttribute::Sha256Fingerprint => "sha256_peer_certificate_digest",
            })),
        }
    }
}

impl RequestValue {
    /// Whether any of these claims, texts or integers, is what the request says.
    pub(super) fn is_any_of(&self, claims: &[Value], request: &mut Request<'_>) -> Verdict {
        let found = self.of(request);
        // An empty text is what a careless client and a careless issuer have in common.
        let Some(found) = found.as_deref().filter(|text| !text.is_empty()) else { return Verdict::Unknown };
        Verdict::any(claims.iter().map(|claim| match text(claim) {
            None => Verdict::Unknown,
            Some(claim) if self.is_by_host() => found.eq_ignore_ascii_case(claim.as_bytes()).into(),
            Some(claim) => (found == claim.as_bytes()).into(),
        }))
    }

    fn of<'a>(&self, request: &'a mut Request<'_>) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::PathSegment(at) => {
                let segment = request.path.strip_prefix('/')?.split('/').nth(at.checked_sub(1)?)?;
                Some(segment.as_bytes().into())
            }
            Self::Header(name) => request.header(name).map(Into::into),
            Self::Host => Some(request.host.into()),
            Self::Certificate(name) => request.properties.property(&["connection", name]).map(Into::into),
        }
    }

    pub(super) const fn is_by_path(&self) -> bool {
        matches!(self, Self::PathSegment(_))
    }

    pub(super) const fn is_by_host(&self) -> bool {
        matches!(self, Self::Host)
    }
}

fn text(claim: &Value) -> Option<Cow<'_, str>> {
    match claim {
        Value::String(text) => Some(text.into()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string().into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use portcullis_kit::testing::TestHost;
    use serde_json::json;

    use super::super::{Condition, ConditionConfig, Refusal};
    use super::*;

    fn condition(value: Value) -> Result<Condition, ConfigError> {
        let config = json!({"claim": {"name": "c", "equals_request": value}});
        serde_json::from_value::<ConditionConfig>(config).unwrap().try_into()
    }

    fn check(value: Value, claim: Value, fields: &[(&str, &str)]) -> Result<(), Refusal> {
        let payload = json!({"c": claim});
        let headers = Headers::from_iter(fields.iter().copied());
        condition(value).unwrap().check(payload.as_object().unwrap(), &headers, &mut TestHost::default())
    }

    const UNMET: Result<(), Refusal> = Err(Refusal::Unmet { scope: None });

    #[test]
    fn segments_are_counted_from_one_and_decoded() {
        let at = |at: u64, claim: &str, path: &str| {
            check(json!({"path_segment": at}), json!(claim), &[(":path", path)])
        };
        assert_eq!(at(2, "acme", "/tenants/acme/orders?x=/y"), Ok(()));
        assert_eq!(at(1, "tenants", "/tenants/acme"), Ok(()));
        assert_eq!(at(2, "acme", "/tenants/%61cme"), Ok(()));
        for path in ["/tenants/Acme", "/tenants", "/tenants/", "/", "*", "", "acme/acme", "?/a/acme"] {
            assert_eq!(at(2, "acme", path), UNMET, "{path}");
        }
        // An empty claim and an empty segment are no match.
        assert_eq!(at(2, "", "/tenants/"), UNMET);
        assert_eq!(check(json!({"path_segment": 1}), json!(42), &[(":path", "/42")]), Ok(()));
        for (claim, path) in
            [(json!(42.0), "/42.0"), (json!(true), "/true"), (json!(["a"]), "/a"), (json!(42), "/042")]
        {
            assert_eq!(check(json!({"path_segment": 1}), claim, &[(":path", path)]), UNMET, "{path}");
        }
    }

    #[test]
    fn a_path_or_host_that_can_be_read_in_two_ways_is_refused() {
        for path in ["/tenants/x/../acme", "/tenants//acme", "/tenants/acme;x", "/tenants/acme%2fx", "/%"] {
            let result = check(json!({"path_segment": 2}), json!("acme"), &[(":path", path)]);
            assert_eq!(result, Err(Refusal::Ambiguous(Ambiguous::Path)), "{path}");
        }
        let result = check(json!({"host": true}), json!("b"), &[(":authority", "a@b")]);
        assert_eq!(result, Err(Refusal::Ambiguous(Ambiguous::Host)));
        // Where nothing decides by them, neither is looked at.
        assert_eq!(check(json!({"header": "x"}), json!("v"), &[(":path", "//"), ("x", "v")]), Ok(()));
    }

    #[test]
    fn a_host_has_no_case_and_no_port() {
        let host = |claim: &str, authority: &str| {
            check(json!({"host": true}), json!(claim), &[(":authority", authority)])
        };
        assert_eq!(host("shop.example", "SHOP.example.:8443"), Ok(()));
        assert_eq!(host("shop.example", "other.example"), UNMET);
    }

    #[test]
    fn only_one_header_counts_under_every_spelling() {
        let header = |fields: &[(&str, &str)]| check(json!({"header": "X-Tenant"}), json!("acme"), fields);
        assert_eq!(header(&[("x-tenant", "acme")]), Ok(()));
        assert_eq!(header(&[("x-tenant", "acme"), ("x-tenant", "acme")]), UNMET);
        assert_eq!(header(&[("x-tenant", "acme"), ("x_tenant", "other")]), UNMET);
        assert_eq!(header(&[("x_tenant", "acme")]), UNMET);
        assert_eq!(header(&[("x-tenant", "acme,other")]), UNMET);
        assert_eq!(header(&[]), UNMET);
        assert_eq!(check(json!({"header": "x"}), json!(""), &[("x", "")]), UNMET);
    }

    #[test]
    fn certificates_are_read_under_the_names_that_envoy_gives() {
        for (attribute, property) in [
            ("subject", "connection.subject_peer_certificate"),
            ("uri_san", "connection.uri_san_peer_certificate"),
            ("dns_san", "connection.dns_san_peer_certificate"),
            ("sha256_fingerprint", "connection.sha256_peer_certificate_digest"),
        ] {
            let condition = condition(json!({"client_certificate": attribute})).unwrap();
            let payload = json!({"c": "it"});
            let mut host = TestHost::default();
            let headers = Headers::default();
            let mut check = |value: Option<&str>| {
                host.properties = value.map(|v| (property.to_owned(), v.into())).into_iter().collect();
                condition.check(payload.as_object().unwrap(), &headers, &mut host)
            };
            assert_eq!(check(Some("it")), Ok(()), "{attribute}");
            assert_eq!(check(Some("other")), UNMET);
            assert_eq!(check(Some("")), UNMET);
            assert_eq!(check(None), UNMET);
        }
    }

    #[test]
    fn mistakes_have_a_path_and_a_remedy() {
        let error = |value: Value| condition(value).unwrap_err().to_string();
        assert_eq!(
            error(json!({"path_segment": 0})),
            "claim.equals_request.path_segment: 0; segments are counted from 1, which is a in /a/b, to 64"
        );
        assert!(error(json!({"path_segment": 65})).contains("65;"));
        assert!(error(json!({"header": ":path"})).contains("no header name"));
        assert!(error(json!({"host": false})).contains("write true"));
    }
}
