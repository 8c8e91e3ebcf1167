//! The Open Cybersecurity Schema Framework: HTTP Activity (4002), API Activity (6003) where it is known who does what, and Event Log Activity
//! (1008) for what the log says of itself. What is written is valid in 1.5.0 and in 1.8.0.

use portcullis_audit_chain::Form;

use super::audit::{self, Homeless, fields, write_tls};
use super::json::{Object, object};
use super::{Head, Notice, VERSION};
use crate::config::{Activity, SchemaConfig, Stage};
use crate::event::{Endpoint, Event};
use crate::identity::Identity;
use crate::outcome::Decision;
use crate::policy::Operation;

const OTHER: u64 = 99;

/// A record of a request. Where its links go is returned.
pub(super) fn request(out: &mut Vec<u8>, event: &Event<'_>, head: Head<'_>) -> usize {
    let class = Class::of(event, head);
    let mut place = 0;
    object(out, |record| {
        let before_links = who_and_what(record, event, &class);
        record.number("category_uid", if class.is_api() { 6 } else { 4 });
        record.number("class_uid", class.uid());
        course(record, event, &class, head);
        record.object("metadata", |it| metadata(it, event, head, class.has_actor));
        record.number("severity_id", if event.outcome.decision == Decision::Denied { 2 } else { 1 });
        circumstances(record, event, &class);
        record.number("type_uid", class.uid() * 100 + class.activity);
        record.object("unmapped", |unmapped| {
            let is_api = class.is_api();
            let homeless = Homeless { cookies: is_api, method: is_api, tls: is_api, ..Homeless::default() };
            unmapped.object("audit", |it| audit::write(it, event, homeless));
            place = match head.form {
                Form::Member => unmapped.len(),
                Form::RecordIntegrity => before_links,
            };
        });
    });
    place
}

/// Which class a record is of, and what follows from that.
struct Class<'a> {
    has_actor: bool,
    /// It is one of an API.
    operation: Option<Operation<'a>>,
    activity: u64,
    activity_name: &'a str,
}

impl<'a> Class<'a> {
    fn of(event: &'a Event<'_>, head: Head<'_>) -> Self {
        let has_actor = has_actor(event.identity.as_ref());
        // An operation is one of somebody's, and comes from somewhere.
        let operation = event.operation.filter(|_| has_actor && event.source.is_some());
        let (activity, name) = match operation {
            Some(Operation { name, activity: Activity::Other, .. }) => (OTHER, Some(name)),
            Some(Operation { activity, .. }) => (of_operation(activity), None),
            None => of_method(&event.method, head.schema),
        };
        Self { has_actor, operation, activity, activity_name: name.unwrap_or_default() }
    }

    fn is_api(&self) -> bool {
        self.operation.is_some()
    }

    fn uid(&self) -> u64 {
        if self.is_api() { 6003 } else { 4002 }
    }
}

/// The members up to where links may go; that place is returned.
fn who_and_what(record: &mut Object<'_>, event: &Event<'_>, class: &Class<'_>) -> usize {
    record.number("action_id", decided(event).0);
    record.number("activity_id", class.activity);
    record.some_text("activity_name", class.activity_name);
    if let Some(identity) = event.identity.as_ref().filter(|_| class.has_actor) {
        record.object("actor", |actor| write_actor(actor, identity));
    }
    if let Some(operation) = class.operation {
        record.object("api", |api| {
            api.text("operation", operation.name);
            api.object("service", |service| service.some_text("name", operation.service));
        });
    }
    // Behind the comma of the last one.
    record.len() + 1
}

/// What was asked for and answered.
fn course(record: &mut Object<'_>, event: &Event<'_>, class: &Class<'_>, head: Head<'_>) {
    let further = event.further.as_deref();
    record.some_number("count", event.repeated.map(|it| it.count));
    record.number("disposition_id", decided(event).1);
    if let Some(upstream) = &event.upstream {
        record.object("dst_endpoint", |it| endpoint(it, upstream, &event.cluster));
    }
    record.some_number("duration", event.duration.map(|nanos| nanos / 1_000_000));
    // This and `start_time` are for records of several events.
    record.some_number("end_time", event.repeated.map(|it| it.last));
    if !class.is_api() {
        fields(record, "http_cookies", further.map(|it| it.cookies.as_slice()));
    }
    // The class wants one of both, also of a request of which nothing is known.
    record.whole_object("http_request", |it| http_request(it, event, head.schema));
    // Without a code there is no response.
    if let Some(status) = event.status {
        record.object("http_response", |it| {
            it.some_number("body_length", event.response_size.filter(|size| *size > 0));
            it.number("code", status);
            fields(it, "http_headers", further.map(|it| it.response_headers.as_slice()));
        });
    }
}

