use std::fmt::Display;
use std::time::Duration;

use crate::{ConfigError, Size, Span, cluster_authority, is_further_header};

/// Who sends it, as OTLP wants it.
const USER_AGENT: &[u8] = concat!("portcullis/", env!("CARGO_PKG_VERSION")).as_bytes();
/// Servers of gRPC take no more.
const MOST_IN_BATCH: Size = Size::from_kib(4 << 10);
const MOST_IN_QUEUE: Size = Size::from_kib(256 << 10);

/// Where items are sent to and how, as a configuration says it. The names of the members are those that mistakes are told by.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The proxy's name of the cluster.
    pub cluster: String,
    /// The host that the server knows itself by; left out, the one in the name of the cluster.
    pub authority: Option<String>,
    /// What the items travel in.
    pub carrier: Carrier,
    /// The path over HTTP; left out, the carrier's.
    pub path: Option<String>,
    /// Further headers over HTTP: name and value.
    pub headers: Vec<(String, String)>,
    /// How long the server may take.
    pub timeout: Span,
    /// How long an item waits for others, at most.
    pub delay: Span,
    /// How many items are sent at once, at most.
    pub batch: u32,
    /// Likewise how many bytes of them; a longer item is sent alone.
    pub batch_bytes: Size,
    /// How many items are kept, at most, those included that are under way.
    pub queue: u32,
    /// Likewise how many bytes of them.
    pub queue_bytes: Size,
    /// For how long a batch is sent again and again; left out, until it is taken or refused.
    pub patience: Option<Span>,
    /// Whether the host compresses bodies over HTTP, where it can.
    pub compression: bool,
}

/// What items travel in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A gRPC call of one message.
    Grpc {
        /// The full name of the service.
        service: &'static str,
        /// The name of the method.
        method: &'static str,
    },
    /// A POST request.
    Http {
        /// The type of its body.
        content_type: &'static str,
        /// Its path, unless another is configured.
        path: &'static str,
    },
}

/// A validated [`Destination`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(super) cluster: String,
    pub(super) authority: String,
    pub(super) carrier: Carrier,
    pub(super) path: String,
    further: Vec<(String, String)>,
    pub(super) timeout: Duration,
    pub(super) delay: Duration,
    pub(super) batch: usize,
    pub(super) batch_bytes: usize,
    pub(super) queue: usize,
    pub(super) queue_bytes: usize,
    pub(super) patience: Option<Duration>,
    pub(super) compression: bool,
}

impl Settings {
    /// How long an item waits for others, at most: what is due has to be looked for as often.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// The headers of each request over HTTP.
    pub(super) fn headers(&self, is_compressed: bool) -> Vec<(&str, &[u8])> {
        let content_type = match self.carrier {
            Carrier::Grpc { .. } => None,
            Carrier::Http { content_type, .. } => Some(("content-type", content_type.as_bytes())),
        };
        let encoding = is_compressed.then_some(("content-encoding", &b"deflate"[..]));
        let ours = content_type.into_iter().chain(encoding).chain([("user-agent", USER_AGENT)]);
        let further = self.further.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        ours.chain(further).collect()
    }
}

impl TryFrom<Destination> for Settings {
    type Error = ConfigError;

    fn try_from(config: Destination) -> Result<Self, ConfigError> {
        if config.cluster.is_empty() {
            return Err(ConfigError::at("cluster", "empty; write its name"));
        }
        let path = path(&config)?;
        let further = headers(config.headers)?;
        let batch = number("batch", config.batch, (1, "1"), 8192)?;
        let least = (config.batch, &*format!("batch, which is {batch},"));
        let queue = number("queue", config.queue, least, 65_536)?;
        let batch_bytes =
            size("batch_bytes", config.batch_bytes, (Size::from_kib(1), "1KiB"), MOST_IN_BATCH)?;
        let least = (config.batch_bytes, &*format!("batch_bytes, which is {},", config.batch_bytes));
        let queue_bytes = size("queue_bytes", config.queue_bytes, least, MOST_IN_QUEUE)?;
        Ok(Self {
            authority: cluster_authority(config.authority, &config.cluster)?,
            cluster: config.cluster,
            carrier: config.carrier,
            path,
            further,
            timeout: span("timeout", config.timeout, Duration::from_millis(10), Duration::from_secs(120))?,
            delay: span("delay", config.delay, Duration::from_millis(100), Duration::from_secs(60))?,
            batch,
            batch_bytes,
            queue,
            queue_bytes,
            patience: config.patience.map(patience).transpose()?,
            compression: config.compression,
        })
    }
}

/// The path, and whether there is anything that only HTTP has.
fn path(config: &Destination) -> Result<String, ConfigError> {
    let default = match config.carrier {
        Carrier::Http { path, .. } => path,
        Carrier::Grpc { .. } if config.path.is_some() => {
            return Err(over_grpc("path", "gRPC has one of its own; leave it out"));
        }
        Carrier::Grpc { .. } if !config.headers.is_empty() => {
            return Err(over_grpc("headers", "a plugin sends none over gRPC; leave them out"));
        }
        Carrier::Grpc { .. } if config.compression => {
            return Err(over_grpc("compression", "a plugin has none over gRPC; leave it out"));
        }
        Carrier::Grpc { .. } => return Ok(String::new()),
    };
    let path = config.path.as_deref().unwrap_or(default);
    match path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(path.to_owned()),
        false => Err(ConfigError::at("path", format!("{path:?} is no path; write one such as {default}"))),
    }
}

fn over_grpc(member: &str, problem: &str) -> ConfigError {
    ConfigError::at(member, format!("{problem}, or write protocol: http_protobuf"))
}

