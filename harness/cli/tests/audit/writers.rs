//! Writers of audit records, as the filter audit-log is one on each worker of a proxy.

use fastrand::Rng;
use portcullis_audit_chain::{Chain, Form, Keys, NoteKey, Signature, Signer};
use serde_json::{Value, json};

/// When the first record was written, in milliseconds since the epoch: 2026-09-21T14:13:20Z.
pub(crate) const START: u64 = 1_790_000_000_000;
/// After so many records of a chain there is a checkpoint.
const CHECKPOINT: u64 = 40;
/// For tests only.
const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

/// The lines of one file: the records of four chains, one in eight a denial, and what a file has besides.
pub(crate) fn lines(requests: usize) -> Vec<String> {
    let mut rng = Rng::with_seed(7);
    let mut writers: Vec<_> = (0..4).map(Writer::new).collect();
    let mut lines: Vec<_> = writers.iter_mut().map(|writer| writer.genesis(START)).collect();
    for number in 0..requests {
        let time = START + 5000 + number as u64 * 250;
        let writer = &mut writers[rng.usize(..4)];
        lines.push(writer.request(number, time, &mut rng));
        if writer.chain.sequence().is_multiple_of(CHECKPOINT) {
            lines.push(writer.checkpoint(time + 1));
        }
        if number == requests / 2 {
            lines.push(writer.loss(17, time + 2));
            // A batch that was sent again.
            lines.extend_from_within(lines.len() - 12..lines.len() - 4);
        }
    }
    let end = START + 6000 + requests as u64 * 250;
    let abandoned = writers.pop().unwrap();
    lines.push(writers[0].abandoned(&abandoned, end));
    lines.extend(writers.iter_mut().map(|writer| writer.stop(end + 1)));
    lines
}

struct Writer {
    chain: Chain,
    signer: Signer,
}

impl Writer {
    fn new(number: u8) -> Self {
        let chain = Chain::new([0x10 + number; 16], Form::Member, String::new());
        let key = Keys::Ed25519(NoteKey::parse(KEY).unwrap());
        let signer = Signer::for_chain(&key, chain.uid());
        Self { chain, signer }
    }

    fn genesis(&mut self, time: u64) -> String {
        let audit = json!({"config": "5f".repeat(32), "filter": "audit-log", "key": self.signer.name(),
            "kind": "genesis", "node": {"cluster": "web.shop", "id": "web-1"}, "reason": "start", "version": "0.1.0"});
        self.notice((6, None), time, audit, json!({}))
    }

    fn checkpoint(&mut self, time: u64) -> String {
        let checkpoint = self.chain.checkpoint();
        let Signature::Note(note) = self.signer.sign(&checkpoint) else { panic!("it has a key for notes") };
        let audit = json!({"kind": "checkpoint", "note": note, "root": checkpoint.root_text(), "size": checkpoint.size});
        self.notice((99, Some("Checkpoint")), time, audit, json!({}))
    }

    fn loss(&mut self, count: u64, time: u64) -> String {
        let times = json!({"count": count, "end_time": time - 100, "start_time": time - 900});
        self.notice((99, Some("Loss")), time, json!({"kind": "loss", "reason": "queue_full"}), times)
    }

    fn abandoned(&mut self, other: &Self, time: u64) -> String {
        let (sequence, hash) = other.chain.last().unwrap();
        let hash = portcullis_audit_chain::hex::lower(&hash);
        let audit =
            json!({"chain": other.chain.uid(), "hash": hash, "kind": "abandoned", "sequence": sequence});
        self.notice((99, Some("Abandoned")), time, audit, json!({}))
    }

    fn stop(&mut self, time: u64) -> String {
        self.notice((7, None), time, json!({"kind": "stop", "reason": "configuration"}), json!({}))
    }

    fn notice(
        &mut self,
        (activity, name): (u64, Option<&str>),
        time: u64,
        audit: Value,
        rest: Value,
    ) -> String {
        let mut record = json!({"activity_id": activity, "category_uid": 1, "class_uid": 1008,
            "log_name": "portcullis.audit", "log_type_id": 2, "severity_id": 1, "status_id": 1, "time": time,
            "type_uid": 100_800 + activity, "unmapped": {"audit": audit}});
        if let Some(name) = name {
            record["activity_name"] = name.into();
        }
        record.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        self.sealed(record)
    }

