//! Which member of JSON is in which field.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_proto::audit::details::Kind;
use portcullis_proto::audit::{
    Abandoned, Actor, Api, Attestation, Body, Checkpoint, Decision, Details, Endpoint, Fingerprint,
    FirewallRule, Genesis, HttpRequest, HttpResponse, Integrity, Loss, Metadata, Named, Node, Pair, Peer,
    PreviousEvent, Product, Record, Session, Span, Stop, Tls, Trace, Traffic, Unmapped, Url,
};

use super::member::{Member, Members, Object, take};

macro_rules! objects {
    ($($message:ident: $($member:ident)+;)+) => {
        $(impl Object for $message {
            fn take(members: &mut Members) -> Self {
                let mut it = Self::default();
                $(it.$member = Member::take(members, stringify!($member));)+
                it
            }

            fn give(&self, members: &mut Members) {
                $(self.$member.give(members, stringify!($member));)+
            }
        })+
    };
}

objects! {
    Abandoned: chain hash sequence;
    Actor: app_uid idp session user;
    Api: operation service;
    Attestation: authority_uid chain_uid fingerprint prev_event;
    Body: content_type size text truncated;
    Decision: action filter reason;
    Details: attempts cluster cookies decisions fingerprint flags grpc_status kind level method peer request_body response_body
        response_trailers route rule sample set_cookies stage tls truncated;
    Endpoint: hostname ip name port svc_name uid;
    Fingerprint: algorithm_id encoding_id serialization_id value;
    FirewallRule: name rate_limit uid;
    Genesis: config filter key node previous_chain reason version;
    HttpRequest: body_length http_headers http_method referrer uid url user_agent version x_forwarded_for;
    HttpResponse: body_length code content_type http_headers latency message;
    Integrity: chain hash previous sequence;
    Loss: first_sequence last_sequence reason;
    Metadata: log_name log_provider product profiles sequence tenant_uid uid version;
    Named: name uid;
    Node: cluster id namespace pod;
    Pair: name value;
    Peer: subject uri;
    PreviousEvent: fingerprint type_uid uid;
    Product: name vendor_name version;
    Record: action_id activity_id activity_name actor api attestation_list category_uid class_uid count disposition_id
        dst_endpoint duration end_time firewall_rule http_cookies http_request http_response log_name log_provider log_type_id
        message metadata severity_id src_endpoint start_time status_code status_detail status_id time tls trace traffic type_uid
        unmapped;
    Session: issuer uid;
    Span: end_time parent_uid start_time uid;
    Stop: reason;
    Tls: cipher sni version;
    Trace: span uid;
    Traffic: bytes_in bytes_out;
    Unmapped: audit integrity;
    Url: hostname path port query_string scheme url_string;
}

impl Object for Checkpoint {
    fn take(members: &mut Members) -> Self {
        Self {
            epoch: Member::take(members, "epoch"),
            mac: Member::take(members, "mac"),
            note: Member::take(members, "note"),
            root: take(members, "root", |root| STANDARD.decode(root.as_str()?).ok()),
            size: Member::take(members, "size"),
        }
    }

    fn give(&self, members: &mut Members) {
        self.epoch.give(members, "epoch");
        self.mac.give(members, "mac");
        self.note.give(members, "note");
        self.root.as_ref().map(|root| STANDARD.encode(root)).give(members, "root");
        self.size.give(members, "size");
    }
}

/// The member `kind` says which message it is; the members of that are its neighbours.
impl Member for Option<Kind> {
    fn take(members: &mut Members, name: &str) -> Self {
        let of: fn(&mut Members) -> Kind = match members.get(name)?.as_str()? {
            "abandoned" => |members| Kind::Abandoned(Object::take(members)),
            "checkpoint" => |members| Kind::Checkpoint(Object::take(members)),
            "genesis" => |members| Kind::Genesis(Object::take(members)),
            "loss" => |members| Kind::Loss(Object::take(members)),
            "stop" => |members| Kind::Stop(Object::take(members)),
            _ => return None,
        };
        members.remove(name);
        Some(of(members))
    }

    fn give(&self, members: &mut Members, name: &str) {
        let Some(kind) = self else { return };
        let kind = match kind {
            Kind::Abandoned(it) => given("abandoned", it, members),
            Kind::Checkpoint(it) => given("checkpoint", it, members),
            Kind::Genesis(it) => given("genesis", it, members),
            Kind::Loss(it) => given("loss", it, members),
            Kind::Stop(it) => given("stop", it, members),
        };
        members.insert(name.to_owned(), kind.into());
    }
}

fn given<'a>(kind: &'a str, it: &impl Object, members: &mut Members) -> &'a str {
    it.give(members);
    kind
}
