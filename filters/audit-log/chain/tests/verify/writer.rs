//! A writer of records like those of the filter, and who verifies them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_audit_chain::verify::{Finding, Place, Summary, Trust, Verifier};
use portcullis_audit_chain::{
    Chain, Form, Keys, MacKey, NoteKey, Signature, Signer, VerifierKey, canonical, hex,
};
use serde_json::{Value, json};

/// What a writer writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    Ocsf,
    Attested,
    Ecs,
}

pub(crate) const SCHEMAS: [Schema; 3] = [Schema::Ocsf, Schema::Attested, Schema::Ecs];

/// A writer, and what it has written.
pub(crate) struct Writer {
    pub(crate) chain: Chain,
    pub(crate) signer: Signer,
    pub(crate) schema: Schema,
    pub(crate) lines: Vec<Vec<u8>>,
    time: u64,
}

impl Writer {
    /// A writer that has written its first record.
    pub(crate) fn new(number: u8, schema: Schema, keys: &Keys) -> Self {
        let form = if schema == Schema::Attested { Form::RecordIntegrity } else { Form::Member };
        let chain = Chain::new([number; 16], form, "portcullis \"x\"".to_owned());
        let signer = Signer::for_chain(keys, chain.uid());
        let mut writer = Self { chain, signer, schema, lines: Vec::new(), time: 1_790_000_000_000 };
        let mut audit = json!({"config": "c", "filter": "audit-log", "kind": "genesis", "reason": "start", "version": "0.1.0"});
        if let Some(key) = writer.signer.name() {
            audit["key"] = key.into();
        }
        writer.write(audit, json!({}));
        writer
    }

    pub(crate) fn request(&mut self, path: &str) {
        let audit = json!({"cluster": "backend", "level": "metadata", "claims": {"integrity": {"hash": "x"}, "hash": path}});
        self.write(
            audit,
            json!({"http_request": {"url": {"path": path}}, "status": 200, "attestation": [1, 2.5, "x"]}),
        );
    }

    pub(crate) fn requests(&mut self, count: usize) {
        for number in 0..count {
            self.request(&format!("/orders/{number}?\u{fc}=\"\\\n\u{1}😀"));
        }
    }

    pub(crate) fn checkpoint(&mut self) {
        let checkpoint = self.chain.checkpoint();
        let mut audit =
            json!({"kind": "checkpoint", "root": checkpoint.root_text(), "size": checkpoint.size});
        match self.signer.sign(&checkpoint) {
            Signature::Unsigned => (),
            Signature::Note(note) => audit["note"] = note.into(),
            Signature::Mac { epoch, mac } => {
                audit["epoch"] = epoch.into();
                audit["mac"] = hex::lower(&mac).into();
            }
        }
        self.write(audit, json!({}));
    }

    pub(crate) fn loss(&mut self, range: Option<(u64, u64)>) {
        let mut audit = json!({"kind": "loss", "reason": "queue_full"});
        if let Some((first, last)) = range {
            audit["first_sequence"] = first.into();
            audit["last_sequence"] = last.into();
            if let Some(before) = first.checked_sub(1).and_then(|before| self.lines.get(before as usize)) {
                let before: Value = serde_json::from_slice(before).unwrap();
                let hash = [
                    "/unmapped/integrity/hash",
                    "/portcullis/integrity/hash",
                    "/attestation_list/0/fingerprint/value",
                ];
                audit["previous"] = hash.iter().find_map(|path| before.pointer(path)).unwrap().clone();
            }
        }
        self.write(audit, json!({"count": range.map_or(7, |(first, last)| last - first + 1)}));
    }

    pub(crate) fn stop(&mut self) {
        self.write(json!({"kind": "stop", "reason": "configuration"}), json!({}));
    }

    pub(crate) fn abandoned(&mut self, other: &Chain) {
        let (sequence, hash) = other.last().unwrap();
        let audit = json!({"chain": other.uid(), "hash": hex::lower(&hash), "kind": "abandoned", "sequence": sequence});
        self.write(audit, json!({}));
    }

    /// Makes a record of this, seals it, and keeps it.
    pub(crate) fn write(&mut self, audit: Value, more: Value) {
        let line = self.sealed(audit, more);
        self.lines.push(line);
    }