    fn request(&mut self, number: usize, time: u64, rng: &mut Rng) -> String {
        let user = ["alice", "bob", "carol", "svc-billing"][rng.usize(..4)];
        let path = ["/orders", "/orders/7", "/orders/7/items", "/payments", "/healthz"][rng.usize(..5)];
        let method = ["GET", "GET", "POST", "DELETE"][rng.usize(..4)];
        let activity = match method {
            "GET" => 3,
            "POST" => 6,
            _ => 2,
        };
        let mut record = json!({
            "action_id": 1, "activity_id": activity, "category_uid": 4, "class_uid": 4002, "disposition_id": 1,
            "actor": {"app_uid": "web", "idp": {"uid": "https://idp.example"}, "user": {"uid": user}},
            "dst_endpoint": {"ip": "10.0.0.7", "port": 8080, "svc_name": "backend"}, "duration": rng.u32(1..90),
            "http_request": {
                "http_method": method, "uid": format!("d2c4b9a1-0000-4000-8000-{number:012}"), "user_agent": "curl/8.5.0",
                "url": {"hostname": "shop.example", "path": path, "query_string": "page=2&token=[redacted]", "scheme": "https"},
                "version": "HTTP/2", "x_forwarded_for": ["198.51.100.7"],
            },
            "http_response": {"body_length": rng.u32(..5000), "code": 200}, "severity_id": 1,
            "src_endpoint": {"ip": format!("192.0.2.{}", rng.u8(1..20)), "port": rng.u16(40_000..)},
            "status_detail": "via_upstream", "status_id": 1, "time": time,
            "trace": {"span": {"uid": format!("{:016x}", rng.u64(..))}, "uid": format!("{:032x}", rng.u128(..))},
            "type_uid": 400_200 + activity,
            "unmapped": {"audit": {"level": "metadata", "route": "shop", "rule": "everything"}},
        });
        match number % 8 {
            3 => denied(&mut record, rng),
            7 if number % 32 == 7 => unreachable(&mut record),
            _ => {}
        }
        record["metadata"]["tenant_uid"] = ["acme", "globex"][rng.usize(..2)].into();
        self.sealed(record)
    }

    /// The record as the next one of its chain.
    fn sealed(&mut self, mut record: Value) -> String {
        let mut id = Vec::new();
        self.chain.id(&mut id);
        record["metadata"]["log_provider"] = "web.shop".into();
        record["metadata"]["product"] = json!({"name": "Portcullis", "version": "0.1.0"});
        record["metadata"]["profiles"] = json!(["host", "security_control", "trace"]);
        record["metadata"]["sequence"] = self.chain.sequence().into();
        record["metadata"]["uid"] = String::from_utf8(id).unwrap().into();
        record["metadata"]["version"] = "1.5.0".into();
        // Members of a Map are sorted, as RFC 8785 has them, and `unmapped` with its `audit` is the last one.
        let mut line = record.to_string().into_bytes();
        let place = line.len() - 2;
        self.chain.seal(&mut line, place);
        String::from_utf8(line).unwrap()
    }
}

fn denied(record: &mut Value, rng: &mut Rng) {
    let (filter, reason, status, disposition) = [
        ("jwt-auth", "jwt_expired", 401, 26),
        ("jwt-auth", "jwt_forbidden", 403, 26),
        ("token-bucket", "rate_limit_exceeded", 429, 2),
        ("circuit-breaker", "circuit_open", 503, 27),
    ][rng.usize(..4)];
    record["action_id"] = 2.into();
    record["disposition_id"] = disposition.into();
    record["http_response"]["code"] = status.into();
    record["status_detail"] = format!("portcullis_{reason}").into();
    record["status_id"] = 2.into();
    record["severity_id"] = 2.into();
    record["unmapped"]["audit"]["decisions"] =
        json!([{"action": "denied", "filter": filter, "reason": reason}]);
    if reason == "rate_limit_exceeded" {
        record["count"] = rng.u32(2..60).into();
    }
    record.as_object_mut().unwrap().remove("dst_endpoint");
}

fn unreachable(record: &mut Value) {
    record["action_id"] = 0.into();
    record["http_response"]["code"] = 503.into();
    record["status_detail"] = "upstream_reset_before_response_started".into();
    record["status_id"] = 2.into();
    record["unmapped"]["audit"]["flags"] = "UF,URX".into();
}
