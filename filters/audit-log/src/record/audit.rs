//! What neither schema has a place for: the object `audit`, the same in both.

use super::json::Object;
use crate::config::{Level, Stage};
use crate::event::{Body, Event};
use crate::outcome::Decision;
use crate::redaction::{Field, Shown};

/// Which parts a schema has no place for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Homeless {
    pub(super) cluster: bool,
    pub(super) cookies: bool,
    pub(super) headers: bool,
    pub(super) identity: bool,
    pub(super) method: bool,
    pub(super) tls: bool,
}

/// The members of `audit`.
pub(super) fn write(audit: &mut Object<'_>, event: &Event<'_>, homeless: Homeless) {
    let further = event.further.as_deref();
    let identity = event.identity.as_ref().filter(|_| homeless.identity);
    let text = |text: Option<&Option<String>>| text.cloned().flatten().unwrap_or_default();
    audit.some_number("attempts", event.attempts);
    if let Some(identity) = event.identity.as_ref().filter(|it| !it.claims.is_empty()) {
        audit.object("claims", |claims| {
            identity.claims.iter().for_each(|(path, value)| claims.value(path, value));
        });
    }
    audit.some_text("client_id", &text(identity.map(|it| &it.client)));
    // Otherwise it is what the upstream is called.
    if homeless.cluster || event.upstream.is_none() {
        audit.some_text("cluster", &event.cluster);
    }
    if homeless.cookies {
        fields(audit, "cookies", further.map(|it| it.cookies.as_slice()));
    }
    decisions(audit, event);
    audit.some_text("fingerprint", event.fingerprint.as_deref().unwrap_or_default());
    audit.some_text("flags", &event.flags);
    audit.texts("forwarded_for", event.forwarded.iter().filter(|_| homeless.identity));
    audit.some_number("grpc_status", event.grpc_status);
    audit.some_text("issuer", &text(identity.map(|it| &it.issuer)));
    audit.text("level", level(event.extent.level));
    if homeless.method {
        audit.some_text("method", &event.method);
    }
    audit.object("peer", |peer| {
        peer.some_text("digest", &event.peer_digest);
        peer.some_text("dns", &event.peer_dns);
        peer.some_text("subject", &event.peer_subject);
        peer.some_text("uri", &event.peer_uri);
    });
    if let Some(body) = further.and_then(|it| it.request_body.as_ref()) {
        self::body(audit, "request_body", body);
    }
    if homeless.headers {
        fields(audit, "request_headers", further.map(|it| it.request_headers.as_slice()));
    }
    if let Some(body) = further.and_then(|it| it.response_body.as_ref()) {
        self::body(audit, "response_body", body);
    }
    if homeless.headers {
        fields(audit, "response_headers", further.map(|it| it.response_headers.as_slice()));
    }
    fields(audit, "response_trailers", further.map(|it| it.response_trailers.as_slice()));
    audit.some_text("route", &event.route);
    audit.some_text("rule", event.extent.rule);
    audit.some_text("sample", event.extent.sample.unwrap_or_default());
    audit.some_text("session", &text(identity.map(|it| &it.session)));
    fields(audit, "set_cookies", further.map(|it| it.set_cookies.as_slice()));
    if event.extent.stage == Stage::RequestReceived {
        audit.text("stage", "request_received");
    }
    if homeless.tls {
        audit.object("tls", |tls| write_tls(tls, event));
    }
    if event.tally.truncated > 0 {
        audit.number("truncated", event.tally.truncated.into());
    }
}

/// What is known of the client's TLS.
pub(super) fn write_tls(tls: &mut Object<'_>, event: &Event<'_>) {
    tls.some_text("sni", &event.server_name);
    tls.some_text("version", &event.tls_version);
}

fn decisions(audit: &mut Object<'_>, event: &Event<'_>) {
    let action = match event.outcome.decision {
        Decision::Denied => "denied",
        Decision::Answered => "answered",
        _ => "",
    };
    let decided = (!action.is_empty() && !event.outcome.filter.is_empty()).then_some((
        action,
        event.outcome.filter,
        event.outcome.reason,
    ));
    let tolerated = event.failures.iter().map(|code| ("tolerated", "jwt-auth", code.as_str()));
    audit.objects("decisions", decided.into_iter().chain(tolerated), |it, (action, filter, reason)| {
        it.text("action", action);
        it.text("filter", filter);
        it.some_text("reason", reason);
    });
}

fn body(audit: &mut Object<'_>, name: &str, body: &Body<'_>) {
    audit.object(name, |it| {
        it.some_text("content_type", &body.content_type);
        it.number("size", body.size);
        if let Shown::Text(text) = &body.shown {
            it.text("text", text);
        }
        if body.is_truncated {
            it.truth("truncated", true);
        }
    });
}

/// Headers or cookies.
pub(super) fn fields(object: &mut Object<'_>, name: &str, fields: Option<&[Field<'_>]>) {
    object.objects(name, fields.unwrap_or_default(), |it, (name, value)| {
        it.text("name", name);
        it.text("value", value);
    });
}

pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::None => "none",
        Level::Metadata => "metadata",
        Level::Headers => "headers",
        Level::Bodies => "bodies",
    }
}
