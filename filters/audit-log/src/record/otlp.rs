//! What a collector of OpenTelemetry gets beside a record, which is the body: what backends look for without reading that.

use portcullis_audit_chain::hex;
use portcullis_proto::common::{KeyValue, number, string};
use portcullis_proto::logs::{LogRecord, SeverityNumber};

use super::Notice;
use crate::event::{Endpoint, Event};
use crate::outcome::Decision;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Of a record of a request.
pub(crate) fn request(event: &Event<'_>, now: u64) -> LogRecord {
    let (severity, text) = match event.outcome.decision {
        Decision::Denied | Decision::Failed => (SeverityNumber::Warn, "WARN"),
        _ => (SeverityNumber::Info, "INFO"),
    };
    let trace = event.trace.as_ref();
    let id = |id: &str| hex::parse::<16>(id.as_bytes()).map(Vec::from);
    LogRecord {
        time_unix_nano: event.start.saturating_mul(NANOS_PER_MILLI),
        observed_time_unix_nano: now,
        severity_number: severity.into(),
        severity_text: text.to_owned(),
        attributes: attributes(event),
        flags: trace.map_or(0, |trace| trace.flags.into()),
        trace_id: trace.and_then(|trace| id(trace.trace_id)).unwrap_or_default(),
        span_id: trace
            .and_then(|it| hex::parse::<8>(it.span_id.as_bytes()).map(Vec::from))
            .unwrap_or_default(),
        event_name: "portcullis.audit.request".to_owned(),
        ..LogRecord::default()
    }
}

/// Of a record of the log itself.
pub(crate) fn notice(notice: &Notice<'_>, now: u64) -> LogRecord {
    let (severity, text) = match notice {
        Notice::Loss(_) => (SeverityNumber::Error, "ERROR"),
        Notice::Abandoned { .. } => (SeverityNumber::Warn, "WARN"),
        _ => (SeverityNumber::Info, "INFO"),
    };
    LogRecord {
        time_unix_nano: now,
        observed_time_unix_nano: now,
        severity_number: severity.into(),
        severity_text: text.to_owned(),
        event_name: format!("portcullis.audit.{}", notice.kind()),
        ..LogRecord::default()
    }
}

/// By the conventions for HTTP, and what there is no convention for.
fn attributes(event: &Event<'_>) -> Vec<KeyValue> {
    let address = match event.source {
        Some(Endpoint::Socket(address, _) | Endpoint::Name(address)) => address,
        None => "",
    };
    let subject = event.identity.as_ref().and_then(|it| it.subject.as_deref()).unwrap_or_default();
    let decision = match event.outcome.decision {
        Decision::Allowed => "allowed",
        Decision::Answered => "answered",
        Decision::Denied => "denied",
        Decision::Failed => "failed",
        Decision::Pending => "pending",
    };
    let texts = [
        ("client.address", address),
        ("enduser.id", subject),
        ("http.request.method", &event.method),
        ("portcullis.audit.decision", decision),
        ("portcullis.audit.filter", event.outcome.filter),
        ("portcullis.audit.reason", event.outcome.reason),
        ("server.address", &event.host),
        ("url.path", &event.path),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| string(key, text));
    let status = event.status.and_then(|status| i64::try_from(status).ok());
    texts.chain(status.map(|status| number("http.response.status_code", status))).collect()
}
