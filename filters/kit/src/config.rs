use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::from_value::from_value;
use crate::{Host, json};

/// A mistake in a configuration: where it is, and what is wrong and would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The member: `providers[0].jwks.keys[2].n`. Empty for the whole.
    pub path: String,
    /// The value found and the remedy, in one line.
    pub problem: String,
}

impl ConfigError {
    /// A mistake at `path`.
    pub fn at(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// The same mistake seen from one level further out.
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        let path = match self.path.as_str() {
            "" => parent.to_owned(),
            path if path.starts_with('[') => format!("{parent}{path}"),
            path => format!("{parent}.{path}"),
        };
        Self { path, ..self }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Envoy passes a `google.protobuf.Struct` on in protobuf's binary form, not as JSON.
const AS_JSON: &str = "pass the configuration as a JSON object, in Envoy as a google.protobuf.StringValue";

/// Reads the wire form of a configuration from JSON.
///
/// # Errors
/// The first member that does not fit, by its path. No bytes at all is a mistake too: a filter that was loaded and
/// never configured protects nothing.
pub fn parse_config<T: DeserializeOwned>(configuration: &[u8]) -> Result<T, ConfigError> {
    if configuration.trim_ascii().is_empty() {
        return Err(ConfigError::at("", format!("empty; {AS_JSON}")));
    }
    let value = json::parse_strict(configuration)
        .map_err(|error| ConfigError::at("", format!("not JSON: {error}; {AS_JSON}")))?;
    from_value(&value).map_err(|error| ConfigError { problem: concealed(&error.problem), ..error })
}

/// What goes into the names of metrics, with an underscore behind it; empty where nothing is configured.
///
/// # Errors
/// Something else than up to 64 lower-case letters, digits and underscores.
pub fn stat_prefix(configured: Option<String>) -> Result<String, ConfigError> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match configured {
        None => Ok(String::new()),
        Some(prefix) if !prefix.is_empty() && prefix.len() <= 64 && prefix.chars().all(is_name) => {
            Ok(format!("{prefix}_"))
        }
        Some(prefix) => {
            let problem = format!("{prefix:?}; write up to 64 lower-case letters, digits and underscores");
            Err(ConfigError::at("stat_prefix", problem))
        }
    }
}

/// The name of one of several things, such as a limit: it goes into metrics, headers and keys.
///
/// # Errors
/// Something else than up to 64 lower-case letters, digits, underscores and hyphens.
pub fn stat_name(name: String) -> Result<String, ConfigError> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    match !name.is_empty() && name.len() <= 64 && name.chars().all(is_name) {
        true => Ok(name),
        false => {
            let problem = format!("{name:?}; write up to 64 lower-case letters, digits, _ and -");
            Err(ConfigError::at("name", problem))
        }
    }
}

/// Checks that names differ, also as they stand in metrics, each of which is a name, `_` and one of `metrics`: `a` would count its `shadow_denied_total`
/// together with the `denied_total` of `a_shadow`. `path` names the list that they are in.
///
/// # Errors
/// The first that is like one before it.
pub fn distinct_names<'a>(
    path: &str,
    names: impl IntoIterator<Item = &'a str>,
    metrics: &[&str],
) -> Result<(), ConfigError> {
    let mut before: Vec<(String, &str)> = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        let counted = name.replace('-', "_");
        let is_like = |other: &str| meet(&counted, other, metrics) || meet(other, &counted, metrics);
        if let Some((_, other)) = before.iter().find(|(other, _)| is_like(other)) {
            let problem =
                format!("{name:?} would be counted together with {other:?}; give each a name of its own");
            return Err(ConfigError::at(format!("{path}[{index}].name"), problem));
        }
        before.push((counted, name));
    }
    Ok(())
}

/// Whether a metric of the one name is a metric of the other, which begins with it.
fn meet(name: &str, longer: &str, metrics: &[&str]) -> bool {
    longer.strip_prefix(name).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('_').is_some_and(|rest| {
                let behind = metrics.iter().filter_map(|metric| metric.strip_prefix(rest)?.strip_prefix('_'));
                behind.into_iter().any(|metric| metrics.contains(&metric))
            })
    })
}

/// The host that a server behind a cluster knows itself by: what is configured, or else the host in the name of a cluster of Istio,
/// `outbound|8081||ratelimit.infra.svc.cluster.local`, or any other name as it is.
///
/// # Errors
/// At `authority`: that is no host.
pub fn cluster_authority(configured: Option<String>, cluster: &str) -> Result<String, ConfigError> {
    const REMEDY: &str = "write the one that the service knows, as in ratelimit.example";
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    let is_host = |text: &str| !text.is_empty() && text.bytes().all(is_part);
    let problem = match configured {
        Some(authority) if is_host(&authority) => return Ok(authority),
        Some(authority) => format!("{authority:?} is no host; {REMEDY}"),
        None => match cluster.rsplit('|').next().unwrap_or(cluster) {
            in_name if is_host(in_name) => return Ok(in_name.to_owned()),
            in_name => format!("missing, and {in_name:?} in the name of the cluster is no host; {REMEDY}"),
        },
    };
    Err(ConfigError::at("authority", problem))
}

