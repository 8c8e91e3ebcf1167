//! The Elastic Common Schema, version 9.4.

use super::audit::{self, Homeless};
use super::json::{Object, object};
use super::{Head, Notice};
use crate::event::{Endpoint, Event};
use crate::outcome::Decision;
use crate::time::rfc3339;

const ECS: &str = "9.4.0";

/// A record of a request. Where its links go is returned.
pub(super) fn request(out: &mut Vec<u8>, event: &Event<'_>, head: Head<'_>) -> usize {
    let mut place = 0;
    let (first, last) = event.repeated.map_or((event.start, event.end), |it| (it.first, Some(it.last)));
    object(out, |record| {
        record.text("@timestamp", &rfc3339(first));
        if let Some(upstream) = &event.upstream {
            record.object("destination", |it| endpoint(it, upstream));
        }
        record.object("ecs", |it| it.text("version", ECS));
        record.object("event", |it| of_event(it, event, (first, last), head));
        record.object("http", |it| http(it, event));
        let identity = event.identity.as_ref();
        let tenant = identity.and_then(|it| it.tenant.as_deref()).unwrap_or_default();
        record.object("organization", |it| it.some_text("id", tenant));
        // ECS has no name for an upstream.
        let homeless =
            Homeless { cluster: true, cookies: true, headers: true, identity: true, ..Homeless::default() };
        record.object("portcullis", |it| {
            it.object("audit", |it| audit::write(it, event, homeless));
            it.some_number("count", event.repeated.map(|it| it.count));
            place = it.len();
        });
        let subject = identity.and_then(|it| it.subject.as_deref()).unwrap_or_default();
        record.object("related", |it| {
            if let Some(Endpoint::Socket(address, _)) = event.source {
                it.texts("ip", [address]);
            }
            it.texts("user", (!subject.is_empty()).then_some(subject));
        });
        record.object("rule", |it| it.some_text("name", event.extent.rule));
        record.object("service", |it| it.some_text("name", head.service));
        if let Some(source) = &event.source {
            record.object("source", |it| endpoint(it, source));
        }
        record.object("span", |it| it.some_text("id", event.trace.map_or("", |trace| trace.span_id)));
        tls(record, event);
        record.object("trace", |it| it.some_text("id", event.trace.map_or("", |trace| trace.trace_id)));
        record.object("url", |url| {
            url.some_text("domain", &event.host);
            url.some_text("path", &event.path);
            url.some_number("port", event.port.map(u64::from));
            url.some_text("query", event.query.as_deref().unwrap_or_default());
            url.some_text("scheme", &event.scheme);
        });
        record.object("user", |it| it.some_text("id", subject));
        record.object("user_agent", |it| it.some_text("original", &event.user_agent));
    });
    place
}

/// A record of the log itself. Where its links go is returned.
pub(super) fn notice(out: &mut Vec<u8>, notice: &Notice<'_>, time: u64, head: Head<'_>) -> usize {
    let mut place = 0;
    let kind = match notice {
        Notice::Genesis { .. } => "start",
        Notice::Stop { .. } => "end",
        _ => "info",
    };
    object(out, |record| {
        record.text("@timestamp", &rfc3339(time));
        record.object("ecs", |it| it.text("version", ECS));
        record.object("event", |it| {
            it.text("action", notice.kind());
            it.texts("category", ["process"]);
            it.text("dataset", "portcullis.audit");
            if let Notice::Loss(loss) = notice {
                it.text("end", &rfc3339(loss.last));
            }
            it.text("id", head.id);
            it.text("kind", "event");
            it.text("outcome", if matches!(notice, Notice::Loss(_)) { "failure" } else { "success" });
            it.number("sequence", head.sequence);
            if let Notice::Loss(loss) = notice {
                it.text("start", &rfc3339(loss.first));
            }
            it.texts("type", [kind]);
        });
        record.object("portcullis", |it| {
            it.object("audit", |it| notice.write(it));
            if let Notice::Loss(loss) = notice {
                it.number("count", loss.count);
            }
            place = it.len();
        });
        record.object("service", |it| it.some_text("name", head.service));
    });
    place
}

fn of_event(it: &mut Object<'_>, event: &Event<'_>, (first, last): (u64, Option<u64>), head: Head<'_>) {
    let method = event.method.to_ascii_lowercase();
    it.some_text("action", event.operation.map_or(&method, |operation| operation.name));
    let api = event.operation.map(|_| "api");
    it.texts("category", api.into_iter().chain(["network", "web"]));
    it.text("dataset", "portcullis.audit");
    it.some_number("duration", event.duration);
    if let Some(last) = last {
        it.text("end", &rfc3339(last));
    }
    it.text("id", head.id);
    it.text("kind", "event");
    it.text(
        "outcome",
        match (event.outcome.decision, event.outcome.is_success) {
            (Decision::Pending, _) => "unknown",
            (_, true) => "success",
            (_, false) => "failure",
        },
    );
    it.some_text(
        "reason",
        if event.outcome.reason.is_empty() { event.outcome.details } else { event.outcome.reason },
    );
    it.number("sequence", head.sequence);
    it.text("start", &rfc3339(first));
    let decision = match event.outcome.decision {
        Decision::Allowed => Some("allowed"),
        Decision::Denied => Some("denied"),
        Decision::Failed => Some("error"),
        Decision::Answered | Decision::Pending => None,
    };
    it.texts("type", ["access"].into_iter().chain(decision));
}

fn http(http: &mut Object<'_>, event: &Event<'_>) {
    http.object("request", |it| {
        it.object("body", |body| body.some_number("bytes", event.request_size));
        it.some_text("id", event.request_id);
        it.some_text("method", &event.method);
    });
    http.object("response", |it| {
        it.object("body", |body| body.some_number("bytes", event.response_size));
        it.some_number("status_code", event.status);
    });
    let version = event.version.strip_prefix("HTTP/").unwrap_or(&event.version);
    http.some_text("version", version.strip_suffix(".0").filter(|it| *it != "1").unwrap_or(version));
}

fn tls(record: &mut Object<'_>, event: &Event<'_>) {
    record.object("tls", |tls| {
        tls.object("client", |client| {
            client.some_text("server_name", &event.server_name);
            client.some_text("subject", &event.peer_subject);
        });
        if let Some(version) = event.tls_version.strip_prefix("TLSv") {
            tls.text("version", version);
            tls.text("version_protocol", "tls");
        }
    });
}

fn endpoint(it: &mut Object<'_>, endpoint: &Endpoint<'_>) {
    match endpoint {
        Endpoint::Socket(address, port) => {
            it.text("address", address);
            it.text("ip", address);
            it.some_number("port", port.map(u64::from));
        }
        Endpoint::Name(name) => it.text("address", name),
    }
}
