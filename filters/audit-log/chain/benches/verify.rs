//! How fast records are verified and sealed, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use portcullis_audit_chain::verify::{Place, Trust, Verifier};
use portcullis_audit_chain::{Chain, Form};

const RECORDS: usize = 20_000;
const FORMS: [(&str, Form); 2] = [("member", Form::Member), ("record_integrity", Form::RecordIntegrity)];

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    for (name, form) in FORMS {
        let lines = sealed(form);
        let bytes: usize = lines.iter().map(Vec::len).sum();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function("verify", |bencher| bencher.iter(|| verify(&lines)));
        group.bench_function("seal", |bencher| bencher.iter(|| sealed(form)));
        group.bench_function("write, without sealing", |bencher| bencher.iter(unsealed));
        group.finish();
    }
}

fn verify(lines: &[Vec<u8>]) {
    let mut verifier = Verifier::new(Trust::default());
    for (index, line) in lines.iter().enumerate() {
        assert!(verifier.line(Place { file: 0, line: index as u64 }, line).is_empty());
    }
    black_box(verifier.finish());
}

fn sealed(form: Form) -> Vec<Vec<u8>> {
    let mut chain = Chain::new([7; 16], form, "portcullis".to_owned());
    (0..RECORDS)
        .map(|number| {
            let mut line = record(number);
            let place = match form {
                Form::Member => line.len() - 2,
                Form::RecordIntegrity => ACTOR,
            };
            chain.seal(&mut line, place);
            line
        })
        .collect()
}

fn unsealed() -> Vec<Vec<u8>> {
    (0..RECORDS).map(record).collect()
}

/// Where `attestation_list` belongs in a request's record.
const ACTOR: usize = r#"{"action_id":1,"activity_id":3,"actor":{"app_uid":"web","session":{"issuer":"https://idp.example","uid":"s-1"},"user":{"uid":"alice"}},"#.len();

/// A request as it is recorded at the level `metadata`, or the first record.
fn record(number: usize) -> Vec<u8> {
    let audit = match number {
        0 => r#"{"filter":"audit-log","kind":"genesis"}"#,
        _ => {
            r#"{"cluster":"backend","decisions":[{"action":"allowed","filter":"jwt-auth"}],"level":"metadata","peer":{"uri":"spiffe://td/ns/a/sa/b"},"route":"orders","rule":"payments"}"#
        }
    };
    let uid = "07070707070707070707070707070707";
    format!(
        r#"{{"action_id":1,"activity_id":3,"actor":{{"app_uid":"web","session":{{"issuer":"https://idp.example","uid":"s-1"}},"user":{{"uid":"alice"}}}},"category_uid":4,"class_uid":4002,"disposition_id":1,"dst_endpoint":{{"ip":"10.0.0.7","port":8080,"svc_name":"backend"}},"duration":12,"end_time":1790000000012,"http_request":{{"body_length":0,"http_method":"GET","uid":"a6c3d8f0-5f0e-4b59-9b1e-6d6f5e0c7a11","url":{{"hostname":"shop.example","path":"/orders/{number}","query_string":"page=2&token=[redacted]","scheme":"https"}},"user_agent":"curl/8","version":"HTTP/1.1","x_forwarded_for":["1.2.3.4"]}},"http_response":{{"body_length":512,"code":200}},"metadata":{{"log_provider":"web.shop","product":{{"name":"Portcullis","vendor_name":"Portcullis","version":"0.1.0"}},"profiles":["security_control","trace"],"sequence":{number},"tenant_uid":"acme","uid":"{uid}-{number}","version":"1.5.0"}},"severity_id":1,"src_endpoint":{{"ip":"192.0.2.1","port":4711,"svc_name":"spiffe://td/ns/a/sa/b"}},"start_time":1790000000000,"status_code":"200","status_detail":"via_upstream","status_id":1,"time":1790000000000,"tls":{{"sni":"shop.example","version":"TLSv1.3"}},"trace":{{"span":{{"uid":"00f067aa0ba902b7"}},"uid":"0af7651916cd43dd8448eb211c80319c"}},"type_uid":400203,"unmapped":{{"audit":{audit}}}}}"#
    )
    .into_bytes()
}
