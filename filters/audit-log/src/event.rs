//! What a record says of a request, whatever its schema: who, what, where, when, what came of it and why; as far as it is shown.

use std::borrow::Cow;
use std::net::IpAddr;

use portcullis_kit::Headers;

use crate::attributes::{Attribute, Attributes};
use crate::body::Captured;
use crate::config::{Level, Stage};
use crate::flags;
use crate::identity::Identity;
use crate::outcome::Outcome;
use crate::policy::{Operation, Policy};
use crate::redaction::{Field, Shown, Tally, cut, cut_at};
use crate::trace::{self, Place};

const NANOS_PER_MILLI: u64 = 1_000_000;
/// The longest path that is recorded.
const LONGEST_PATH: usize = 2048;
/// How many of the addresses that a request claims to have come by are recorded: the last ones, which are the nearest.
const MOST_FORWARDED: usize = 10;
/// The longest of the names and addresses that the proxy knows.
const LONGEST_NAME: usize = 512;

/// What there is to read about a request.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) request: &'a Headers,
    /// The headers of the response and its trailers, where the level asks for them.
    pub(crate) response: Option<&'a (Headers, Headers)>,
    pub(crate) attributes: &'a Attributes,
    /// The bodies, where the level asks for them.
    pub(crate) bodies: Option<&'a [Captured; 2]>,
    /// The time now; nanoseconds since the epoch.
    pub(crate) now: u64,
}

/// Of which requests there is a record, and how much.
#[derive(Clone, Copy)]
pub(crate) struct Extent<'a> {
    pub(crate) stage: Stage,
    pub(crate) level: Level,
    /// The name of the rule; empty where none fits.
    pub(crate) rule: &'a str,
    /// The share of such requests that is recorded, where it is not all.
    pub(crate) sample: Option<&'a str>,
}

/// What a record says.
pub(crate) struct Event<'a> {
    pub(crate) extent: Extent<'a>,
    /// Milliseconds since the epoch.
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
    /// Nanoseconds.
    pub(crate) duration: Option<u64>,
    pub(crate) method: Cow<'a, str>,
    pub(crate) scheme: Cow<'a, str>,
    pub(crate) host: Cow<'a, str>,
    pub(crate) port: Option<u16>,
    pub(crate) path: Cow<'a, str>,
    pub(crate) query: Option<String>,
    /// `HTTP/1.1`.
    pub(crate) version: Cow<'a, str>,
    pub(crate) user_agent: Cow<'a, str>,
    pub(crate) request_id: &'a str,
    /// Addresses that the request claims to have come by.
    pub(crate) forwarded: Vec<&'a str>,
    pub(crate) request_size: Option<u64>,
    pub(crate) response_size: Option<u64>,
    pub(crate) status: Option<u64>,
    pub(crate) grpc_status: Option<u64>,
    pub(crate) outcome: Outcome<'a>,
    pub(crate) flags: String,
    pub(crate) route: Cow<'a, str>,
    pub(crate) cluster: Cow<'a, str>,
    pub(crate) source: Option<Endpoint<'a>>,
    pub(crate) upstream: Option<Endpoint<'a>>,
    /// More than one.
    pub(crate) attempts: Option<u64>,
    pub(crate) server_name: Cow<'a, str>,
    pub(crate) tls_version: Cow<'a, str>,
    pub(crate) peer_uri: Cow<'a, str>,
    pub(crate) peer_dns: Cow<'a, str>,
    pub(crate) peer_subject: Cow<'a, str>,
    pub(crate) peer_digest: Cow<'a, str>,
    pub(crate) identity: Option<Identity>,
    /// What jwt-auth would have denied the request for: code by code.
    pub(crate) failures: Vec<String>,
    pub(crate) trace: Option<Place<'a>>,
    pub(crate) operation: Option<Operation<'a>>,
    /// In hexadecimal digits.
    pub(crate) fingerprint: Option<String>,
    pub(crate) further: Option<Box<Further<'a>>>,
    /// How many requests it stands for, and the times of the first and the last of them in milliseconds.
    pub(crate) repeated: Option<Repeated>,
    pub(crate) tally: Tally,
}

/// How many requests a record stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    pub(crate) count: u64,
    /// Milliseconds since the epoch.
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint<'a> {
    /// An address and a port.
    Socket(&'a str, Option<u16>),
    /// Something else, such as a file.
    Name(&'a str),
}

/// What records of the levels above `metadata` say.
#[derive(Default)]
pub(crate) struct Further<'a> {
    pub(crate) request_headers: Vec<Field<'a>>,
    pub(crate) response_headers: Vec<Field<'a>>,
    pub(crate) response_trailers: Vec<Field<'a>>,
    pub(crate) cookies: Vec<Field<'a>>,
    pub(crate) set_cookies: Vec<Field<'a>>,
    pub(crate) request_body: Option<Body<'a>>,
    pub(crate) response_body: Option<Body<'a>>,
}

