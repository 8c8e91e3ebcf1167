//! All filters as one chain, in one module.
//!
//! A request meets trace-injection, audit-log, jwt-auth, token-bucket and circuit-breaker, as far as the configuration has them, its response meets
//! them in the reverse order. Each behaves as it does in a module of its own; what they have in common, such as reading the request headers, is done once.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod config;

use portcullis_audit_log::AuditLog;
use portcullis_circuit_breaker::CircuitBreaker;
use portcullis_jwt_auth::JwtAuth;
use portcullis_kit::{ConfigError, HttpFilter, Link, Module, link, parse_config};
use portcullis_token_bucket::TokenBucket;
use portcullis_trace_injection::TraceInjection;
use serde_json::Value;

pub use config::SuiteConfig;

/// The suite, or one filter of it: a filter whose name is Envoy's `root_id` is alone, and has a configuration of its own.
#[derive(Debug)]
pub struct Suite;

/// The members of its configuration, in the order in which a request meets them, and the names of the filters.
pub const MEMBERS: [(&str, &str); 5] = [
    ("trace_injection", TraceInjection::NAME),
    ("audit_log", AuditLog::NAME),
    ("jwt_auth", JwtAuth::NAME),
    ("token_bucket", TokenBucket::NAME),
    ("circuit_breaker", CircuitBreaker::NAME),
];

type Links = Vec<Box<dyn Link>>;
type Build = fn(&[u8]) -> Result<Box<dyn Link>, ConfigError>;

impl Module for Suite {
    const TITLE: &'static str = "portcullis";

    fn links(configuration: &[u8], root_id: &str) -> Result<Links, ConfigError> {
        let alone = match root_id {
            TraceInjection::NAME => link::<TraceInjection>,
            AuditLog::NAME => link::<AuditLog>,
            JwtAuth::NAME => link::<JwtAuth>,
            TokenBucket::NAME => link::<TokenBucket>,
            CircuitBreaker::NAME => link::<CircuitBreaker>,
            _ => return chain(configuration),
        };
        match alone(configuration) {
            Ok(link) => Ok(vec![link]),
            Err(_) if parse_config::<SuiteConfig>(configuration).is_ok() => Err(meant_for_the_suite(root_id)),
            // Of several such plugins the log has to tell which one it is.
            Err(error) => Err(error.under(root_id)),
        }
    }
}

fn chain(configuration: &[u8]) -> Result<Links, ConfigError> {
    let SuiteConfig { trace_injection, audit_log, jwt_auth, token_bucket, circuit_breaker } =
        parse_config(configuration)?;
    let built: [(Option<Value>, Build); 5] = [
        (trace_injection, link::<TraceInjection>),
        (audit_log, link::<AuditLog>),
        (jwt_auth, link::<JwtAuth>),
        (token_bucket, link::<TokenBucket>),
        (circuit_breaker, link::<CircuitBreaker>),
    ];
    let links = MEMBERS.iter().zip(built).filter_map(|((member, _), (config, build))| {
        Some(build(config?.to_string().as_bytes()).map_err(|error| error.under(member)))
    });
    let links = links.collect::<Result<Links, _>>()?;
    if links.is_empty() {
        let problem = format!(
            "no filter; write the configuration of at least one of {}",
            MEMBERS.map(|(member, _)| member).join(", ")
        );
        return Err(ConfigError::at("", problem));
    }
    Ok(links)
}

fn meant_for_the_suite(root_id: &str) -> ConfigError {
    let problem = format!(
        "the configuration of the whole suite, while root_id {root_id:?} means that filter alone; write its own configuration, or another root_id"
    );
    ConfigError::at("", problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(configuration: &str, root_id: &str) -> Result<Vec<&'static str>, String> {
        let links = Suite::links(configuration.as_bytes(), root_id).map_err(|error| error.to_string())?;
        Ok(links.iter().map(|link| link.name()).collect())
    }

    const THREE: &str = r#"{
        "token_bucket": {"limits": [{"name": "all", "rate": "10/1s"}]},
        "trace_injection": {},
        "circuit_breaker": {"breakers": [{"name": "all", "trip": {"error_ratio": 0.5}}]}
    }"#;

    #[test]
    fn filters_stand_in_the_order_of_the_suite_and_only_those_that_are_configured() {
        assert_eq!(names(THREE, ""), Ok(vec!["trace-injection", "token-bucket", "circuit-breaker"]));
        assert_eq!(names(THREE, "shop"), names(THREE, ""), "any other root_id is a name");
    }

    #[test]
    fn one_filter_is_there_alone_by_its_name() {
        assert_eq!(names("{}", "trace-injection"), Ok(vec!["trace-injection"]));
        let limits = r#"{"limits": [{"name": "all", "rate": "10/1s"}]}"#;
        assert_eq!(names(limits, "token-bucket"), Ok(vec!["token-bucket"]));
    }

    #[test]
    fn mistakes_name_the_filter_and_the_place() {
        let wrong = |text: &str| names(text, "").unwrap_err();
        let limit = r#"{"token_bucket": {"limits": [{"name": "all", "rate": "ten"}]}}"#;
        assert!(wrong(limit).starts_with("token_bucket.limits[0].rate: "), "{}", wrong(limit));
        assert!(
            wrong(r#"{"jwt_auth": null}"#).starts_with("jwt_auth: "),
            "a filter that is named is never off"
        );
        assert!(wrong(r#"{"jwt-auth": {}}"#).contains("`jwt_auth`"));
        assert!(wrong("{}").contains("at least one of trace_injection, audit_log"));
        assert!(wrong("").starts_with("empty; "));
        assert!(names(THREE, "token-bucket").unwrap_err().contains("root_id \"token-bucket\""));
        let own = r#"{"limits": [{"name": "all"}]}"#;
        let of_one = names(own, "token-bucket").unwrap_err();
        assert!(of_one.starts_with("token-bucket.limits[0]") && !of_one.contains("root_id"), "{of_one}");
    }
}