fn headers(headers: Vec<(String, String)>) -> Result<Vec<(String, String)>, ConfigError> {
    let checked = headers.into_iter().enumerate().map(|(index, (name, value))| {
        let name = name.to_ascii_lowercase();
        let at = |member: &str, problem: String| {
            Err(ConfigError::at(format!("headers[{index}].{member}"), problem))
        };
        if !is_further_header(&name, &["host", "user-agent", "content-encoding"]) {
            return at("name", format!("{name:?} is not a header for this; write one such as x-api-key"));
        }
        // It may be a secret.
        match value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            true => Ok((name, value)),
            false => at("value", "not in printable ASCII; write it so".to_owned()),
        }
    });
    checked.collect()
}

fn patience(configured: Span) -> Result<Duration, ConfigError> {
    span("patience", configured, Duration::from_secs(1), Duration::from_secs(24 * 3600))
}

fn span(member: &str, span: Span, least: Duration, most: Duration) -> Result<Duration, ConfigError> {
    within(member, span, (Span(least), &Span(least).to_string()), Span(most)).map(|span| span.0)
}

fn size(member: &str, size: Size, least: (Size, &str), most: Size) -> Result<usize, ConfigError> {
    within(member, size, least, most).map(Size::bytes)
}

fn number(member: &str, number: u32, least: (u32, &str), most: u32) -> Result<usize, ConfigError> {
    within(member, number, least, most).map(|number| number as usize)
}

/// The value, if it is no less than the least one, which is called that, and no more than the most.
fn within<T: Copy + PartialOrd + Display>(
    member: &str,
    value: T,
    (least, name): (T, &str),
    most: T,
) -> Result<T, ConfigError> {
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => Err(ConfigError::at(member, format!("{value}; write from {name} to {most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::over_http;

    fn error(destination: Destination) -> String {
        Settings::try_from(destination).unwrap_err().to_string()
    }

    #[test]
    fn each_bound_is_named() {
        for (destination, expected) in [
            (Destination { batch: 0, ..over_http() }, "batch: 0; write from 1 to 8192"),
            (Destination { batch: 8193, ..over_http() }, "batch: 8193; write from 1 to 8192"),
            (Destination { queue: 1, ..over_http() }, "queue: 1; write from batch, which is 2, to 65536"),
            (
                Destination { batch_bytes: Size(1023), ..over_http() },
                "batch_bytes: 1023B; write from 1KiB to 4MiB",
            ),
            (
                Destination { batch_bytes: Size((4 << 20) + 1), ..over_http() },
                "batch_bytes: 4194305B; write from 1KiB to 4MiB",
            ),
            (
                Destination { queue_bytes: Size(1023), ..over_http() },
                "queue_bytes: 1023B; write from batch_bytes, which is 1KiB, to 256MiB",
            ),
            (
                Destination { queue_bytes: Size::from_kib(257 << 10), ..over_http() },
                "queue_bytes: 257MiB; write from batch_bytes, which is 1KiB, to 256MiB",
            ),
            (
                Destination { patience: Some(Span(Duration::from_millis(999))), ..over_http() },
                "patience: 999ms; write from 1s to 24h",
            ),
            (
                Destination { timeout: Span::from_secs(121), ..over_http() },
                "timeout: 121s; write from 10ms to 2m",
            ),
            (Destination { delay: Span::from_secs(61), ..over_http() }, "delay: 61s; write from 100ms to 1m"),
            (Destination { cluster: String::new(), ..over_http() }, "cluster: empty; write its name"),
        ] {
            assert_eq!(error(destination), expected);
        }
        for accepted in [
            Destination { patience: None, ..over_http() },
            Destination { batch_bytes: Size::from_kib(4 << 10), queue_bytes: MOST_IN_QUEUE, ..over_http() },
            Destination { batch: 8192, queue: 65_536, ..over_http() },
        ] {
            assert!(Settings::try_from(accepted).is_ok());
        }
    }

    #[test]
    fn grpc_has_neither_paths_nor_headers_nor_compression() {
        let carrier = Carrier::Grpc { service: "a.B", method: "C" };
        let headers = vec![("x-api-key".to_owned(), "k".to_owned())];
        let grpc = |more: Destination| Destination { carrier, ..more };
        assert!(Settings::try_from(grpc(over_http())).is_ok());
        for (member, destination) in [
            ("path", Destination { path: Some("/x".to_owned()), ..over_http() }),
            ("headers", Destination { headers, ..over_http() }),
            ("compression", Destination { compression: true, ..over_http() }),
        ] {
            assert!(Settings::try_from(destination.clone()).is_ok(), "{member}");
            let error = error(grpc(destination));
            assert!(error.starts_with(&format!("{member}: ")), "{error}");
            assert!(error.ends_with("or write protocol: http_protobuf"), "{error}");
        }
    }

    #[test]
    fn headers_that_the_exporter_sets_are_its_own() {
        for name in ["", "Host", "user-agent", "content-type", "Content-Encoding", "content-length"] {
            let headers = vec![("x-a".to_owned(), "a".to_owned()), (name.to_owned(), "x".to_owned())];
            let expected = format!(
                "headers[1].name: {:?} is not a header for this; write one such as x-api-key",
                name.to_lowercase()
            );
            assert_eq!(error(Destination { headers, ..over_http() }), expected);
        }
        let secret = vec![("x-a".to_owned(), "secret\n".to_owned())];
        let said = error(Destination { headers: secret, ..over_http() });
        assert_eq!(said, "headers[0].value: not in printable ASCII; write it so");
    }

    #[test]
    fn a_path_that_is_none_is_shown_the_default_one() {
        for path in ["", "lines", "/a b", "/\n"] {
            let expected = format!("path: {path:?} is no path; write one such as /lines");
            assert_eq!(error(Destination { path: Some(path.to_owned()), ..over_http() }), expected);
        }
    }
}