    pub(crate) fn sealed(&mut self, audit: Value, mut record: Value) -> Vec<u8> {
        self.time += 7;
        let mut id = Vec::new();
        self.chain.id(&mut id);
        let id = String::from_utf8(id).unwrap();
        let sequence = self.chain.sequence();
        let mut mark = Vec::new();
        canonical::value(&mut mark, &audit);
        if self.schema == Schema::Ecs {
            let time = format!("2026-09-21T14:13:20.{:03}Z", self.time % 1000);
            record["@timestamp"] = time.into();
            record["event"] = json!({"id": id, "sequence": sequence, "kind": "event"});
            record["portcullis"] = json!({"audit": audit});
            record["url"] = json!({"path": "/"});
        } else {
            record["category_uid"] = 4.into();
            record["time"] = self.time.into();
            record["metadata"] = json!({"uid": id, "sequence": sequence, "version": "1.5.0"});
            record["unmapped"] = json!({"audit": audit});
        }
        let mut text = Vec::new();
        canonical::value(&mut text, &record);
        let place = match self.schema {
            Schema::Ocsf => text.len() - 2,
            Schema::Attested => find(&text, b"\"category_uid\""),
            Schema::Ecs => find(&text, &[b"\"audit\":", mark.as_slice()].concat()) + 8 + mark.len(),
        };
        self.chain.seal(&mut text, place);
        text
    }
}

pub(crate) fn find(text: &[u8], wanted: &[u8]) -> usize {
    text.windows(wanted.len()).position(|part| part == wanted).unwrap()
}

/// A line with something in it replaced.
pub(crate) fn replaced(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(line.to_owned()).unwrap();
    assert!(text.contains(from), "{text} has no {from}");
    text.replacen(from, to, 1).into_bytes()
}

/// A signing key of this name.
pub(crate) fn note_key(name: &str, seed: u8) -> NoteKey {
    let bytes = [&[1], &[seed; 32][..]].concat();
    // The id is one that only parsing tells.
    let wrong = format!("PRIVATE+KEY+{name}+00000000+{}", STANDARD.encode(&bytes));
    let told = NoteKey::parse(&wrong).unwrap_err().to_string();
    let id = told.split("which is ").nth(1).unwrap().split(';').next().unwrap();
    NoteKey::parse(&format!("PRIVATE+KEY+{name}+{id}+{}", STANDARD.encode(&bytes))).unwrap()
}

pub(crate) fn verifier_key(key: &NoteKey) -> VerifierKey {
    VerifierKey::parse(&key.verifier().to_string()).unwrap()
}

pub(crate) fn mac_key(byte: u8) -> MacKey {
    MacKey::parse(&hex::lower(&[byte; 32])).unwrap()
}

/// Trust in the keys that a writer has.
pub(crate) fn trust(keys: &Keys) -> Trust {
    match keys {
        Keys::None => Trust::default(),
        Keys::Ed25519(key) => Trust { notes: vec![verifier_key(key)], ..Trust::default() },
        Keys::Mac(key) => Trust { macs: vec![key.clone()], ..Trust::default() },
    }
}

pub(crate) fn all_keys() -> [Keys; 3] {
    [Keys::None, Keys::Ed25519(note_key("audit.example", 9)), Keys::Mac(mac_key(5))]
}

/// What is found in these lines, and what there is to say of them.
pub(crate) fn verify_with<L: AsRef<[u8]>>(mut verifier: Verifier, lines: &[L]) -> (Vec<Finding>, Summary) {
    let mut findings = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        findings.extend(verifier.line(Place { file: 0, line: index as u64 + 1 }, line.as_ref()));
    }
    let summary = verifier.finish();
    findings.extend(summary.findings.iter().cloned());
    (findings, summary)
}

pub(crate) fn verify<L: AsRef<[u8]>>(trust: Trust, lines: &[L]) -> (Vec<Finding>, Summary) {
    verify_with(Verifier::new(trust), lines)
}

/// What is found, as lines of number, record and code.
pub(crate) fn told(findings: &[Finding]) -> Vec<String> {
    let told = findings.iter().map(|finding| {
        let sequence = finding.sequence.map_or_else(|| "-".to_owned(), |sequence| sequence.to_string());
        format!("{}:{sequence}:{}", finding.place.line, finding.problem.code())
    });
    told.collect()
}