/// Who shares data: what is configured, or else what Envoy calls the plugin. Warns where it has no name at all.
pub fn domain(configured: Option<&str>, filter: &str, host: &mut dyn Host) -> String {
    let domain = match configured {
        Some(domain) => domain.to_owned(),
        None => String::from_utf8_lossy(&host.property(&["plugin_name"]).unwrap_or_default()).into_owned(),
    };
    if domain.is_empty() {
        let remedy = "write one, lest other filters without a name share what this one keeps";
        host.log(log::Level::Warn, &format!("{filter}: domain: empty, and the plugin has no name; {remedy}"));
    }
    domain
}

/// A mistake in the words of whoever writes configurations, without a long text that it quotes: who writes a secret in the
/// wrong place must not find it in the log.
fn concealed(message: &str) -> String {
    let mut plain = String::new();
    let mut rest = message;
    // serde quotes a text with " and a name with `.
    while let Some((before, quote)) = rest.find(['"', '`']).and_then(|at| rest.split_at_checked(at)) {
        let mark = if quote.starts_with('"') { '"' } else { '`' };
        let Some(end) = closing(quote, mark) else { break };
        let (quoted, after) = quote.split_at(end);
        plain += &in_plain_words(before);
        match shown(quoted) {
            true => plain += quoted,
            false => plain += &format!("({} bytes)", quoted.len().saturating_sub(2)),
        }
        rest = after;
    }
    plain + &in_plain_words(rest)
}

/// Where a quotation ends that begins here.
fn closing(quote: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    let end = quote.char_indices().skip(1).find(|(_, c)| {
        let is_end = *c == mark && !escaped;
        escaped = *c == '\\' && !escaped;
        is_end
    });
    end.map(|(at, mark)| at + mark.len_utf8())
}

/// Whether a quotation is short, the name of something and made of what names are made of, or an amount.
fn shown(quoted: &str) -> bool {
    const SHORT: usize = 10;
    const LONGEST: usize = 42;
    let is_name = |c: char| c.is_ascii_lowercase() || "_-.`".contains(c);
    quoted.len() <= SHORT
        || (quoted.len() <= LONGEST && quoted.chars().all(is_name))
        || is_amount(quoted.trim_matches('"'))
}

/// Whether a text is `2 per second` or `100/minute`: what somebody writes for a rate, and nobody for a secret.
fn is_amount(text: &str) -> bool {
    const DIGITS: usize = 9;
    const UNITS: [&str; 8] = ["s", "sec", "second", "m", "min", "minute", "h", "hour"];
    let number = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit =
        text.get(number..).and_then(|rest| [" per ", "/", " / "].iter().find_map(|by| rest.strip_prefix(by)));
    (1..=DIGITS).contains(&number) && unit.is_some_and(|unit| UNITS.contains(&unit))
}

