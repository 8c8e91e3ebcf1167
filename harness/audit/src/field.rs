//! What people ask for of a record, and where it is in each schema.

/// Of which type a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A point in time, in milliseconds since the epoch.
    Time,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A number.
    Double,
    /// A text.
    Text,
    /// Several texts.
    List,
}

/// One line per field: its name, its type, where it is in OCSF, where it is in ECS. In a path, `[]` is each element of a list.
macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $name:literal $kind:ident [$($ocsf:literal),*] [$($ecs:literal),*];)*) => {
        /// What people ask for of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field { $($(#[$doc])* $field,)* }

        impl Field {
            /// All of them, in the order of columns.
            pub const ALL: &[Self] = &[$(Self::$field,)*];

            /// The name of its column.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)* }
            }

            /// Its type.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$field => Kind::$kind,)* }
            }

            /// Where it is in OCSF. Of several, the first in the record counts.
            pub(crate) const fn ocsf(self) -> &'static [&'static str] {
                match self { $(Self::$field => &[$($ocsf),*],)* }
            }

            /// Likewise in ECS.
            pub(crate) const fn ecs(self) -> &'static [&'static str] {
                match self { $(Self::$field => &[$($ecs),*],)* }
            }
        }
    };
}

fields! {
    /// When it happened.
    Time "time" Time ["time"] ["@timestamp"];
    /// `request`, or what the writer says of itself: `genesis`, `checkpoint`, `loss`, `stop`, `abandoned`.
    Kind "kind" Text ["unmapped.audit.kind"] ["portcullis.audit.kind"];
    /// `allowed`, `denied` or `other`.
    Decision "decision" Text [] [];
    /// The status that the client got.
    Status "status" Int ["http_response.code"] ["http.response.status_code"];
    /// The status of a gRPC call.
    GrpcStatus "grpc_status" Int ["unmapped.audit.grpc_status"] ["portcullis.audit.grpc_status"];
    /// The filter that denied it.
    Filter "filter" Text [] [];
    /// Why it denied it; of other records, why they were written.
    Reason "reason" Text ["unmapped.audit.reason"] ["portcullis.audit.reason"];
    /// Envoy's `response_code_details`.
    Details "details" Text ["status_detail"] ["event.reason"];
    /// Envoy's response flags, with commas.
    Flags "flags" Text ["unmapped.audit.flags"] ["portcullis.audit.flags"];
    /// How many requests or losses it stands for; left out, one.
    Count "count" Long ["count"] ["portcullis.count"];
    /// When the first of them began.
    Start "start_time" Time ["start_time"] ["event.start"];
    /// When the last of them ended.
    End "end_time" Time ["end_time"] ["event.end"];
    /// How long the request took, in milliseconds.
    Duration "duration_ms" Double ["duration"] ["event.duration"];
    /// The method of the request.
    Method "method" Text ["http_request.http_method"] ["http.request.method"];
    /// The scheme.
    Scheme "scheme" Text ["http_request.url.scheme"] ["url.scheme"];
    /// The host.
    Host "host" Text ["http_request.url.hostname"] ["url.domain"];
    /// The path.
    Path "path" Text ["http_request.url.path"] ["url.path"];
    /// The query.
    Query "query" Text ["http_request.url.query_string"] ["url.query"];
    /// `HTTP/1.1`.
    Protocol "protocol" Text ["http_request.version"] ["http.version"];
    /// The operation of an API: `shop.v1.Orders/List`.
    Operation "operation" Text ["api.operation"] [];
    /// What is done, as OCSF calls it: `Get`, `Create`.
    Activity "activity" Text ["activity_name"] ["event.action"];
    /// The class of the record in OCSF.
    ClassUid "class_uid" Int ["class_uid"] [];
    /// The user.
    Subject "subject" Text ["actor.user.uid"] ["user.id"];
    /// Who vouches for the user.
    Issuer "issuer" Text ["actor.session.issuer", "actor.idp.uid"] ["portcullis.audit.issuer"];
    /// The tenant.
    Tenant "tenant" Text ["metadata.tenant_uid"] ["organization.id"];
    /// The program that the user uses.
    ClientId "client_id" Text ["actor.app_uid"] ["portcullis.audit.client_id"];
    /// The session.
    Session "session" Text ["actor.session.uid"] ["portcullis.audit.session"];
    /// The name in the client's certificate.
    Peer "peer" Text ["src_endpoint.svc_name", "unmapped.audit.peer.uri"] ["portcullis.audit.peer.uri"];
    /// The address of the client.
    SourceIp "source_ip" Text ["src_endpoint.ip"] ["source.ip", "source.address"];
    /// Its port.
    SourcePort "source_port" Int ["src_endpoint.port"] ["source.port"];
    /// The addresses in `x-forwarded-for`.
    ForwardedFor "forwarded_for" List ["http_request.x_forwarded_for"] ["portcullis.audit.forwarded_for", "network.forwarded_ip"];
    /// The header `user-agent`.
    UserAgent "user_agent" Text ["http_request.user_agent"] ["user_agent.original"];
    /// The length of the body of the request.
    RequestBytes "request_bytes" Long ["http_request.body_length"] ["http.request.body.bytes", "http.request.bytes"];
    /// The length of the body of the response.
    ResponseBytes "response_bytes" Long ["http_response.body_length"] ["http.response.body.bytes", "http.response.bytes"];
    /// Envoy's route.
    Route "route" Text ["unmapped.audit.route"] ["portcullis.audit.route"];
    /// Envoy's upstream cluster.
    Cluster "cluster" Text ["dst_endpoint.svc_name", "unmapped.audit.cluster"] ["portcullis.audit.cluster"];
    /// The address of the upstream.
    UpstreamIp "upstream_ip" Text ["dst_endpoint.ip"] ["destination.ip"];
    /// Its port.
    UpstreamPort "upstream_port" Int ["dst_endpoint.port"] ["destination.port"];
    /// The trace.
    TraceId "trace_id" Text ["trace.uid"] ["trace.id"];
    /// The span in it.
    SpanId "span_id" Text ["trace.span.uid"] ["span.id"];
    /// `x-request-id`.
    RequestId "request_id" Text ["http_request.uid"] ["http.request.id"];
    /// The rule of the audit log by which it was recorded.
    Rule "rule" Text ["unmapped.audit.rule"] ["portcullis.audit.rule", "rule.name"];
    /// How much was recorded: `metadata`, `headers`, `bodies`.
    Level "level" Text ["unmapped.audit.level"] ["portcullis.audit.level"];
    /// `request_received` where nothing had been decided yet.
    Stage "stage" Text ["unmapped.audit.stage"] ["portcullis.audit.stage"];
    /// The proxies that it is of, as they call themselves: Envoy's node cluster.
    Service "service" Text ["metadata.log_provider", "log_provider"] ["service.name"];
    /// The record: chain and sequence.
    Id "id" Text ["metadata.uid"] ["event.id"];
    /// The writer.
    Chain "chain" Text ["unmapped.integrity.chain", "attestation_list.[].chain_uid"] ["portcullis.integrity.chain"];
    /// Its number in the chain.
    Sequence "sequence" Long ["metadata.sequence", "unmapped.integrity.sequence"] ["event.sequence"];
    /// The hash of the record.
    Hash "hash" Text ["unmapped.integrity.hash", "attestation_list.[].fingerprint.value"] ["portcullis.integrity.hash", "event.hash"];
    /// The hash of the record before it.
    Previous "previous" Text
        ["unmapped.integrity.previous", "attestation_list.[].prev_event.fingerprint.value"] ["portcullis.integrity.previous"];
}

impl Field {
    /// The field with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// All names, with commas.
    pub fn names() -> String {
        Self::ALL.iter().map(|field| field.name()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_places_are_distinct() {
        let names: BTreeSet<_> = Field::ALL.iter().map(|field| field.name()).collect();
        assert_eq!(names.len(), Field::ALL.len());
        let places = Field::ALL.iter().flat_map(|field| field.ocsf().iter().chain(field.ecs()));
        let places: Vec<_> = places.collect();
        assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len());
        for (place, field) in Field::ALL.iter().enumerate() {
            assert_eq!(*field as usize, place);
            assert_eq!(Field::named(field.name()), Some(*field));
        }
        assert_eq!(Field::named("nothing"), None);
    }
}