/// Where from, when, and what has come of it.
fn circumstances(record: &mut Object<'_>, event: &Event<'_>, class: &Class<'_>) {
    if let Some(source) = &event.source {
        record.object("src_endpoint", |it| endpoint(it, source, &event.peer_uri));
    }
    record.some_number("start_time", event.repeated.map(|it| it.first));
    record.some_text("status_detail", event.outcome.details);
    record.number("status_id", status(event));
    record.number("time", event.repeated.map_or(event.start, |it| it.first));
    if !class.is_api() && !event.tls_version.is_empty() {
        record.object("tls", |it| write_tls(it, event));
    }
    if let Some(trace) = &event.trace {
        record.object("trace", |it| {
            it.object("span", |span| {
                span.number("end_time", event.end.unwrap_or(event.start));
                span.number("start_time", event.start);
                span.text("uid", trace.span_id);
            });
            it.text("uid", trace.trace_id);
        });
    }
}

/// A record of the log itself. Where its links go is returned.
pub(super) fn notice(out: &mut Vec<u8>, notice: &Notice<'_>, time: u64, head: Head<'_>) -> usize {
    let mut place = 0;
    let (activity, name) = notice.activity();
    let loss = match notice {
        Notice::Loss(loss) => Some(loss),
        _ => None,
    };
    object(out, |record| {
        record.number("activity_id", activity);
        record.some_text("activity_name", name.unwrap_or_default());
        if head.form == Form::RecordIntegrity {
            place = record.len() + 1;
        }
        record.number("category_uid", 1);
        record.number("class_uid", 1008);
        record.some_number("count", loss.map(|loss| loss.count));
        record.some_number("end_time", loss.map(|loss| loss.last));
        record.text("log_name", "portcullis.audit");
        record.number("log_type_id", 2);
        record.object("metadata", |it| {
            it.some_text("log_provider", head.service);
            product(it);
            if head.form == Form::RecordIntegrity {
                it.texts("profiles", ["record_integrity"]);
            }
            ids(it, head);
        });
        record.number("severity_id", if loss.is_some() { 4 } else { 1 });
        record.some_number("start_time", loss.map(|loss| loss.first));
        record.number("status_id", if loss.is_some() { 2 } else { 1 });
        record.number("time", time);
        record.number("type_uid", 100_800 + activity);
        record.object("unmapped", |unmapped| {
            unmapped.object("audit", |it| notice.write(it));
            if head.form == Form::Member {
                place = unmapped.len();
            }
        });
    });
    place
}

fn metadata(metadata: &mut Object<'_>, event: &Event<'_>, head: Head<'_>, has_actor: bool) {
    metadata.some_text("log_provider", head.service);
    product(metadata);
    let profiles = [
        ("host", has_actor),
        ("record_integrity", head.form == Form::RecordIntegrity),
        ("security_control", true),
        ("trace", event.trace.is_some()),
    ];
    metadata.texts("profiles", profiles.iter().filter(|(_, is)| *is).map(|(name, _)| *name));
    metadata.number("sequence", head.sequence);
    let tenant = event.identity.as_ref().and_then(|it| it.tenant.as_deref());
    metadata.some_text("tenant_uid", tenant.unwrap_or_default());
    metadata.text("uid", head.id);
    metadata.text("version", version(head));
}

fn ids(metadata: &mut Object<'_>, head: Head<'_>) {
    metadata.number("sequence", head.sequence);
    metadata.text("uid", head.id);
    metadata.text("version", version(head));
}

fn product(metadata: &mut Object<'_>) {
    metadata.object("product", |it| {
        it.text("name", "Portcullis");
        it.text("version", VERSION);
    });
}