/// What serde calls by the names of Rust.
fn in_plain_words(text: &str) -> String {
    let mut plain = text.replace("a sequence", "a list");
    plain = plain.replace("expected a map", "expected an object");
    for (number, words) in [
        ("expected f64", "expected a number"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u64", "expected a whole number from 0 to 18446744073709551615"),
    ] {
        plain = plain.replace(number, words);
    }
    if let Some((before, after)) = plain.split_once("expected struct ") {
        let name = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        plain = format!("{before}expected an object{}", after.get(name..).unwrap_or_default());
    }
    plain
}

/// A span of time in a configuration, a number with a unit: `250ms`, `10s`, `5m`, `1h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// A span of whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Reads `250ms`. `None` without a number, without a unit, or past what a `u64` of nanoseconds holds.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = Self::parts(text)?;
        Some(Self(Duration::from_nanos(number.parse::<u64>().ok()?.checked_mul(unit)?)))
    }

    /// The digits and the nanoseconds of the unit.
    fn parts(text: &str) -> Option<(&str, u64)> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
        let (number, unit) = text.split_at_checked(digits)?;
        let unit = match unit {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        Some((number, unit))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        let units =
            [(3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"), (1_000_000, "ms")];
        let (size, unit) =
            units.into_iter().find(|(size, _)| nanos.is_multiple_of(*size)).unwrap_or((1, "ns"));
        write!(f, "{}{unit}", nanos / size)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(SpanVisitor)
    }
}

struct SpanVisitor;

impl Visitor<'_> for SpanVisitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number and a unit, as in 250ms, 10s, 5m, 1h")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        Span::parse(text).ok_or_else(|| match Span::parts(text) {
            Some(_) => E::custom("longer than 5124095h, the longest duration there is; write a shorter one"),
            None => E::custom(format_args!(
                "{text:?} is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h"
            )),
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(ns|us|ms|s|m|h)$",
            "description": "A number and a unit: 250ms, 10s, 5m, 1h."
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_that_share_a_metric_are_refused() {
        let metrics = ["denied_total", "shadow_denied_total", "state"];
        let refused =
            |names: [&str; 2]| distinct_names("limits", names, &metrics).err().map(|error| error.path);
        for names in [["a", "a-shadow"], ["a_shadow", "a"], ["a-b", "a_b"], ["a", "a"]] {
            assert_eq!(refused(names).as_deref(), Some("limits[1].name"), "{names:?}");
        }
        for names in [["a", "a_b"], ["a", "a_denied"], ["a", "ashadow"], ["a_state", "a"]] {
            assert_eq!(refused(names), None, "{names:?}");
        }
    }

    #[test]
    fn spans_parse_and_print() {
        for text in ["0s", "250ms", "10s", "90m", "1h", "1500ms", "7ns"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "1d", "99999999999999h"] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        list: Vec<Inner>,
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        wait: Span,
    }

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        One,
        Two,
    }

    #[test]
    fn a_mistake_names_its_path() {
        let error = |text: &str| parse_config::<Example>(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            error(r#"{"list":[{"wait":"10"}]}"#),
            "list[0].wait: \"10\" is not a duration; write a number and a unit, as in 250ms, 10s, 5m, 1h"
        );
        assert_eq!(error(r#"{"list":[{"wit":"1s"}]}"#), "list[0].wit: unknown field `wit`, expected `wait`");
        assert_eq!(error(r#"{"list":"abc"}"#), "list: invalid type: string \"abc\", expected a list");
        for text in ["99999999999999999999999s", "5124096h"] {
            assert_eq!(
                error(&format!(r#"{{"list":[{{"wait":{text:?}}}]}}"#)),
                "list[0].wait: longer than 5124095h, the longest duration there is; write a shorter one"
            );
        }
        let wait = |text: &str| {
            let error = error(&format!(r#"{{"list":[{{"wait":{text:?}}}]}}"#));
            error.split_once(" is not a duration").unwrap().0.to_owned()
        };
        assert_eq!(wait("100 per second"), "list[0].wait: \"100 per second\"");
        for secret in ["2abcDEFGHIJ", "1234567 abcdef", "4 correct horse battery", "2/abcdefghijklmn"] {
            assert_eq!(wait(secret), format!("list[0].wait: ({} bytes)", secret.len()));
        }
        let number = |text: &str| parse_config::<u32>(text.as_bytes()).unwrap_err().to_string();
        for (text, found) in [("-1", "integer `-1`"), ("4294967296", "integer (10 bytes)")] {
            let range = "expected a whole number from 0 to 4294967295";
            assert_eq!(number(text), format!("invalid value: {found}, {range}"));
        }
        let secret = error(r#"{"list":"abcdefghijklmnopqrstuvwxyz"}"#);
        assert_eq!(secret, "list: invalid type: string (26 bytes), expected a list");
        let variant = parse_config::<Choice>(br#""c2VjcmV0LWtleS1tYXRlcmlhbA==""#).unwrap_err().to_string();
        assert_eq!(variant, "unknown variant (28 bytes), expected `one` or `two`");
        assert_eq!(error(r#"{"list":[7]}"#), "list[0]: invalid type: integer `7`, expected an object");
        assert_eq!(error(r#"{"list":[["1s"]]}"#), "list[0]: a list; write an object");
        assert_eq!(error(r#"[[{"wait":"1s"}]]"#), "a list; write an object");
        assert!(error("").starts_with("empty; "));
        assert!(error("{").starts_with("not JSON: "));
        assert!(error(r#"{"list":[]} x"#).starts_with("not JSON: trailing characters"));
        assert!(error(r#"{"list":[],"list":[]}"#).starts_with("not JSON: duplicate member `list`"));
    }

    #[test]
    fn a_list_has_as_many_items_as_are_wanted() {
        let parsed = |text: &str| parse_config::<BTreeMap<String, (u8, u8)>>(text.as_bytes());
        assert_eq!(parsed(r#"{"a": [1, 2]}"#).unwrap()["a"], (1, 2));
        assert_eq!(parsed(r#"{"a": [1, 2, 3]}"#).unwrap_err().to_string(), "a: 3 items; write 2");
        assert!(parsed(r#"{"a": [1]}"#).is_err());
    }
}
