//! Any bytes as a DPoP proof, and proofs that were nearly good: no panic, nothing is accepted, and nothing is written down as used.

use bolero::TypeGenerator;
use portcullis_jwt_auth::{Binding, Presented, SenderConstraintConfig};
use portcullis_kit::Headers;
use portcullis_kit::testing::TestHost;
use serde_json::{Value, json};

/// What somebody sends who has no key that the token is bound to.
#[derive(Clone, Debug, TypeGenerator)]
enum Proof {
    Bytes(Vec<u8>),
    /// Changes to one of the proofs that are good for another token.
    Damaged {
        which: u8,
        edits: Vec<(u16, u8)>,
    },
}

fn binding() -> Binding {
    let config: SenderConstraintConfig =
        serde_json::from_value(json!({"dpop": {"algorithms": ["ES256", "EdDSA", "RS256", "PS256"]}}))
            .unwrap();
    Binding::try_from(config).unwrap()
}

fn proofs() -> Vec<String> {
    let all: Value = serde_json::from_str(include_str!("dpop/proofs.json")).unwrap();
    let mut found = Vec::new();
    collect(&all, &mut found);
    assert!(found.len() > 5);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.matches('.').count() == 2 => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[test]
fn no_proof_of_another_key_is_accepted() {
    let (binding, proofs) = (binding(), proofs());
    let cnf = json!({"jkt": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
    bolero::check!().with_type::<Proof>().for_each(|proof| {
        let bytes = match proof {
            Proof::Bytes(bytes) => bytes.clone(),
            Proof::Damaged { which, edits } => {
                let mut bytes = proofs[usize::from(*which) % proofs.len()].clone().into_bytes();
                for (at, byte) in edits {
                    let at = usize::from(*at) % bytes.len();
                    bytes[at] = *byte;
                }
                bytes
            }
        };
        let fields: [(&str, &[u8]); 5] = [
            (":method", b"POST"),
            (":scheme", b"https"),
            (":authority", b"server.example.com"),
            (":path", b"/token"),
            ("dpop", &bytes),
        ];
        let request: Headers = fields.into_iter().collect();
        let mut host = TestHost::at(1_562_262_616);
        let presented = Presented { token: b"token", scheme: Some("DPoP") };
        assert!(binding.check(Some(&cnf), presented, &request, &mut host).is_err());
        assert!(host.shared.is_empty(), "only a proof that is good is written down");
    });
}