fn version(head: Head<'_>) -> &'static str {
    match (head.form, head.schema) {
        // No released version has the profile.
        (Form::RecordIntegrity, _) => "1.9.0-dev",
        (_, SchemaConfig::Ocsf18) => "1.8.0",
        _ => "1.5.0",
    }
}

/// The number of a method, and its name where the schema has no number for it. PATCH has one since 1.6.0.
fn of_method(method: &str, schema: SchemaConfig) -> (u64, Option<&str>) {
    let number = match method {
        "CONNECT" => 1,
        "DELETE" => 2,
        "GET" => 3,
        "HEAD" => 4,
        "OPTIONS" => 5,
        "POST" => 6,
        "PUT" => 7,
        "TRACE" => 8,
        "PATCH" if schema == SchemaConfig::Ocsf18 => 9,
        "" => 0,
        _ => OTHER,
    };
    (number, (number == OTHER).then_some(method))
}

fn of_operation(activity: Activity) -> u64 {
    match activity {
        Activity::Create => 1,
        Activity::Read => 2,
        Activity::Update => 3,
        Activity::Delete => 4,
        Activity::Other => OTHER,
    }
}

/// `action_id` and `disposition_id`.
fn decided(event: &Event<'_>) -> (u64, u64) {
    const ALLOWED: (u64, u64) = (1, 1);
    match (event.outcome.decision, event.outcome.filter) {
        (Decision::Allowed, _) => ALLOWED,
        // Observed, and logged.
        (Decision::Pending, _) => (3, 17),
        // It was not let through, and it got what is no denial.
        (Decision::Answered, _) => (4, 1),
        (Decision::Failed, _) => (0, 27),
        (Decision::Denied, "jwt-auth" | "jwt_authn" | "rbac" | "ext_authz") => (2, 26),
        (Decision::Denied, "envoy") => (2, 25),
        (Decision::Denied, "circuit-breaker" | "admission_control" | "audit-log") => (2, 27),
        (Decision::Denied, _) => (2, 2),
    }
}

/// `status_id`: unknown, a success or a failure.
fn status(event: &Event<'_>) -> u64 {
    match (event.extent.stage, event.outcome.is_success) {
        (Stage::RequestReceived, _) => 0,
        (_, true) => 1,
        (_, false) => 2,
    }
}

/// Whether anybody is named: an issuer alone is nobody.
fn has_actor(identity: Option<&Identity>) -> bool {
    identity.is_some_and(|it| it.subject.is_some() || it.client.is_some() || it.session.is_some())
}

fn write_actor(actor: &mut Object<'_>, identity: &Identity) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    actor.some_text("app_uid", &text(&identity.client));
    actor.object("idp", |idp| idp.some_text("uid", &text(&identity.issuer)));
    actor.object("session", |session| {
        if identity.session.is_some() {
            session.some_text("issuer", &text(&identity.issuer));
            session.some_text("uid", &text(&identity.session));
        }
    });
    actor.object("user", |user| user.some_text("uid", &text(&identity.subject)));
}

fn http_request(it: &mut Object<'_>, event: &Event<'_>, schema: SchemaConfig) {
    let further = event.further.as_deref();
    it.some_number("body_length", event.request_size.filter(|size| *size > 0));
    fields(it, "http_headers", further.map(|it| it.request_headers.as_slice()));
    // The schema has a list of them.
    if !matches!(of_method(&event.method, schema), (0 | OTHER, _)) {
        it.text("http_method", &event.method);
    }
    it.some_text("uid", event.request_id);
    if !event.path.is_empty() || !event.host.is_empty() {
        it.object("url", |url| {
            url.some_text("hostname", &event.host);
            url.some_text("path", &event.path);
            url.some_number("port", event.port.map(u64::from));
            url.some_text("query_string", event.query.as_deref().unwrap_or_default());
            url.some_text("scheme", &event.scheme);
            if event.path.is_empty() {
                url.text("url_string", &event.host);
            }
        });
    }
    it.some_text("user_agent", &event.user_agent);
    it.some_text("version", &event.version);
    it.texts("x_forwarded_for", &event.forwarded);
}

fn endpoint(it: &mut Object<'_>, endpoint: &Endpoint<'_>, service: &str) {
    match endpoint {
        Endpoint::Socket(address, port) => {
            it.text("ip", address);
            it.some_number("port", port.map(u64::from));
        }
        Endpoint::Name(name) => it.text("name", name),
    }
    it.some_text("svc_name", service);
}