/// A body, or a part of it.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) content_type: Cow<'a, str>,
    /// How long it was.
    pub(crate) size: u64,
    pub(crate) shown: Shown,
    pub(crate) is_truncated: bool,
}

impl<'a> Event<'a> {
    /// Everything that is shown.
    pub(crate) fn of(
        policy: &'a Policy,
        sources: Sources<'a>,
        extent: Extent<'a>,
        outcome: Outcome<'a>,
        identity: Option<Identity>,
    ) -> Self {
        let Sources { request, attributes, now, .. } = sources;
        let mut tally = Tally::default();
        let mut texts = Tally::default();
        let mut text = |attribute| short(lossy(attributes.bytes(attribute)), LONGEST_NAME, &mut texts);
        let is_over = extent.stage == Stage::ResponseComplete;
        let start = attributes.number(Attribute::Time).unwrap_or(now);
        let duration = attributes.number(Attribute::Duration).filter(|_| is_over);
        let end = is_over.then(|| duration.map_or_else(|| now.max(start), |it| start.saturating_add(it)));
        let (host, port) = authority(request.first(":authority").unwrap_or_default());
        let (path, query) = target(request.first(":path").unwrap_or_default());
        let path = policy.redaction.path(path, &mut tally);
        let user_agent = request.first("user-agent").filter(|_| policy.redaction.shows_header("user-agent"));
        let mut event = Self {
            extent,
            start: start / NANOS_PER_MILLI,
            end: end.map(|end| end / NANOS_PER_MILLI),
            duration,
            method: lossy(request.first(":method").unwrap_or_default()),
            scheme: lossy(request.first(":scheme").unwrap_or_default()),
            host,
            port,
            path: short(path, LONGEST_PATH, &mut tally),
            query: query.map(|query| policy.redaction.query(&query, &mut tally)),
            version: text(Attribute::Protocol),
            user_agent: short(lossy(user_agent.unwrap_or_default()), 512, &mut tally),
            request_id: request_id(request),
            forwarded: forwarded(request, &mut tally),
            request_size: attributes.number(Attribute::RequestSize),
            response_size: attributes.number(Attribute::ResponseSize).filter(|_| is_over),
            status: attributes.number(Attribute::Code).filter(|status| is_over && *status > 0),
            grpc_status: outcome.grpc_status,
            outcome,
            flags: flags::names(attributes.number(Attribute::Flags).unwrap_or_default()),
            route: text(Attribute::Route),
            cluster: text(Attribute::Cluster),
            source: Endpoint::of(attributes.bytes(Attribute::Source)),
            upstream: Endpoint::of(attributes.bytes(Attribute::Upstream)),
            attempts: attributes.number(Attribute::Attempts).filter(|tries| *tries > 1),
            server_name: text(Attribute::ServerName),
            tls_version: text(Attribute::TlsVersion),
            peer_uri: text(Attribute::PeerUri),
            peer_dns: text(Attribute::PeerDns),
            peer_subject: text(Attribute::PeerSubject),
            peer_digest: text(Attribute::PeerDigest),
            identity,
            failures: if outcome.filter == "jwt-auth" { Vec::new() } else { policy.failures(attributes) },
            trace: trace::place(request),
            operation: None,
            fingerprint: None,
            further: None,
            repeated: None,
            tally,
        };
        event.method = short(std::mem::take(&mut event.method), 32, &mut event.tally);
        event.host = short(std::mem::take(&mut event.host), 255, &mut event.tally);
        event.tally.truncated += texts.truncated;
        event.add_further(policy, sources);
        event
    }

    /// Leaves out what only levels above `metadata` have.
    pub(crate) fn shorten(&mut self) {
        self.further = None;
        self.extent.level = Level::Metadata;
        self.tally.truncated += 1;
    }

    /// What denials have in common that count as the same.
    pub(crate) fn kind(&self) -> Vec<u8> {
        let source = match self.source {
            Some(Endpoint::Socket(address, _)) => address,
            Some(Endpoint::Name(name)) => name,
            None => "",
        };
        let identity = self.identity.as_ref();
        let claims = identity.map(|it| [&it.issuer, &it.subject, &it.tenant, &it.client]);
        let claims = claims.into_iter().flatten().map(|claim| claim.as_deref().unwrap_or_default());
        let status = self.status.unwrap_or_default().to_string();
        let Outcome { filter, reason, .. } = self.outcome;
        let connection = [source, &self.peer_uri, &self.peer_dns, &self.peer_subject];
        let request =
            [self.extent.rule, &self.method, &self.host, &self.path, status.as_str(), filter, reason];
        let parts: Vec<_> = connection.into_iter().chain(request).chain(claims).map(str::as_bytes).collect();
        parts.join(&0)
    }

    fn add_further(&mut self, policy: &'a Policy, sources: Sources<'a>) {
        if self.extent.level < Level::Headers {
            return;
        }
        let (tally, redaction) = (&mut self.tally, &policy.redaction);
        let mut further = Further {
            request_headers: redaction.request_headers(sources.request, tally),
            cookies: redaction.cookies(sources.request, tally),
            ..Further::default()
        };
        if let Some((headers, trailers)) = sources.response {
            further.response_headers = redaction.response_headers(headers, tally);
            further.response_trailers = redaction.response_headers(trailers, tally);
            further.set_cookies = redaction.set_cookies(headers, tally);
        }
        if let (Level::Bodies, Some([request, response])) = (self.extent.level, sources.bodies) {
            further.request_body = policy.body((request, true), sources.request, tally);
            let headers = sources.response.map(|(headers, _)| headers);
            further.response_body =
                headers.and_then(|headers| policy.body((response, false), headers, tally));
        }
        self.further = Some(Box::new(further));
    }
}

impl<'a> Endpoint<'a> {
    /// `192.0.2.1:4711`, `[2001:db8::1]:4711`, an address alone, or something else.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
        let (address, port) = match text.rsplit_once(':') {
            Some((address, port)) if !address.contains(':') || address.ends_with(']') => {
                (address, port.parse().ok())
            }
            _ => (text, None),
        };
        let address = address.trim_start_matches('[').trim_end_matches(']');
        match address.parse::<IpAddr>() {
            Ok(_) => Some(Self::Socket(address, port)),
            Err(_) => Some(Self::Name(text)),
        }
    }
}

fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn short<'a>(text: Cow<'a, str>, longest: usize, tally: &mut Tally) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => cut_at(text, longest, tally),
        Cow::Owned(text) => cut_at(&text, longest, tally).into_owned().into(),
    }
}

/// The host and the port that were asked for. Who is said to ask in it is left out: it may have a password.
fn authority(authority: &[u8]) -> (Cow<'_, str>, Option<u16>) {
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    let text = lossy(host);
    let port = text.rsplit_once(':').and_then(|(host, port)| Some((host.len(), port.parse().ok()?)));
    match (port, text) {
        (None, text) => (text, None),
        (Some((end, port)), Cow::Borrowed(text)) => (text.get(..end).unwrap_or_default().into(), Some(port)),
        (Some((end, port)), Cow::Owned(text)) => {
            (text.get(..end).unwrap_or_default().to_owned().into(), Some(port))
        }
    }
}

/// The path and the query of a request. What is behind `#` has nothing to do in one, and is left out; parameters in the path, which may name a
/// session, are hidden.
fn target(target: &[u8]) -> (Cow<'_, str>, Option<String>) {
    let text = lossy(target.split(|byte| *byte == b'#').next().unwrap_or_default());
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path.len(), Some(query.to_owned())),
        None => (text.len(), None),
    };
    let path = match text {
        Cow::Borrowed(text) => text.get(..path).unwrap_or_default().into(),
        Cow::Owned(text) => Cow::Owned(text.get(..path).unwrap_or_default().to_owned()),
    };
    if !path.contains(';') {
        return (path, query);
    }
    let segments: Vec<_> = path.split('/').map(without_parameters).collect();
    (segments.join("/").into(), query)
}

fn without_parameters(segment: &str) -> Cow<'_, str> {
    match segment.split_once(';') {
        None => segment.into(),
        Some((name, _)) => format!("{name};[redacted]").into(),
    }
}

/// Envoy's id of the request, or that of an edge before it. Clients can send one, so that it is one is looked at.
fn request_id(request: &Headers) -> &str {
    let is_id = |id: &&str| {
        id.len() == 36
            && id.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    request.only("x-request-id").and_then(|id| std::str::from_utf8(id).ok()).filter(is_id).unwrap_or_default()
}

/// What is in `x-forwarded-for` and is an address. The rest is left out, and that is told.
fn forwarded<'a>(request: &'a Headers, tally: &mut Tally) -> Vec<&'a str> {
    let lines: Vec<_> = request.all("x-forwarded-for").collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    let hops = hops.map(|hop| std::str::from_utf8(hop.trim_ascii()).unwrap_or("?"));
    let mut nearest = Vec::new();
    let mut is_cut = false;
    for hop in hops.filter(|hop| !hop.is_empty()) {
        match hop.parse::<IpAddr>() {
            Ok(_) if nearest.len() < MOST_FORWARDED => nearest.push(hop),
            _ => is_cut = true,
        }
    }
    tally.truncated += u32::from(is_cut);
    nearest.reverse();
    nearest
}

/// The type of a body, without its parameters, in lower case.
pub(crate) fn media_type(headers: &Headers) -> String {
    let value = lossy(headers.first("content-type").unwrap_or_default());
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

impl<'a> Body<'a> {
    /// A body of this type, of which this is shown.
    pub(crate) fn new(content_type: String, captured: &Captured, shown: Shown, tally: &mut Tally) -> Self {
        let is_truncated = !captured.is_whole();
        tally.truncated += u32::from(is_truncated);
        let content_type = cut(&content_type, tally).into_owned().into();
        Self { content_type, size: captured.size(), shown, is_truncated }
    }
}
